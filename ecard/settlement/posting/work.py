"""The work list: which batches one posting group takes, so that two workers never meet on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.db import connection

BATCHES_PER_GROUP = 1_000
_ROUNDS = 4

# The first batch of a terminal that is not posted is the key to all its others: who locks it may take them.
_HEADS = """
SELECT min(id), count(*) FILTER (WHERE evidence_checked_at IS NOT NULL),
       coalesce(sum(last_seq - first_seq + 1) FILTER (WHERE evidence_checked_at IS NOT NULL), 0)
FROM settlement_batch WHERE posted_at IS NULL GROUP BY terminal_id ORDER BY 1
"""
_LOCK_HEADS = """
SELECT terminal_id FROM settlement_batch
WHERE id = ANY(%s::bigint[]) AND posted_at IS NULL AND evidence_checked_at IS NOT NULL
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
_FOLLOWING = """
SELECT terminal_id, id, last_seq - first_seq + 1, evidence_checked_at IS NOT NULL FROM settlement_batch
WHERE terminal_id = ANY(%s::smallint[]) AND posted_at IS NULL ORDER BY terminal_id, id LIMIT %s
"""
_FETCH = """
SELECT batch.id, batch.terminal_id, terminal.outlet_id, batch.stream_id, batch.first_seq, batch.last_seq, batch.skip,
       batch.raw, batch.evidence
FROM settlement_batch AS batch JOIN terminals_terminal AS terminal ON terminal.id = batch.terminal_id
WHERE batch.id = ANY(%s::bigint[]) AND batch.posted_at IS NULL AND batch.evidence_checked_at IS NOT NULL
ORDER BY batch.terminal_id, batch.id FOR NO KEY UPDATE OF batch SKIP LOCKED
"""


class Taken(NamedTuple):
    """One batch in hand."""

    batch_id: int
    terminal_id: int
    outlet_id: int
    stream_id: int
    first_seq: int
    last_seq: int
    skip: int
    raw: bytes
    evidence: bytes


def take(*, limit_records: int) -> list[Taken]:
    """Lock some terminals' next batches, in the order they were received, and give them; [] where all is taken.

    A batch is never taken before an earlier one of its terminal, and none before its evidence is checked.
    Needs a transaction: the locks end with it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HEADS)
        terminals = _lock_terminals(cursor.fetchall(), limit_records=limit_records)
        if not terminals:
            return []
        cursor.execute(_FOLLOWING, [terminals, BATCHES_PER_GROUP])
        chosen = list(_choose(cursor.fetchall(), limit_records=limit_records))
        cursor.execute(_FETCH, [chosen])
        return _unbroken(chosen, [Taken._make(row) for row in cursor.fetchall()])


def _lock_terminals(heads: Sequence[tuple[int, int, int]], *, limit_records: int) -> list[int]:
    """Lock as few terminals as can fill the group, the longest waiting first; leave the others to other workers."""
    terminals: list[int] = []
    waiting = [(head, int(records)) for head, batches, records in heads if batches]
    wanted = limit_records
    with connection.cursor() as cursor:
        for _round in range(_ROUNDS):
            batch_of_heads = list(_enough(waiting, wanted))
            if not batch_of_heads:
                break
            cursor.execute(_LOCK_HEADS, [[head for head, _records in batch_of_heads]])
            locked = [row[0] for row in cursor.fetchall()]
            terminals += locked
            waiting = waiting[len(batch_of_heads) :]
            if len(locked) == len(batch_of_heads):
                break
            wanted = max(1, wanted * (len(batch_of_heads) - len(locked)) // len(batch_of_heads))
    return terminals


def _enough(waiting: Sequence[tuple[int, int]], wanted: int) -> Iterator[tuple[int, int]]:
    for head, records in waiting:
        if wanted <= 0:
            return
        yield head, records
        wanted -= records


def _choose(rows: Sequence[tuple[int, int, int, bool]], *, limit_records: int) -> Iterator[int]:
    """Batch ids up to the limit; at the first unchecked batch a terminal ends."""
    left = limit_records
    stopped: set[int] = set()
    for terminal_id, batch_id, records, checked in rows:
        if terminal_id in stopped:
            continue
        if not checked or (records > left and left < limit_records):
            stopped.add(terminal_id)
            continue
        left -= records
        yield batch_id


def _unbroken(chosen: Sequence[int], fetched: Sequence[Taken]) -> list[Taken]:
    """Without what stands behind a batch that another worker holds.

    That happens only where two epochs of one terminal were received at once and committed out of the order of ids.
    """
    if len(fetched) == len(chosen):
        return list(fetched)
    missing = set(chosen) - {each.batch_id for each in fetched}
    first_missing = min(missing)
    return [each for each in fetched if each.batch_id < first_missing]
