"""A shift as the terminal counted it beside what was posted of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from devices.core.notes import SHIFT_CLOSED, SHIFT_OPENED
from ecard.settlement.models import Sale, SaleReversal
from ecard.settlement.reported.models import TerminalNote
from ecard.settlement.rules import record_id, record_ids_of, split_record_id
from ecard.terminals.models import Stream

STREAMS_OF_A_SHIFT = 200
"""One is begun at each start of the terminal."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of the comparison."""

    name: str
    reported: int
    posted: int

    @property
    def same(self) -> bool:
        return self.reported == self.posted


@dataclass(frozen=True, slots=True)
class ShiftPosted:
    """`waiting` records of the shift are received and not posted yet: until then the two may differ."""

    lines: tuple[Counted, ...]
    waiting: int

    @property
    def same(self) -> bool:
        return all(line.same for line in self.lines)


def shift_posted(note: TerminalNote) -> ShiftPosted | None:
    """None where this closes no shift that is known from its beginning. Six statements."""
    if note.what != SHIFT_CLOSED:
        return None
    before = TerminalNote.objects.filter(terminal_id=note.terminal_id, what=SHIFT_OPENED, pk__lt=note.pk)
    opened = before.order_by("-pk").values_list("pk", flat=True).first()
    if opened is None:
        return None
    within, waiting = _within(note, opened)
    sales, sales_minor = _sum(Sale, within)
    undone, undone_minor = _sum(SaleReversal, within)
    told = note.params
    lines = (
        Counted("sales", told.get("sales", 0), sales),
        Counted("sales_minor", told.get("sales_minor", 0), sales_minor),
        Counted("reversals", told.get("reversals", 0), undone),
        Counted("reversed_minor", told.get("reversed_minor", 0), undone_minor),
    )
    return ShiftPosted(lines, waiting)


def _within(note: TerminalNote, opened: int) -> tuple[Q, int]:
    """The records between the two notes, by their numbers, and how many of them are not posted."""
    first, last = split_record_id(opened), split_record_id(note.pk)
    streams = Stream.objects.filter(terminal_id=note.terminal_id, pk__range=(first[0], last[0])).order_by("-pk")
    found, waiting = Q(pk__in=()), 0
    for stream in streams[:STREAMS_OF_A_SHIFT]:
        low, high = record_ids_of(stream.pk)
        low = opened if stream.pk == first[0] else low
        high = note.pk if stream.pk == last[0] else high
        found |= Q(pk__range=(low, high))
        waiting += max(
            0, min(high, record_id(stream.pk, stream.next_seq - 1)) - record_id(stream.pk, stream.posted_through)
        )
    return found, waiting


def _sum(model: type[Sale | SaleReversal], within: Q) -> tuple[int, int]:
    found = model._default_manager.filter(within).aggregate(count=Count("pk"), amount_minor=Sum("amount_minor"))
    return found["count"], found["amount_minor"] or 0
