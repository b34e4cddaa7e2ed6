"""Paying a run out, a chunk of lines a transaction: whoever goes on after a crash begins behind the last line paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from ecard.approvals.errors import OtherContent
from ecard.approvals.models import Kind
from ecard.approvals.operations import use
from ecard.benefits.granting import NewGrant, give
from ecard.benefits.models import Duplicate, LeftOut, Programme, Run, RunKind, RunLine, RunState
from ecard.benefits.models.runs import AT_WORK
from ecard.benefits.runs import duplicates, reversing
from ecard.benefits.runs.errors import DuplicatesAppeared, TooLate, WrongState
from ecard.benefits.runs.making import content_digest, locked
from ecard.benefits.runs.rollover import roll_over
from ecard.cardholders.models import CardholderState
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.models import CauseKind, TransferKind
from ecard.ledger.operations import post_group_locking_late
from ecard.ledger.values import NewTransfer

LINES_PER_CHUNK = 10_000
RUNS_LOCK = 0x65636172_6472756E  # any constant that no other advisory lock of this database uses


class Due(NamedTuple):
    """A line to be paid, with what is needed of its person."""

    line_id: int
    cardholder_id: int
    amount_minor: int
    duplicate: int
    account_ref: int
    number: str
    state: int
    purse_id: int


_DUE = (
    "id",
    "cardholder_id",
    "amount_minor",
    "duplicate",
    "cardholder__account_ref",
    "cardholder__number",
    "cardholder__state",
    "cardholder__purse_id",
)

_ANY_HAD = """
SELECT EXISTS (SELECT 1 FROM benefits_grant
               WHERE programme_id = %s AND period_key = ANY(%s) AND run_id IS DISTINCT FROM %s)
"""
# By the lines' numbers, not by a list of people, and person by person: ten thousand people take longer to hand over
# than to look up, and a join is planned by what the table was before this run.
_HAD = """
SELECT line.cardholder_id, had.came_back
FROM benefits_runline AS line
CROSS JOIN LATERAL (
    SELECT bool_and(coalesce(earlier.state = 'reversed' AND undone.spent_minor = 0, false)) AS came_back
    FROM benefits_grant AS lot
    LEFT JOIN benefits_run AS earlier ON earlier.id = lot.run_id
    LEFT JOIN benefits_runline AS undone ON undone.run_id = lot.run_id AND undone.cardholder_id = lot.cardholder_id
    WHERE lot.programme_id = %s AND lot.period_key = ANY(%s) AND lot.cardholder_id = line.cardholder_id
) AS had
WHERE line.run_id = %s AND line.id BETWEEN %s AND %s AND had.came_back IS NOT NULL
"""


@transaction.atomic
def start(*, run_id: int, at: datetime) -> Run:
    """Let an approved run be paid out; a worker does it. Uses the approval up.

    Raises an ApprovalError where it is not approved, not yet, or no longer what was approved; DuplicatesAppeared
    where others were paid meanwhile; TooLate or WrongState.
    """
    begin_alone()
    run = locked(run_id, RunState.ASKED)
    use(kind=Kind.RUN, subject_id=run.pk, digest=content_digest(run), at=at)
    if run.expires_at is not None and run.expires_at <= at:
        raise TooLate
    if duplicates.appeared(run, at=at):
        raise DuplicatesAppeared
    return begin(run, at=at)


def begin_alone() -> None:
    """Of two runs that begin at the same time the second sees what the first pays."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RUNS_LOCK])


def begin(run: Run, *, at: datetime) -> Run:
    """Mark a locked run as being paid out. Raises OtherContent where its programme has another sponsor by now."""
    if run.programme_id is not None:
        # Until the first grant is written only the run's state keeps the sponsor where it is.
        programme = Programme.objects.select_for_update(no_key=True).get(pk=run.programme_id)
        if programme.sponsor_id != run.sponsor_id:
            raise OtherContent
    run.state, run.posting_at, run.done_upto, run.done_lines = RunState.POSTING, at, 0, 0
    run.save()
    return run


def continue_runs(*, clock: Callable[[], datetime]) -> int:
    """Go on with every run that is being paid out or reversed until it is through; gives how many there were."""
    at_work = list(Run.objects.filter(state__in=AT_WORK).order_by("pk").values_list("pk", flat=True))
    for run_id in at_work:
        while work_on(run_id=run_id, at=clock()):
            pass
    return len(at_work)


def work_on(*, run_id: int, at: datetime, lines: int = LINES_PER_CHUNK) -> bool:
    """Deal with the next lines of a run in one transaction; False when there is nothing left to do.

    Two workers take turns: the run's row is locked first, and says how far the other came.
    """
    with transaction.atomic():
        try:
            run = locked(run_id, *AT_WORK)
        except WrongState:
            return False
        work = _pay if run.state == RunState.POSTING else reversing.take_back
        return work(run, at=at, lines=lines)


def _pay(run: Run, *, at: datetime, lines: int) -> bool:
    due = [
        Due._make(row)
        for row in RunLine.objects.filter(run=run, left_out=LeftOut.NO, pk__gt=run.done_upto)
        .order_by("pk")
        .values_list(*_DUE)[:lines]
    ]
    if not due:
        run.state, run.posted_at = RunState.POSTED, at
        run.save()
        return False
    closed = [each for each in due if each.state != CardholderState.ACTIVE]
    active = [each for each in due if each.state == CardholderState.ACTIVE]
    refused = _credit(run, active, at=at) if run.kind == RunKind.CREDIT else _grant(run, active, at=at)
    _leave_out(run, closed, LeftOut.CLOSED)
    _leave_out(run, refused, LeftOut.DUPLICATE)
    run.done_upto, run.done_lines = due[-1].line_id, run.done_lines + len(due)
    run.save()
    return True


def _credit(run: Run, due: list[Due], *, at: datetime) -> list[Due]:
    if due:
        rows = [
            NewTransfer(run.sponsor_id, each.purse_id, each.amount_minor, TransferKind.CREDIT, CauseKind.RUN, run.pk)
            for each in due
        ]
        post_group_locking_late(rows=rows, at=at)
        record(topic=Topic.CARDHOLDER, refs=[each.account_ref for each in due], at=at)
    return []


def _grant(run: Run, due: list[Due], *, at: datetime) -> list[Due]:
    """Gives the lines that turn out to have been paid by somebody else a moment ago."""
    if run.programme_id is None or run.expires_at is None:
        raise WrongState
    # Whoever else issues this programme waits here, so neither meets the unique key.
    programme = Programme.objects.select_for_update().get(pk=run.programme_id)
    had = _had(run, due)
    paid: list[tuple[Due, bool]] = []
    refused: list[tuple[Due, bool]] = []
    for each in due:
        may_again = each.duplicate == Duplicate.SAME_PERIOD or had.get(each.cardholder_id, True)
        (paid if may_again else refused).append((each, each.cardholder_id in had))
    new = [
        NewGrant(
            each.cardholder_id,
            each.account_ref,
            each.number,
            piece_key(f"{run.period_key}+{run.pk}" if has else run.period_key, piece),
            each.amount_minor,
        )
        for each, has in paid
        for piece in range(run.pieces)
    ]
    given = give(
        programme=programme, sponsor_id=run.sponsor_id, grants=new, expires_at=run.expires_at, at=at, run_id=run.pk
    )
    if run.rollover_cap_minor:
        to = {grant.cardholder_id: account for grant, account in zip(new, given.values(), strict=True)}
        run.rolled_minor += roll_over(programme=programme, to=to, cap_minor=run.rollover_cap_minor, at=at)
    return [each for each, _has in refused]


def piece_key(period_key: str, piece: int) -> str:
    """The key of a person's grant: the period, and behind # the number of every piece after the first."""
    return period_key if piece == 0 else f"{period_key}#{piece + 1}"


def keys_of(run: Run) -> list[str]:
    """Every key under which a run gives grants: a person who had some for the period gets others."""
    again = f"{run.period_key}+{run.pk}"
    return [piece_key(key, piece) for key in (run.period_key, again) for piece in range(run.pieces)]


def _had(run: Run, due: list[Due]) -> dict[int, bool]:
    """Whoever of these lines has grants for the period already → whether they all came back whole with their runs."""
    keys = [piece_key(run.period_key, piece) for piece in range(run.pieces)]
    with connection.cursor() as cursor:
        cursor.execute(_ANY_HAD, [run.programme_id, keys, run.pk])
        (anybody,) = cursor.fetchone()
        if not anybody:
            return {}
        cursor.execute(_HAD, [run.programme_id, keys, run.pk, due[0].line_id, due[-1].line_id])
        return dict(cursor.fetchall())


def _leave_out(run: Run, lines: list[Due], why: LeftOut) -> None:
    if lines:
        RunLine.objects.filter(pk__in=[each.line_id for each in lines]).update(left_out=why)
        run.people -= len(lines)
        run.left_out += len(lines)
        run.total_minor -= sum(each.amount_minor for each in lines) * run.pieces
