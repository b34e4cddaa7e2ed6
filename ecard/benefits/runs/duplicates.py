"""Whoever may have been paid already: this programme for this period, or the same amount from another run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ecard.benefits.models import Duplicate, LeftOut, Run, RunState

SAME_AMOUNT_WITHIN = timedelta(days=7)

# A grant that came back whole with its run counts for nothing: the right run follows upon the wrong one.
_HAS_THIS_PERIOD = """
EXISTS (
    SELECT 1 FROM benefits_grant AS lot
    WHERE lot.programme_id = %(programme)s AND lot.period_key = %(period)s AND lot.cardholder_id = line.cardholder_id
      AND NOT EXISTS (
        SELECT 1 FROM benefits_run AS earlier JOIN benefits_runline AS undone ON undone.run_id = earlier.id
        WHERE earlier.id = lot.run_id AND undone.cardholder_id = line.cardholder_id
          AND earlier.state = 'reversed' AND undone.spent_minor = 0))
"""
# A schedule pays the same amount again and again on purpose: it is held against runs made by hand alone.
_HAS_THIS_AMOUNT = """
EXISTS (
    SELECT 1 FROM benefits_runline AS paid JOIN benefits_run AS other ON other.id = paid.run_id
    WHERE paid.cardholder_id = line.cardholder_id AND paid.amount_minor = line.amount_minor AND paid.left_out = 0
      AND other.id <> line.run_id AND other.state = ANY(%(states)s)
      AND coalesce(other.posting_at, other.listed_at) > %(since)s
      AND (NOT %(scheduled)s OR (other.programme_id = %(programme)s AND NOT other.scheduled)))
"""
_OPEN = "line.run_id = %(run)s AND line.left_out = 0 AND line.duplicate = 0"
_MARK = "UPDATE benefits_runline AS line SET duplicate = %(mark)s WHERE {open} AND {found}"
_COUNT = "SELECT count(*) FROM benefits_runline AS line WHERE {open} AND ({first} OR {second})"
_LEAVE_OUT = """
UPDATE benefits_runline AS line SET left_out = %(out)s
WHERE line.run_id = %(run)s AND line.left_out = 0 AND line.duplicate <> 0
"""


def mark(run: Run, *, at: datetime) -> None:
    """Say of each line whether it may be a duplicate, of what was paid or what waits for approval."""
    given = _given(run, at=at, states=(RunState.ASKED, RunState.POSTING, RunState.POSTED))
    with connection.cursor() as cursor:
        for reason, found in (
            (Duplicate.SAME_PERIOD, _HAS_THIS_PERIOD),
            (Duplicate.SAME_AMOUNT, _HAS_THIS_AMOUNT),
        ):
            cursor.execute(_MARK.format(open=_OPEN, found=found), {**given, "mark": int(reason)})


def appeared(run: Run, *, at: datetime) -> int:
    """How many lines have become duplicates of what was paid since they were listed."""
    given = _given(run, at=at, states=(RunState.POSTING, RunState.POSTED))
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(open=_OPEN, first=_HAS_THIS_PERIOD, second=_HAS_THIS_AMOUNT), given)
        (count,) = cursor.fetchone()
    return int(count)


def leave_out(run: Run) -> None:
    """Pay none of the lines that are marked."""
    with connection.cursor() as cursor:
        cursor.execute(_LEAVE_OUT, {"run": run.pk, "out": int(LeftOut.DUPLICATE)})


def _given(run: Run, *, at: datetime, states: Sequence[RunState]) -> dict[str, Any]:
    return {
        "run": run.pk,
        "programme": run.programme_id,
        "period": run.period_key,
        "since": at - SAME_AMOUNT_WITHIN,
        "states": [str(state) for state in states],
        "scheduled": run.scheduled,
    }
