"""The newest sale in the journal: told on the screen, and undone where the cashier asks."""

from devices.core.journal import ReversalRecord
from devices.journal.journal import Journal
from devices.journal.values import JournalBroken, JournalFull, NewestSale, Passing
from devices.master.results import charged_minor
from devices.master.screen import LastSale
from devices.store.snapshots import SnapshotStore, StoreBroken

REVERSIBLE_MS = 15 * 60 * 1000
"""The newest sale may be reversed this long: long enough to notice a wrong amount, short for mischief."""


class Newest:
    """The journal is the truth; only the masked name is kept beside it."""

    def __init__(self, journal: Journal, *, passing: Passing) -> None:
        self._journal, self._passing = journal, passing
        self.name = ""

    def find_name(self, store: SnapshotStore) -> None:
        """After a start: who it was, where the snapshot still tells."""
        newest = self._journal.newest_sale
        if newest is None or store.held is None:
            return
        try:
            _, row = store.find(newest.record.account_ref)
        except StoreBroken:
            return
        self.name = row.name if row is not None else ""

    def told(self, now_ms: int) -> LastSale | None:
        """For the screen."""
        newest = self._journal.newest_sale
        if newest is None:
            return None
        return LastSale(
            amount_minor=charged_minor(newest.record),
            at_ms=newest.record.at_ms,
            name=self.name,
            reversed=newest.reversed,
            reversible=self.reversible(now_ms) is not None,
        )

    def reversible(self, now_ms: int) -> NewestSale | None:
        """The newest sale, where it may still be undone."""
        newest = self._journal.newest_sale
        if newest is None or newest.reversed or abs(now_ms - newest.record.at_ms) >= REVERSIBLE_MS:
            return None
        return newest

    def undo(self, at_ms: int, *, reason: str, sale: NewestSale | None = None, by: str = "") -> ReversalRecord | None:
        """This or the newest sale, whatever its age; None where there is none, or the journal takes no record."""
        sale = sale or self._journal.newest_sale
        if sale is None:
            return None
        record = ReversalRecord(
            seq=self._journal.next_seq,
            at_ms=at_ms,
            of_epoch=sale.epoch,
            of_seq=sale.record.seq,
            reason=reason,
            cashier=by,
        )
        try:
            self._journal.append_reversal(record, evidence=sale.record.evidence)
        except (JournalFull, JournalBroken):
            return None
        self._passing("reversal.durable")
        return record
