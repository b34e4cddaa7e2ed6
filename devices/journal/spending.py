"""What this terminal sold and the snapshot does not contain yet, by person; rebuilt from the records at each start."""

from collections.abc import Iterator, Mapping

import msgspec

from devices.core.funds import Pending, add_used
from devices.core.journal import SaleRecord
from devices.core.quote import Used


class Spent(msgspec.Struct, frozen=True):
    """One sale, as far as it lessens what a person may still spend."""

    epoch: int
    seq: int
    business_date: str
    total_minor: int
    purse_minor: int
    lots: tuple[tuple[int, int], ...]


class Spending:
    """In memory only: the journal is the truth. Not for two threads at once."""

    def __init__(self) -> None:
        self._by_account: dict[int, list[Spent]] = {}
        self._account_of: dict[tuple[int, int], int] = {}

    def add(self, epoch: int, record: SaleRecord) -> None:
        """A sale was made."""
        quote = record.quote
        spent = Spent(
            epoch,
            record.seq,
            record.tap.business_date,
            quote.amount_minor,
            quote.leg_minor("purse"),
            tuple((leg.ref, leg.amount_minor) for leg in quote.legs if leg.source == "lot"),
        )
        self._by_account.setdefault(record.account_ref, []).append(spent)
        self._account_of[epoch, record.seq] = record.account_ref

    def take_back(self, epoch: int, seq: int) -> None:
        """A sale was reversed, or is known to be in the snapshot."""
        account_ref = self._account_of.pop((epoch, seq), None)
        if account_ref is None:
            return
        left = [spent for spent in self._by_account[account_ref] if (spent.epoch, spent.seq) != (epoch, seq)]
        if left:
            self._by_account[account_ref] = left
        else:
            del self._by_account[account_ref]

    def settle(self, posted_through: Mapping[int, int]) -> None:
        """Forget what the snapshot contains, given as epoch → last sequence in it."""
        posted = [key for key in self._account_of if key[1] <= posted_through.get(key[0], 0)]
        for epoch, seq in posted:
            self.take_back(epoch, seq)

    def of(self, account_ref: int) -> Pending:
        """The sum for one person."""
        spends = self._by_account.get(account_ref)
        if spends is None:
            return _NOTHING
        lots: dict[int, int] = {}
        for lot, amount_minor in _lots(spends):
            lots[lot] = lots.get(lot, 0) + amount_minor
        return Pending(
            purse_minor=sum(spent.purse_minor for spent in spends),
            sales=len(spends),
            lots=lots,
            used=add_used((), (Used(each.business_date, each.total_minor, each.purse_minor, 1) for each in spends)),
        )


_NOTHING = Pending()


def _lots(spends: list[Spent]) -> Iterator[tuple[int, int]]:
    for spent in spends:
        yield from spent.lots
