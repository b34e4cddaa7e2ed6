"""Turning a group's records, in their order, into sales, reversals and exceptions. In memory: no database here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import NamedTuple

from ecard.benefits.values import UsageRow
from ecard.merchants.queries import OutletView
from ecard.settlement.models import DETAIL_LENGTH_MAX, ExceptionKind, Passage, SaleReversal, TerminalNote, Way
from ecard.settlement.posting.counts import PLAIN, Counts, counts_of, kept
from ecard.settlement.posting.records import Line, NoteLine, PassLine, ReversalLine, SaleLine
from ecard.settlement.posting.sources import Named, Presentation, Shown
from ecard.settlement.posting.teller import Failed, Paid, Teller
from ecard.settlement.posting.work import Taken
from ecard.settlement.posting.writing import day_number, sale_row
from ecard.settlement.rules import WHY, Finding, record_id, storable

_FINE, _UNREADABLE, _INCONSISTENT = int(Finding.FINE), int(Finding.UNREADABLE), int(Finding.INCONSISTENT)
_UNFIT = (_UNREADABLE, _INCONSISTENT)
_TOLD = {int(Finding.CARD_STOPPED): "stopped", int(Finding.CARD_REPLACED): "replaced"}
"""Posted as shown, since the terminal could not know, and told."""
_CARD_WHY = {Finding.CARD_OTHER_ACCOUNT: "other_account", Finding.CARD_UNKNOWN: "card_unknown"}

NOTHING_RESERVED: Mapping[int, Sequence[tuple[int, int]]] = MappingProxyType({})


class _Sold(NamedTuple):
    """What a later reversal needs to know of a sale."""

    account_ref: int
    business_date: date
    amount_minor: int
    period: int
    counts: Counts
    suspended: bool
    presentation: Presentation


@dataclass(slots=True)
class Written:
    """What a group writes beside its transfers."""

    sales: list[bytes] = field(default_factory=list)
    reversals: list[SaleReversal] = field(default_factory=list)
    usage: list[UsageRow] = field(default_factory=list)
    refs: set[int] = field(default_factory=set)
    passages: list[Passage] = field(default_factory=list)
    notes: list[TerminalNote] = field(default_factory=list)
    suspended: int = 0


class Decider:
    """Turns records, in their order, into sales, reversals and exceptions."""

    def __init__(
        self,
        *,
        named: Named,
        teller: Teller,
        shown: dict[Presentation, Shown],
        reserved: Mapping[int, Sequence[tuple[int, int]]] = NOTHING_RESERVED,
    ) -> None:
        self.written = Written()
        self.teller = teller
        self._named, self._shown, self._reserved = named, shown, reserved
        self._sold: dict[int, _Sold] = {}
        self._undone: set[int] = set()
        self._days: dict[str, tuple[date, int]] = {}

    def decide_all(self, batch: Taken, lines: list[Line | None], evidence: list[tuple[int, int, int]]) -> None:
        """The new records of one batch."""
        first_key = record_id(batch.stream_id, batch.first_seq)
        for place, (line, found) in enumerate(zip(lines, evidence, strict=True)):
            finding = found[0]
            if line is None or finding in _UNFIT:
                self._set_aside(batch, place, first_key + place, finding)
            elif type(line) is SaleLine:
                self._sell(batch, place, first_key + place, line, found)
            elif type(line) is ReversalLine:
                self._undo(batch, place, first_key + place, line)
            elif type(line) is PassLine:
                self.written.passages.append(_passage(batch, place, first_key + place, line, finding))
            elif type(line) is NoteLine:
                self.written.notes.append(_note(batch, place, first_key + place, line))

    def _set_aside(self, batch: Taken, place: int, key: int, finding: int) -> None:
        kind = ExceptionKind.RECORD_INCONSISTENT if finding == _INCONSISTENT else ExceptionKind.RECORD_UNREADABLE
        self.teller.refuse(Failed(key, kind, 0, {"batch": batch.batch_id, "position": batch.skip + place}))

    def _sell(self, batch: Taken, place: int, key: int, sale: SaleLine, found: tuple[int, int, int]) -> None:
        finding, code_id, presented_s = found
        named, written, tap, ref, amount_minor = self._named, self.written, sale.tap, sale.account_ref, sale.shown_minor
        outlet = named.outlets.get(tap.outlet)
        if outlet is None:
            outlet = named.outlets[batch.outlet_id]
            self.teller.refuse(Failed(key, ExceptionKind.OUTLET_UNKNOWN, amount_minor, {"outlet": tap.outlet}))
        if key in self._reserved:
            self.teller.free(self._reserved[key])
        presentation = (presented_s, code_id, ref)
        purse_id = named.purses.get(ref)
        shown = self._shown.get(presentation) if finding == _FINE and code_id else None
        day, day_number = self._days.get(tap.business_date) or self._day(tap.business_date)
        attempt = 0
        counts: Counts = ()
        told = None if finding == _FINE else _TOLD.get(finding)
        if purse_id is None or (finding != _FINE and told is None) or (shown is not None and shown[2]):
            why = _distrust(key, finding, amount_minor=amount_minor, shown=shown)
            paid = self.teller.suspend(sale_id=key, merchant=outlet.account_id, amount_minor=amount_minor, why=why)
            written.suspended += 1
        else:
            paid = self.teller.sell(key, ref, purse_id, outlet.account_id, tap.at_s, sale.quote.legs)
            attempt = shown[1] + 1 if shown is not None else 0
            if code_id:
                self._shown[presentation] = (key, attempt, True)
            if told is not None:
                self.teller.refuse(Failed(key, ExceptionKind.CARD_STOPPED, amount_minor, {"how": told}))
            counts = counts_of(amount_minor, sale.quote.legs, sale.quote.counted)
            for scope, total_minor, purse_minor in counts:
                written.usage.append((ref, day, tap.period, scope, total_minor, purse_minor, 1, tap.at_s))
            written.refs.add(ref)
        if key in named.reversed_ids:
            self._sold[key] = _Sold(ref, day, amount_minor, tap.period, counts, paid[4] > 0, presentation)
        written.sales.append(_row(batch, place, key, sale, found, outlet, paid, day_number, attempt, counts))

    def _undo(self, batch: Taken, place: int, key: int, reversal: ReversalLine) -> None:
        stream_id = self._named.streams.get((batch.terminal_id, reversal.of_epoch))
        sale_id = record_id(stream_id, reversal.of_seq) if stream_id is not None else 0
        sold: _Sold | None = self._sold.get(sale_id)
        moved = None
        if sold is None and (original := self._named.originals.get(sale_id)) is not None:
            sold, moved = _Sold(*original[:7]), self._named.moved.get(sale_id, [])
            if original.undone:
                self._undone.add(sale_id)
        if sold is None or sale_id in self._undone:
            kind = ExceptionKind.REVERSAL_UNKNOWN if sold is None else ExceptionKind.REVERSAL_AGAIN
            self.teller.refuse(Failed(key, kind, 0, {"epoch": reversal.of_epoch, "seq": reversal.of_seq}))
            return
        self._undone.add(sale_id)
        self.teller.undo(reversal_id=key, sale_id=sale_id, moved=moved)
        shown = self._shown.get(sold.presentation)
        if shown is not None and shown[0] == sale_id:
            self._shown[sold.presentation] = (sale_id, shown[1], False)
        if not sold.suspended:
            for scope, total_minor, purse_minor in sold.counts:
                counter = (sold.account_ref, sold.business_date, sold.period, scope)
                self.written.usage.append((*counter, -total_minor, -purse_minor, -1, 0))
            self.written.refs.add(sold.account_ref)
        self.written.reversals.append(
            SaleReversal(
                id=key,
                sale_id=sale_id,
                batch_id=batch.batch_id,
                position=batch.skip + place,
                amount_minor=sold.amount_minor,
                taken_at=datetime.fromtimestamp(reversal.at_ms / 1000, UTC),
                reason=storable(reversal.reason)[:DETAIL_LENGTH_MAX],
            )
        )

    def _day(self, text: str) -> tuple[date, int]:
        day = date.fromisoformat(text)
        known = self._days[text] = day, day_number(day)
        return known


def _row(
    batch: Taken,
    place: int,
    key: int,
    sale: SaleLine,
    found: tuple[int, int, int],
    outlet: OutletView,
    paid: Paid,
    day_number: int,
    attempt: int,
    counts: Counts,
) -> bytes:
    """What is written of one sale. By place: named arguments cost more than the call, and this runs for every sale."""
    return sale_row(
        key,
        sale.account_ref,
        found[1],
        found[2],
        sale.at_ms,
        batch.batch_id,
        batch.terminal_id,
        outlet.merchant_id,
        sale.shown_minor,
        paid,
        sale.quote.policy,
        day_number,
        outlet.id,
        sale.quote.evaluator,
        batch.skip + place,
        attempt,
        sale.tap.period,
        kept(counts, sale.shown_minor, paid[0] + paid[3]) if counts else PLAIN,
    )


def _passage(batch: Taken, place: int, key: int, passed: PassLine, finding: int) -> Passage:
    return Passage(
        id=key,
        terminal_id=batch.terminal_id,
        account_ref=passed.account_ref,
        way=Way.OUT if passed.direction == "out" else Way.IN,
        passed_at=datetime.fromtimestamp(passed.at_ms / 1000, UTC),
        batch_id=batch.batch_id,
        position=batch.skip + place,
        finding=finding,
    )


def _note(batch: Taken, place: int, key: int, note: NoteLine) -> TerminalNote:
    return TerminalNote(
        id=key,
        terminal_id=batch.terminal_id,
        what=storable(note.what),
        by=[storable(each) for each in note.by],
        params={storable(name): value for name, value in note.params.items()},
        noted_at=datetime.fromtimestamp(note.at_ms / 1000, UTC),
        batch_id=batch.batch_id,
        position=batch.skip + place,
    )


def _distrust(key: int, finding: int, *, amount_minor: int, shown: Shown | None) -> Failed:
    """Why a sale must not touch the person's accounts."""
    if finding in _CARD_WHY:
        said: dict[str, int | str] = {"why": _CARD_WHY[Finding(finding)], "medium": "card"}
        return Failed(key, ExceptionKind.EVIDENCE_BAD, amount_minor, said)
    if finding != _FINE and finding not in _TOLD:
        why = WHY.get(Finding(finding))
        params: dict[str, int | str] = {"why": why.value if why is not None else "other_account"}
        return Failed(key, ExceptionKind.EVIDENCE_BAD, amount_minor, params)
    if shown is not None and shown[2]:
        return Failed(key, ExceptionKind.PRESENTED_TWICE, amount_minor, {"other": shown[0]})
    return Failed(key, ExceptionKind.ACCOUNT_UNKNOWN, amount_minor, {})
