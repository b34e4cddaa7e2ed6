"""One posting group: take, look up, lock, decide, write; in one transaction, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.db import transaction

from ecard.benefits.operations import add_usage
from ecard.benefits.values import UsageRow
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.operations import lock_accounts, next_posting_group, post_group
from ecard.settlement.checkpoints import checkpoint
from ecard.settlement.models import DETAIL_LENGTH_MAX, ExceptionKind, SaleReversal
from ecard.settlement.posting.records import Line, ReversalLine, SaleLine, read_lines
from ecard.settlement.posting.sources import Named, Presentation, Shown, look_up, posted_presentations
from ecard.settlement.posting.teller import Failed, Teller
from ecard.settlement.posting.work import Taken, take
from ecard.settlement.posting.writing import SALE_LINE, add_exceptions, add_reversals, copy_sales, mark_posted
from ecard.settlement.rules import WHY, Finding, record_id, unpack_evidence
from ecard.settlement.values import PostReport

GROUP_RECORDS = 5_000
GROUP_LEGS = 40_000
"""A bound on what one transaction writes, whatever the terminals sent."""

_FINE, _UNREADABLE, _INCONSISTENT = int(Finding.FINE), int(Finding.UNREADABLE), int(Finding.INCONSISTENT)
_UNFIT = (_UNREADABLE, _INCONSISTENT)
_NO_CODE = r"\N"


def post(*, at: datetime, limit_records: int = GROUP_RECORDS) -> PostReport:
    """Post one group of checked batches; a report of no batches means that nothing is left to take.

    Any number of workers may run this at once, and each may be killed at any point: what was not committed stands
    on the work list as before.
    """
    with transaction.atomic():
        taken = take(limit_records=limit_records)
        checkpoint("post.taken")
        if not taken:
            return PostReport()
        report = _post_batches(_read(taken), at=at)
    checkpoint("post.committed")
    return report


class _Read(NamedTuple):
    """A batch with its records and, for each, what the check found."""

    batch: Taken
    lines: list[Line | None]
    evidence: list[tuple[int, int, int]]


class _Sold(NamedTuple):
    """What a later reversal needs to know of a sale."""

    account_ref: int
    business_date: date
    amount_minor: int
    purse_minor: int
    suspended: bool
    presentation: Presentation


@dataclass(slots=True)
class _Written:
    """What a group writes beside its transfers."""

    sales: list[str] = field(default_factory=list)
    reversals: list[SaleReversal] = field(default_factory=list)
    usage: list[UsageRow] = field(default_factory=list)
    refs: set[int] = field(default_factory=set)
    suspended: int = 0


def _read(taken: list[Taken]) -> list[_Read]:
    batches: list[_Read] = []
    legs = 0
    for batch in taken:
        lines = read_lines(batch.raw, skip=batch.skip)
        legs += sum([len(line.quote.legs) for line in lines if type(line) is SaleLine])
        if batches and legs > GROUP_LEGS:
            break
        batches.append(_Read(batch, lines, list(unpack_evidence(batch.evidence))))
    return batches


def _post_batches(batches: list[_Read], *, at: datetime) -> PostReport:
    named = _look_up(batches)
    locked = lock_accounts(named.accounts())
    checkpoint("post.locked")
    group = next_posting_group()
    teller = Teller(named=named, accounts=locked)
    decider = _Decider(named=named, teller=teller, shown=posted_presentations(_presentations(batches)))
    for batch, lines, evidence in batches:
        for place, (line, found) in enumerate(zip(lines, evidence, strict=True)):
            decider.decide(batch, place, line, found)
    written = decider.written
    checkpoint("post.funded")
    if teller.rows:
        post_group(rows=teller.rows, locked=locked, at=at, posting_group=group)
    checkpoint("post.transfers")
    copy_sales(written.sales)
    add_reversals(written.reversals)
    add_exceptions(teller.failed, at=at)
    checkpoint("post.sales")
    add_usage(rows=written.usage)
    record(topic=Topic.CARDHOLDER, refs=sorted(written.refs), at=at)
    checkpoint("post.usage")
    mark_posted(
        batch_ids=[each.batch.batch_id for each in batches],
        through={each.batch.stream_id: each.batch.last_seq for each in batches},
        posting_group=group,
        at=at,
    )
    checkpoint("post.marked")
    return PostReport(
        posting_group=group,
        batches=len(batches),
        records=sum(len(each.lines) for each in batches),
        sales=len(written.sales),
        reversals=len(written.reversals),
        suspended=written.suspended,
        exceptions=len(teller.failed),
        transfers=len(teller.rows),
    )


def _look_up(batches: list[_Read]) -> Named:
    sales = [line for each in batches for line in each.lines if type(line) is SaleLine]
    lots = [leg for sale in sales for leg in sale.quote.legs if leg.source == "lot"]
    return look_up(
        account_refs={sale.account_ref for sale in sales},
        lots={leg.ref for leg in lots},
        programmes={leg.programme for leg in lots},
        outlets={*(sale.tap.outlet for sale in sales), *(each.batch.outlet_id for each in batches)},
        reversed_records={
            (each.batch.terminal_id, line.of_epoch, line.of_seq)
            for each in batches
            for line in each.lines
            if type(line) is ReversalLine
        },
    )


def _presentations(batches: list[_Read]) -> set[Presentation]:
    return {
        (presented_s, code_id, line.account_ref)
        for each in batches
        for line, (finding, code_id, presented_s) in zip(each.lines, each.evidence, strict=True)
        if type(line) is SaleLine and finding == _FINE
    }


class _Decider:
    """Turns records, in their order, into sales, reversals and exceptions."""

    def __init__(self, *, named: Named, teller: Teller, shown: dict[Presentation, Shown]) -> None:
        self.written = _Written()
        self._named, self._teller, self._shown = named, teller, shown
        self._sold: dict[int, _Sold] = {}
        self._undone: set[int] = set()
        self._dates: dict[str, date] = {}

    def decide(self, batch: Taken, place: int, line: Line | None, found: tuple[int, int, int]) -> None:
        """One record. `place` counts from the batch's first record that was new."""
        key = record_id(batch.stream_id, batch.first_seq + place)
        finding = found[0]
        if line is None or finding in _UNFIT:
            kind = ExceptionKind.RECORD_INCONSISTENT if finding == _INCONSISTENT else ExceptionKind.RECORD_UNREADABLE
            self._teller.refuse(Failed(key, kind, 0, {"batch": batch.batch_id, "position": batch.skip + place}))
        elif type(line) is SaleLine:
            self._sell(batch, place, key, line, found)
        elif type(line) is ReversalLine:
            self._undo(batch, place, key, line)

    def _sell(self, batch: Taken, place: int, key: int, sale: SaleLine, found: tuple[int, int, int]) -> None:
        finding, code_id, presented_s = found
        named, ref, amount_minor = self._named, sale.account_ref, sale.shown_minor
        outlet = named.outlets.get(sale.tap.outlet)
        if outlet is None:
            outlet = named.outlets[batch.outlet_id]
            self._teller.refuse(Failed(key, ExceptionKind.OUTLET_UNKNOWN, amount_minor, {"outlet": sale.tap.outlet}))
        presentation = (presented_s, code_id, ref)
        purse_id = named.purses.get(ref)
        shown = self._shown.get(presentation) if finding == _FINE else None
        why = _distrust(key, finding, amount_minor=amount_minor, shown=shown)
        day = self._date(sale.tap.business_date)
        attempt = counted_minor = 0
        if purse_id is None or why is not None:
            why = why or Failed(key, ExceptionKind.ACCOUNT_UNKNOWN, amount_minor, {})
            paid = self._teller.suspend(sale_id=key, merchant=outlet.account_id, amount_minor=amount_minor, why=why)
            self.written.suspended += 1
        else:
            paid = self._teller.sell(
                sale_id=key,
                account_ref=ref,
                purse_id=purse_id,
                merchant=outlet.account_id,
                taken_s=sale.tap.at_s,
                legs=sale.quote.legs,
            )
            attempt = shown.attempt + 1 if shown is not None else 0
            self._shown[presentation] = Shown(key, attempt, live=True)
            counted_minor = paid.purse + paid.loss
            self.written.usage.append((ref, day, amount_minor, counted_minor, 1))
            self.written.refs.add(ref)
        self._sold[key] = _Sold(ref, day, amount_minor, counted_minor, paid.suspense > 0, presentation)
        self.written.sales.append(
            SALE_LINE
            % (
                key,
                ref,
                code_id or _NO_CODE,
                presented_s,
                datetime.fromtimestamp(sale.at_ms / 1000, UTC).isoformat(),
                batch.batch_id,
                batch.terminal_id,
                outlet.merchant_id,
                amount_minor,
                *paid,
                sale.quote.policy,
                sale.tap.business_date,
                outlet.id,
                sale.quote.evaluator,
                batch.skip + place,
                attempt,
            )
        )

    def _undo(self, batch: Taken, place: int, key: int, reversal: ReversalLine) -> None:
        stream_id = self._named.streams.get((batch.terminal_id, reversal.of_epoch))
        sale_id = record_id(stream_id, reversal.of_seq) if stream_id is not None else 0
        sold: _Sold | None = self._sold.get(sale_id)
        moved = None
        if sold is None and (original := self._named.originals.get(sale_id)) is not None:
            sold, moved = _Sold(*original[:6]), self._named.moved.get(sale_id, [])
            if original.undone:
                self._undone.add(sale_id)
        if sold is None or sale_id in self._undone:
            kind = ExceptionKind.REVERSAL_UNKNOWN if sold is None else ExceptionKind.REVERSAL_AGAIN
            self._teller.refuse(Failed(key, kind, 0, {"epoch": reversal.of_epoch, "seq": reversal.of_seq}))
            return
        self._undone.add(sale_id)
        self._teller.undo(reversal_id=key, sale_id=sale_id, moved=moved)
        shown = self._shown.get(sold.presentation)
        if shown is not None and shown.sale_id == sale_id:
            self._shown[sold.presentation] = shown._replace(live=False)
        if not sold.suspended:
            change = (-sold.amount_minor, -sold.purse_minor, -1)
            self.written.usage.append((sold.account_ref, sold.business_date, *change))
            self.written.refs.add(sold.account_ref)
        self.written.reversals.append(
            SaleReversal(
                id=key,
                sale_id=sale_id,
                batch_id=batch.batch_id,
                position=batch.skip + place,
                amount_minor=sold.amount_minor,
                taken_at=datetime.fromtimestamp(reversal.at_ms / 1000, UTC),
                reason=reversal.reason[:DETAIL_LENGTH_MAX],
            )
        )

    def _date(self, text: str) -> date:
        day = self._dates.get(text)
        if day is None:
            day = self._dates[text] = date.fromisoformat(text)
        return day


def _distrust(key: int, finding: int, *, amount_minor: int, shown: Shown | None) -> Failed | None:
    """Why a sale must not touch the person's accounts, or None."""
    if finding != _FINE:
        why = WHY.get(Finding(finding))
        params: dict[str, int | str] = {"why": why.value if why is not None else "other_account"}
        return Failed(key, ExceptionKind.EVIDENCE_BAD, amount_minor, params)
    if shown is not None and shown.live:
        return Failed(key, ExceptionKind.PRESENTED_TWICE, amount_minor, {"other": shown.sale_id})
    return None
