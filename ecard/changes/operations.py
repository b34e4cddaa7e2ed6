"""Recording changes and numbering them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from ecard.changes.models import MAX_REFS_PER_CHANGE, Change, Generation, Topic

NUMBERING_LIMIT = 5_000
KEPT_NUMBERS = 200_000
PRUNE_LIMIT = 50_000
NUMBERING_LOCK = 0x65636172_6463686E  # any constant that no other advisory lock of this database uses

_RECORD = "INSERT INTO changes_change (topic, refs, made_at) VALUES (%s, %s::bigint[], %s)"

_NUMBER = """
WITH fresh AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place
    FROM (SELECT id FROM changes_change WHERE number IS NULL ORDER BY id LIMIT %s) AS waiting
), numbered AS (
    UPDATE changes_change AS change SET number = generation.last_number + fresh.place, numbered_at = %s
    FROM fresh, changes_generation AS generation WHERE change.id = fresh.id RETURNING change.number
)
UPDATE changes_generation SET last_number = last_number + (SELECT count(*) FROM numbered)
RETURNING last_number, (SELECT count(*) FROM numbered)
"""


@transaction.atomic(savepoint=False)
def record(*, topic: Topic, refs: Sequence[int], at: datetime) -> None:
    """Note, inside the caller's transaction, that what `refs` name has changed. No refs, no row."""
    with connection.cursor() as cursor:
        for start in range(0, len(refs), MAX_REFS_PER_CHANGE):
            part = refs[start : start + MAX_REFS_PER_CHANGE]
            # A literal: posting records thousands of refs at a time, and adapting a list takes three times as long.
            cursor.execute(_RECORD, [int(topic), "{" + ",".join(map(str, part)) + "}", at])


@transaction.atomic
def number_committed(*, at: datetime, limit: int = NUMBERING_LIMIT) -> int:
    """Give the next numbers to committed changes that have none, in id order; gives how many got one.

    A database sequence would number rows before they commit, and a reader's cursor could pass over
    one that commits late. Here one publisher at a time numbers only what it can see committed; a
    late row simply gets a later number. Numbers have no gaps.
    """
    _lock_numbering()
    _ensure_generation(at=at)
    with connection.cursor() as cursor:
        # A statement of its own, so that its snapshot is newer than the lock.
        cursor.execute(_NUMBER, [limit, at])
        _last_number, numbered = cursor.fetchone()
    return int(numbered)


@transaction.atomic
def new_generation(*, at: datetime) -> int:
    """Draw a new generation (after a restore): every reader's cursor is void and it loads in full."""
    _lock_numbering()
    _ensure_generation(at=at)
    drawn = _draw()
    Generation.objects.filter(pk=1).update(generation_id=drawn, began_at=at)
    return drawn


@transaction.atomic
def prune(*, keep: int = KEPT_NUMBERS, limit: int = PRUNE_LIMIT) -> int:
    """Delete numbered changes older than the newest `keep`, at most `limit` of them; gives how many.

    A cursor older than what remains is answered with a full load.
    """
    _lock_numbering()
    generation = Generation.objects.filter(pk=1).first()
    if generation is None:
        return 0
    upto = min(generation.last_number - keep, generation.pruned_upto + limit)
    if upto <= generation.pruned_upto:
        return 0
    deleted, _by_model = Change.objects.filter(number__lte=upto).delete()
    Generation.objects.filter(pk=1).update(pruned_upto=upto)
    return deleted


def _lock_numbering() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NUMBERING_LOCK])


def _ensure_generation(*, at: datetime) -> None:
    Generation.objects.bulk_create([Generation(pk=1, generation_id=_draw(), began_at=at)], ignore_conflicts=True)


def _draw() -> int:
    return secrets.randbelow(2**63 - 1) + 1
