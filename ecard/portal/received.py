"""What a person was given: top-ups, credits, subsidies and vouchers, and what was taken back with its run.

Four small sources, each read by the person's own index and merged newest first: sales are never touched, however many
stand behind them, and a page costs a fixed number of statements.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.core.money import format_minor
from ecard.benefits.models import Grant, LeftOut, Programme, Run, RunLine, RunState
from ecard.benefits.vouchers import run_of
from ecard.cardholders.values import CardholderView
from ecard.ledger.models import TransferKind
from ecard.ledger.queries import newest_causes
from ecard.payments.models import Tender, TopUp
from ecard.portal.queries import Cursor, read_cursor, write_cursor
from ecard.portal.vouchers import spending_terms

PER_PAGE = 20
SOURCES = 8
"""An entry's mark is its row's id times this, and its source: one order for all, which a cursor can name."""

Row = TypeVar("Row", bound=Model)


class Source(IntEnum):
    """Where an entry stands written. The numbers are in cursors."""

    TOP_UP = 1
    GRANT = 2
    RUN = 3
    TAKEN_BACK = 4


@dataclass(frozen=True, slots=True)
class Received:
    """One entry: below zero where it was taken back. `notes` say from whom, until when and where, in sentences."""

    at: datetime
    mark: int
    name: str
    amount_minor: int
    notes: tuple[str, ...]

    @property
    def amount(self) -> str:
        """As money, with its sign."""
        return f"{'−' if self.amount_minor < 0 else '+'}{format_minor(abs(self.amount_minor))}"


@dataclass(frozen=True, slots=True)
class ReceivedPage:
    """A page, newest first; `next_before` leads to the older ones and is empty at the end."""

    entries: tuple[Received, ...]
    is_later: bool
    next_before: str


def received_page(cardholder: CardholderView, *, before: str, at: datetime) -> ReceivedPage:
    """One page. A cursor that is not one gives the newest."""
    cursor = read_cursor(before)
    top_ups = _read(TopUp.objects.filter(cardholder_id=cardholder.id), "made_at", Source.TOP_UP, cursor)
    grants = _read(_grants_alone(cardholder), "issued_at", Source.GRANT, cursor)
    paid = _read(_paid_lines(cardholder), "run__posting_at", Source.RUN, cursor)
    returned = _read(_returned_lines(cardholder), "run__reversing_at", Source.TAKEN_BACK, cursor)
    running = [each.programme for each in grants] + [line.run.programme for line in paid]
    terms = spending_terms((each for each in running if each is not None), at=at)
    tell = _Teller(terms, at, returned=_taken_from_here(grants))
    entries = [*map(_top_up, top_ups), *map(tell.grant, grants), *map(tell.paid, paid), *map(_taken_back, returned)]
    entries.sort(key=lambda entry: (entry.at, entry.mark), reverse=True)
    shown = entries[:PER_PAGE]
    return ReceivedPage(
        entries=tuple(shown),
        is_later=cursor is not None,
        next_before=write_cursor((shown[-1].at, shown[-1].mark)) if len(entries) > PER_PAGE else "",
    )


def _read(rows: QuerySet[Row], moment: str, source: Source, cursor: Cursor | None) -> list[Row]:
    """A page of one source and one row more, in the order of all."""
    if cursor is not None:
        at, mark = cursor
        same = Q(**{moment: at, "id__lt": -((source - mark) // SOURCES)})  # those whose own mark is smaller
        rows = rows.filter(Q(**{f"{moment}__lt": at}) | same)
    return list(rows.order_by(f"-{moment}", "-id")[: PER_PAGE + 1])


def _grants_alone(cardholder: CardholderView) -> QuerySet[Grant]:
    """Those no run paid: issued one by one, or given by somebody else."""
    return Grant.objects.filter(cardholder_id=cardholder.id, run__isnull=True).select_related("programme__sponsor")


def _lines(cardholder: CardholderView) -> QuerySet[RunLine]:
    mine = RunLine.objects.filter(cardholder_id=cardholder.id, left_out=LeftOut.NO)
    return mine.select_related("run__programme", "run__sponsor")


def _paid_lines(cardholder: CardholderView) -> QuerySet[RunLine]:
    over = Q(run__state__in=(RunState.POSTED, RunState.REVERSING, RunState.REVERSED))
    return _lines(cardholder).filter(over | Q(run__state=RunState.POSTING, id__lte=F("run__done_upto")))


def _returned_lines(cardholder: CardholderView) -> QuerySet[RunLine]:
    """`returned_minor` is written in the transaction that took it back."""
    return _lines(cardholder).filter(returned_minor__gt=0)


def _mark(row: Any, source: Source) -> int:
    return int(row.pk) * SOURCES + source


def _top_up(row: TopUp) -> Received:
    tender = str(Tender(row.tender).label)
    return Received(row.made_at, _mark(row, Source.TOP_UP), _("Top-up"), row.amount_minor, (tender,))


def _taken_back(line: RunLine) -> Received:
    notes = [_taken_back_by(line.run)]
    if line.spent_minor:
        notes.append(_("%(amount)s of it had been spent") % {"amount": format_minor(line.spent_minor)})
    at, returned_minor = line.run.reversing_at or line.run.made_at, line.returned_minor or 0
    return Received(at, _mark(line, Source.TAKEN_BACK), _name(line), -returned_minor, tuple(notes))


def _name(line: RunLine) -> str:
    """A credit belongs to no programme; whoever made its run said what it is for."""
    return line.run.programme.shown_name if line.run.programme is not None else line.run.reason


class _Teller:
    """Puts grants and lines of runs into words, by the terms that are in force."""

    def __init__(
        self, terms: Mapping[int, Callable[[int], str]], at: datetime, *, returned: Collection[int] = ()
    ) -> None:
        self._terms, self._at, self._returned = terms, at, returned

    def grant(self, row: Grant) -> Received:
        given, is_gone = row.origin_id is not None, row.ended_at is not None
        whose = _("given to you by somebody else") if given else _from(row.programme.sponsor.shown_name)
        run = run_of(row) if row.account_id in self._returned else None
        back = () if run is None else (_taken_back_by(run),)
        notes = (whose, *self._spent(row.programme, row.amount_minor, row.expires_at, is_gone=is_gone), *back)
        mark = _mark(row, Source.GRANT)
        return Received(row.issued_at, mark, row.programme.shown_name, row.amount_minor, notes)

    def paid(self, line: RunLine) -> Received:
        run = line.run
        notes = [_from(run.sponsor.shown_name)]
        if run.pieces > 1:
            told = {"count": run.pieces, "amount": format_minor(line.amount_minor)}
            notes.append(ngettext("%(count)d of %(amount)s", "%(count)d of %(amount)s each", run.pieces) % told)
        if run.programme is None or run.expires_at is None:
            notes.append(_("to your purse, to be spent everywhere"))
        else:
            is_gone = bool(line.returned_minor)
            notes += self._spent(run.programme, line.amount_minor, run.expires_at, is_gone=is_gone)
        at = run.posting_at or run.made_at
        return Received(at, _mark(line, Source.RUN), _name(line), line.amount_minor * run.pieces, tuple(notes))

    def _spent(self, programme: Programme, amount_minor: int, expires_at: datetime, *, is_gone: bool) -> Iterable[str]:
        """Where it can be spent, as long as it can be."""
        until = {"date": date_format(timezone.localtime(expires_at), "DATETIME_FORMAT")}
        if expires_at <= self._at:
            return (_("ended %(date)s") % until,)
        if is_gone:
            return ()
        return (self._terms[programme.pk](amount_minor), _("until %(date)s") % until)


def _taken_from_here(grants: Iterable[Grant]) -> Collection[int]:
    """The accounts of vouchers, given by somebody else, that were taken back with the run that had issued them."""
    gone = [row.account_id for row in grants if row.origin_id is not None and row.ended_at is not None]
    return newest_causes(gone, kinds=(TransferKind.TAKEN_BACK,)) if gone else {}


def _taken_back_by(run: Run) -> str:
    told = {"sponsor": run.sponsor.shown_name, "reason": run.reverse_reason}
    return _("taken back by %(sponsor)s: %(reason)s") % told


def _from(sponsor: str) -> str:
    return _("from %(sponsor)s") % {"sponsor": sponsor}
