"""One posting group: take, look up, lock, decide, write; in one transaction, or not at all."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from django.db import IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected

from ecard.benefits.operations import add_usage, end_grants, reopen_grants
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.errors import AccountClosed, InsufficientFunds
from ecard.ledger.locks import read_accounts
from ecard.ledger.operations import lock_accounts, next_posting_group, post_group, post_group_locking_late
from ecard.ledger.values import AccountState
from ecard.settlement.authorising.reserving import Reserved, reserved_for
from ecard.settlement.checkpoints import checkpoint
from ecard.settlement.posting.deciding import NOTHING_RESERVED, Decider
from ecard.settlement.posting.records import Line, ReversalLine, SaleLine, read_lines
from ecard.settlement.posting.sources import (
    NOTHING_BEFORE,
    Before,
    Named,
    Presentation,
    Shown,
    look_up,
    moved_by_now,
    posted_presentations,
    vouchers_before,
)
from ecard.settlement.posting.teller import Teller
from ecard.settlement.posting.work import Taken, take
from ecard.settlement.posting.writing import (
    add_exceptions,
    add_reversals,
    copy_sales,
    mark_posted,
)
from ecard.settlement.reported import operations as reported
from ecard.settlement.rules import Finding, split_record_id, unpack_evidence
from ecard.settlement.values import PostReport

GROUP_RECORDS = 8_000
GROUP_LEGS = 40_000
"""A bound on what one transaction writes, whatever the terminals sent."""

_FINE = int(Finding.FINE)
_LOTS = ("lot", "voucher")

DEADLOCK_ATTEMPTS = 3
"""Two terminals that took the same two codes in the other order can make two workers wait for each other."""


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
        reserved = reserved_for([(each.batch, each.lines) for each in batches])
        at_stake = _at_stake(batches, named)
        report = None if reserved.held or at_stake else _post_lightly(batches, named, at=at)
        if report is None:
            report = _post_carefully(batches, named, reserved, at_stake=at_stake, at=at)
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
    decider = _decide(batches, named, accounts, shown={}, before=NOTHING_BEFORE)
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


def _post_carefully(
    batches: list[_Read], named: Named, reserved: Reserved, *, at_stake: set[int], at: datetime
) -> PostReport:
    """Decided under locks: what a source cannot pay, and codes taken before, are told apart, and holds are ended."""
    locked = lock_accounts(named.accounts() | reserved.accounts)
    reserved.read()
    named = moved_by_now(named)
    checkpoint("post.locked")
    group = next_posting_group()
    shown = posted_presentations(_presentations(batches))
    decider = _decide(
        batches,
        named,
        reserved.without(locked, taken_too=False),
        shown=shown,
        before=vouchers_before(_refs(batches, "voucher"), at_stake=at_stake),
        reserved=reserved.by_key,
    )
    checkpoint("post.decided")
    captured = reserved.captures(decider.teller.rows)
    if decider.teller.rows:
        freed = reserved.without(locked, taken_too=True)
        post_group(rows=decider.teller.rows, locked=freed, at=at, posting_group=group, captured=captured)
    reserved.end(captured=captured, at=at)
    decider.written.refs.update(reserved.refs)
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
    before: Before,
    reserved: Mapping[int, Sequence[tuple[int, int]]] = NOTHING_RESERVED,
) -> Decider:
    teller = Teller(named=named, accounts=accounts, before=before)
    decider = Decider(named=named, teller=teller, shown=shown, reserved=reserved)
    for batch, lines, evidence in batches:
        decider.decide_all(batch, lines, evidence)
    return decider


def _finish(batches: list[_Read], decider: Decider, *, group: int, at: datetime) -> PostReport:
    """What is written once the accounts are locked: shared rows last and briefly."""
    written, teller = decider.written, decider.teller
    add_reversals(written.reversals)
    add_exceptions(teller.failed, at=at)
    reported.write(passages=written.passages, notes=written.notes)
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


def _at_stake(batches: list[_Read], named: Named) -> set[int]:
    """Lots that reversals of this group may fill again, and of which more must be known than what is in them."""
    found = set(named.refilled)
    undone: dict[int, list[int]] = {}
    for key in named.reversed_ids:
        stream_id, seq = split_record_id(key)
        undone.setdefault(stream_id, []).append(seq)
    for batch, lines, _evidence in batches:
        for seq in undone.get(batch.stream_id, ()):
            line = lines[seq - batch.first_seq] if batch.first_seq <= seq <= batch.last_seq else None
            if type(line) is SaleLine:
                found.update(leg.ref for leg in line.quote.legs if leg.source == "voucher")
    return found


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
        if type(line) is SaleLine and finding == _FINE and code_id
    }
