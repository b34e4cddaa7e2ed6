"""What this terminal sold and the snapshot does not contain yet, by person; rebuilt from the records at each start."""

from collections.abc import Iterator, Mapping

import msgspec

from devices.core.funds import Pending, add_tallies, add_used
from devices.core.journal import SaleRecord
from devices.core.quote import Quote, Tally, Tap, Used
from devices.core.windows import keys_of

SPENT_WHOLE_MINOR = 1 << 62
"""A voucher pays once: whatever it paid, nothing is left of it."""


class Spent(msgspec.Struct, frozen=True):
    """One sale, as far as it lessens what a person may still spend. `scopes` are (scope, total, purse)."""

    epoch: int
    seq: int
    at_s: int
    business_date: str
    period: int
    total_minor: int
    purse_minor: int
    lots: tuple[tuple[int, int], ...]
    scopes: tuple[tuple[int, int, int], ...]


class Spending:
    """In memory only: the journal is the truth. Not for two threads at once."""

    def __init__(self) -> None:
        self._by_account: dict[int, list[Spent]] = {}
        self._account_of: dict[tuple[int, int], int] = {}

    def add(self, epoch: int, record: SaleRecord) -> None:
        """A sale was made."""
        self.count(record.account_ref, spent_of(epoch, record))

    def count(self, account_ref: int, spent: Spent) -> None:
        """A person spent this; once, however often it is said."""
        if (spent.epoch, spent.seq) not in self._account_of:
            self._by_account.setdefault(account_ref, []).append(spent)
            self._account_of[spent.epoch, spent.seq] = account_ref

    def bound(self, most: int) -> None:
        """Keep so many sales, the newest."""
        while len(self._account_of) > most:
            self.take_back(*next(iter(self._account_of)))

    def forget_before(self, at_s: int) -> None:
        """Let go the sales of before this moment."""
        old = [spent for spends in self._by_account.values() for spent in spends if spent.at_s < at_s]
        for spent in old:
            self.take_back(spent.epoch, spent.seq)

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
        for spent in spends:
            for lot, amount_minor in spent.lots:
                lots[lot] = lots.get(lot, 0) + amount_minor
        return Pending(
            purse_minor=sum(spent.purse_minor for spent in spends),
            sales=len(spends),
            lots=lots,
            used=add_used((), (Used(each.business_date, each.total_minor, each.purse_minor, 1) for each in spends)),
            tallies=add_tallies((), _tallies(spends)),
            last_s=max(spent.at_s for spent in spends),
        )


_NOTHING = Pending()


def spent_of(epoch: int, record: SaleRecord) -> Spent:
    """What a sale takes."""
    return spent_by(epoch, record.seq, record.quote, record.tap)


def spent_by(epoch: int, seq: int, quote: Quote, tap: Tap) -> Spent:
    """What an approved quote takes once it is a sale."""
    return Spent(
        epoch,
        seq,
        tap.at_s,
        tap.business_date,
        tap.period,
        quote.amount_minor - quote.leg_minor("entitlement"),
        quote.leg_minor("purse"),
        tuple(_taken(quote)),
        tuple(_scopes(quote)),
    )


def _taken(quote: Quote) -> Iterator[tuple[int, int]]:
    for leg in quote.legs:
        if leg.source == "lot":
            yield leg.ref, leg.amount_minor
        elif leg.source == "voucher":
            yield leg.ref, SPENT_WHOLE_MINOR


def _scopes(quote: Quote) -> Iterator[tuple[int, int, int]]:
    for counted in quote.counted:
        yield counted.scope, counted.total_minor, counted.purse_minor
    for leg in quote.legs:
        if leg.source == "entitlement":
            yield -leg.ref, 0, 0


def _tallies(spends: list[Spent]) -> Iterator[Tally]:
    """Whole days of all sales are in `used`; every other window and scope is here."""
    for spent in spends:
        for key in keys_of(spent.business_date, spent.period):
            if key != spent.business_date:
                yield Tally(key, 0, spent.total_minor, spent.purse_minor, 1)
            for scope, total_minor, purse_minor in spent.scopes:
                yield Tally(key, scope, total_minor, purse_minor, 1)
