"""What this terminal tells of itself: its journal's sales and reversals as facts, and a gate's passages as others."""

from collections.abc import Callable, Iterable, Iterator

from devices.core import code as codes
from devices.core.accept import presented_at
from devices.core.card import read_evidence
from devices.core.code import Code
from devices.core.journal import NoteRecord, PassRecord, Record, ReversalRecord, SaleRecord
from devices.core.notes import CLEARED
from devices.journal.spending import spent_of
from devices.journal.telling import Topic
from devices.journal.values import JournalBroken
from devices.lan.hall import KEEP_MS
from devices.lan.heard import KEEP_S
from devices.lan.messages import Cleared, Fact, PassageFact, Passed, Told, Undone, packed, passing_name
from devices.lan.peer import OwnJournal

FACTS_PER_ANSWER = 16
MAX_REMEMBERED = 2_000


class Story:
    """One topic of the journal, told over again to whoever asks. The caller's lock guards what is in memory."""

    def __init__(self, journal: OwnJournal, topic: Topic, now_ms: Callable[[], int]) -> None:
        self._journal, self._topic, self._now_ms = journal, topic, now_ms
        self._keep_ms = KEEP_S * 1000 if topic == "sales" else KEEP_MS
        self._ends = self.read_ends()

    @property
    def ends(self) -> tuple[tuple[int, int], ...]:
        """The last fact of each epoch, oldest epoch first."""
        return tuple(self._ends.items())

    def told(self, epoch: int, seq: int) -> int:
        """A new fact is told; after which one it comes."""
        before, self._ends[epoch] = self._ends.get(epoch, 0), seq
        return before if before < seq else 0

    def read_ends(self) -> dict[int, int]:
        """The ends as the journal has them. Raises JournalBroken."""
        return self._journal.told_ends(self._topic, since_ms=self._since_ms())

    def follow(self, found: dict[int, int], *, before: tuple[tuple[int, int], ...]) -> None:
        """Take what was read while the ends were `before`: what came since stands, what grew too old goes."""
        old = {epoch for epoch, seq in before if epoch not in found and self._ends.get(epoch) == seq}
        known = {epoch: seq for epoch, seq in self._ends.items() if epoch not in old}
        self._ends = {epoch: seq for epoch, seq in found.items() if epoch not in known} | known

    def answer(self, epoch: int, after: int) -> list[Fact | PassageFact]:
        """One datagram's worth of what follows; the listener asks on."""
        try:
            records = self._journal.told_after(
                self._topic, epoch, after, since_ms=self._since_ms(), limit=FACTS_PER_ANSWER
            )
        except JournalBroken:
            return []
        first = next(packed(facts(epoch, records, after=after)), [])
        return [item for item in first if isinstance(item, Fact | PassageFact)]

    def codes(self, *, since_ms: int) -> Iterator[tuple[bytes, int]]:
        """The codes taken since then and their moments, in the order of the journal. Raises JournalBroken."""
        for epoch in self._ends:
            records = self._journal.told_after(self._topic, epoch, 0, since_ms=since_ms, limit=MAX_REMEMBERED)
            for fact in facts(epoch, records, after=0):
                if isinstance(fact, Told | Passed) and fact.code:
                    yield fact.code, fact.moment_s

    def _since_ms(self) -> int:
        return self._now_ms() - self._keep_ms


def told(epoch: int, record: SaleRecord, *, after: int) -> Told:
    """A sale as neighbours hear it."""
    spent, code = spent_of(epoch, record), code_of(record.evidence)
    return Told(
        epoch=epoch,
        seq=record.seq,
        after=after,
        account_ref=record.account_ref,
        at_s=spent.at_s,
        business_date=spent.business_date,
        period=spent.period,
        total_minor=spent.total_minor,
        purse_minor=spent.purse_minor,
        lots=spent.lots,
        scopes=spent.scopes,
        code=code.code_id if code is not None else b"",
        moment_s=presented_at(code) if code is not None else 0,
    )


def undone(epoch: int, record: ReversalRecord, *, after: int) -> Undone:
    """A reversal as neighbours hear it."""
    return Undone(epoch, record.seq, after, record.of_epoch, record.of_seq)


def passed(epoch: int, record: PassRecord, *, after: int) -> Passed:
    """A passage as the other gates of the hall hear it."""
    code, outlet = code_of(record.evidence), record.tap.outlet
    return Passed(
        epoch=epoch,
        seq=record.seq,
        after=after,
        outlet=outlet,
        account_ref=record.account_ref,
        at_ms=record.at_ms,
        business_date=record.tap.business_date,
        inwards=record.direction == "in",
        code=passing_name(code.code_id, outlet=outlet) if code is not None else b"",
        moment_s=presented_at(code) if code is not None else 0,
    )


def cleared(epoch: int, record: NoteRecord, *, after: int) -> Cleared:
    """A clearing as the other gates hear it."""
    return Cleared(epoch, record.seq, after, record.params.get("outlet", 0), record.at_ms)


def facts(epoch: int, records: Iterable[Record], *, after: int) -> Iterator[Fact | PassageFact]:
    """The facts among an epoch's records, which follow `after`."""
    for record in records:
        fact = _fact(epoch, record, after=after)
        if fact is not None:
            yield fact
            after = record.seq


def _fact(epoch: int, record: Record, *, after: int) -> Fact | PassageFact | None:
    if isinstance(record, SaleRecord):
        return told(epoch, record, after=after)
    if isinstance(record, ReversalRecord):
        return undone(epoch, record, after=after)
    if isinstance(record, PassRecord):
        return passed(epoch, record, after=after)
    if isinstance(record, NoteRecord) and record.what == CLEARED:
        return cleared(epoch, record, after=after)
    return None


def code_of(evidence: str) -> Code | None:
    """The code in a record's evidence; None for a card."""
    if read_evidence(evidence) is not None:
        return None
    try:
        return codes.parse(evidence, institution=evidence[2 : codes.PREFIX_LENGTH])
    except (codes.NotACode, codes.OtherInstitution, codes.DamagedCode):
        return None
