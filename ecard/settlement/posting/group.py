"""One posting group: take, look up, lock, decide, write; in one transaction, or not at all."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.db import IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected

from ecard.benefits.operations import add_usage, end_grants, reopen_grants
from ecard.benefits.values import UsageRow
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.errors import AccountClosed, InsufficientFunds
from ecard.ledger.locks import read_accounts
from ecard.ledger.operations import lock_accounts, next_posting_group, post_group, post_group_locking_late
from ecard.ledger.values import AccountState
from ecard.settlement.checkpoints import checkpoint
from ecard.settlement.models import DETAIL_LENGTH_MAX, ExceptionKind, SaleReversal
from ecard.settlement.posting.counts import PLAIN, Counts, counts_of, kept
from ecard.settlement.posting.records import Line, ReversalLine, SaleLine, read_lines
from ecard.settlement.posting.sources import Named, Presentation, Shown, look_up, posted_presentations, spent_vouchers
from ecard.settlement.posting.teller import Failed, Teller
from ecard.settlement.posting.work import Taken, take
from ecard.settlement.posting.writing import (
    add_exceptions,
    add_reversals,
    copy_sales,
    day_number,
    mark_posted,
    sale_row,
)
from ecard.settlement.rules import WHY, Finding, record_id, unpack_evidence
from ecard.settlement.values import PostReport

GROUP_RECORDS = 8_000
GROUP_LEGS = 40_000
"""A bound on what one transaction writes, whatever the terminals sent."""

DEADLOCK_ATTEMPTS = 3
"""Two terminals that took the same two codes in the other order can make two workers wait for each other."""

_FINE, _UNREADABLE, _INCONSISTENT = int(Finding.FINE), int(Finding.UNREADABLE), int(Finding.INCONSISTENT)
_LOTS = ("lot", "voucher")
_UNFIT = (_UNREADABLE, _INCONSISTENT)


def post(*, at: datetime, limit_records: int = GROUP_RECORDS) -> PostReport:
    """Post one group of checked batches; a report of no batches means that nothing is left to take.

    Any number of workers may run this at once, and each may be killed at any point: what was not committed stands
    on the work list as before.
    """
    for _attempt in range(DEADLOCK_ATTEMPTS - 1):
        try:
            return _post(at=at, limit_records=limit_records)
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
    return _post(at=at, limit_records=limit_records)


def _post(*, at: datetime, limit_records: int) -> PostReport:
    with transaction.atomic(), _uncollected():
        taken = take(limit_records=limit_records)
        checkpoint("post.taken")
        if not taken:
            return PostReport()
        batches = _read(taken)
        named = _look_up(batches)
        report = _post_lightly(batches, named, at=at) or _post_carefully(batches, named, at=at)
    checkpoint("post.committed")
    return report


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector: a group makes a hundred thousand tuples and no cycle, and is gone in a moment."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


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
    period: int
    counts: Counts
    suspended: bool
    presentation: Presentation


@dataclass(slots=True)
class _Written:
    """What a group writes beside its transfers."""

    sales: list[bytes] = field(default_factory=list)
    reversals: list[SaleReversal] = field(default_factory=list)
    usage: list[UsageRow] = field(default_factory=list)
    refs: set[int] = field(default_factory=set)
    suspended: int = 0


def _read(taken: list[Taken]) -> list[_Read]:
    batches: list[_Read] = []
    legs = 0
    for batch in taken:
        lines = read_lines(batch.raw, skip=batch.skip)
        legs += sum([len(line.quote.legs) + len(line.quote.counted) for line in lines if type(line) is SaleLine])
        if batches and legs > GROUP_LEGS:
            break
        batches.append(_Read(batch, lines, list(unpack_evidence(batch.evidence))))
    return batches


def _post_lightly(batches: list[_Read], named: Named, *, at: datetime) -> PostReport | None:
    """The common case: everything is funded and nothing was presented before. None where that was not so.

    Decided on unlocked balances and written; then the accounts are locked and the balances judged (ADR 0001, 4). That
    no presentation is posted twice, the index over presentations makes sure.
    """
    accounts = read_accounts(named.accounts())
    decider = _decide(batches, named, accounts, shown={}, spent={})
    if decider.teller.failed or not decider.teller.rows:
        return None
    group = next_posting_group()
    try:
        with transaction.atomic():
            copy_sales(decider.written.sales)
            checkpoint("post.sales")
            post_group_locking_late(rows=decider.teller.rows, at=at, posting_group=group, accounts=accounts)
    except (InsufficientFunds, AccountClosed, IntegrityError):
        return None
    except OperationalError as error:
        if isinstance(error.__cause__, DeadlockDetected):
            return None
        raise
    checkpoint("post.transfers")
    return _finish(batches, decider, group=group, at=at)


def _post_carefully(batches: list[_Read], named: Named, *, at: datetime) -> PostReport:
    """Decided under locks: what a source cannot pay, and codes taken before, are told apart."""
    locked = lock_accounts(named.accounts())
    checkpoint("post.locked")
    group = next_posting_group()
    shown = posted_presentations(_presentations(batches))
    decider = _decide(batches, named, locked, shown=shown, spent=spent_vouchers(_refs(batches, "voucher")))
    checkpoint("post.decided")
    if decider.teller.rows:
        post_group(rows=decider.teller.rows, locked=locked, at=at, posting_group=group)
    checkpoint("post.transfers")
    copy_sales(decider.written.sales)
    checkpoint("post.sales")
    return _finish(batches, decider, group=group, at=at)


def _decide(
    batches: list[_Read],
    named: Named,
    accounts: Mapping[int, AccountState],
    *,
    shown: dict[Presentation, Shown],
    spent: dict[int, int],
) -> _Decider:
    decider = _Decider(named=named, teller=Teller(named=named, accounts=accounts, spent=spent), shown=shown)
    for batch, lines, evidence in batches:
        decider.decide_all(batch, lines, evidence)
    return decider


def _finish(batches: list[_Read], decider: _Decider, *, group: int, at: datetime) -> PostReport:
    """What is written once the accounts are locked: shared rows last and briefly."""
    written, teller = decider.written, decider.teller
    add_reversals(written.reversals)
    add_exceptions(teller.failed, at=at)
    add_usage(rows=written.usage)
    _mark_vouchers(teller.taken, at=at)
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


def _mark_vouchers(taken: Mapping[int, bool], *, at: datetime) -> None:
    """Spent ones are over; those whose sale was taken back can be used again."""
    if taken:
        end_grants(accounts=[lot for lot, spent in taken.items() if spent], at=at)
        reopen_grants(accounts=[lot for lot, spent in taken.items() if not spent])


def _refs(batches: list[_Read], source: str) -> set[int]:
    return {
        leg.ref
        for each in batches
        for line in each.lines
        if type(line) is SaleLine
        for leg in line.quote.legs
        if leg.source == source
    }


def _look_up(batches: list[_Read]) -> Named:
    sales = [line for each in batches for line in each.lines if type(line) is SaleLine]
    lots = [leg for sale in sales for leg in sale.quote.legs if leg.source in _LOTS]
    return look_up(
        account_refs={sale.account_ref for sale in sales},
        lots={leg.ref for leg in lots},
        programmes={leg.programme for leg in lots},
        entitlements=_refs(batches, "entitlement"),
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
        self.teller = teller
        self._named, self._shown = named, shown
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
        presentation = (presented_s, code_id, ref)
        purse_id = named.purses.get(ref)
        shown = self._shown.get(presentation) if finding == _FINE else None
        day, day_number = self._days.get(tap.business_date) or self._day(tap.business_date)
        attempt = 0
        counts: Counts = ()
        if purse_id is None or finding != _FINE or (shown is not None and shown[2]):
            why = _distrust(key, finding, amount_minor=amount_minor, shown=shown)
            paid = self.teller.suspend(sale_id=key, merchant=outlet.account_id, amount_minor=amount_minor, why=why)
            written.suspended += 1
        else:
            paid = self.teller.sell(key, ref, purse_id, outlet.account_id, tap.at_s, sale.quote.legs)
            attempt = shown[1] + 1 if shown is not None else 0
            self._shown[presentation] = (key, attempt, True)
            counts = counts_of(amount_minor, sale.quote.legs, sale.quote.counted)
            for scope, total_minor, purse_minor in counts:
                written.usage.append((ref, day, tap.period, scope, total_minor, purse_minor, 1, tap.at_s))
            written.refs.add(ref)
        if key in named.reversed_ids:
            self._sold[key] = _Sold(ref, day, amount_minor, tap.period, counts, paid[4] > 0, presentation)
        # By place: named arguments cost more than the rest of the call, and this runs for every sale.
        written.sales.append(
            sale_row(
                key,
                ref,
                code_id,
                presented_s,
                sale.at_ms,
                batch.batch_id,
                batch.terminal_id,
                outlet.merchant_id,
                amount_minor,
                paid,
                sale.quote.policy,
                day_number,
                outlet.id,
                sale.quote.evaluator,
                batch.skip + place,
                attempt,
                tap.period,
                kept(counts, amount_minor=amount_minor, purse_minor=paid[0] + paid[3]) if counts else PLAIN,
            )
        )

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
                reason=reversal.reason[:DETAIL_LENGTH_MAX],
            )
        )

    def _day(self, text: str) -> tuple[date, int]:
        day = date.fromisoformat(text)
        known = self._days[text] = day, day_number(day)
        return known


def _distrust(key: int, finding: int, *, amount_minor: int, shown: Shown | None) -> Failed:
    """Why a sale must not touch the person's accounts."""
    if finding != _FINE:
        why = WHY.get(Finding(finding))
        params: dict[str, int | str] = {"why": why.value if why is not None else "other_account"}
        return Failed(key, ExceptionKind.EVIDENCE_BAD, amount_minor, params)
    if shown is not None and shown[2]:
        return Failed(key, ExceptionKind.PRESENTED_TWICE, amount_minor, {"other": shown[0]})
    return Failed(key, ExceptionKind.ACCOUNT_UNKNOWN, amount_minor, {})
