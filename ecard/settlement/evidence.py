"""Checking evidence: does each code hold by the server's own keys, and can each record be posted as it stands?

This is most of the work for a device-bound sale, so it runs in as many processes as wanted beside posting. The work
list is in the database: killing any of them loses nothing.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from functools import lru_cache, partial

from django.db import connection, transaction

from ecard.codes.queries import evidence_trust
from ecard.settlement.cards import judge_cards
from ecard.settlement.checking import Checked, Unchecked, check_batch
from ecard.settlement.checkpoints import checkpoint
from ecard.settlement.values import CheckReport

CHECK_BATCHES = 20

_TAKE = """
SELECT batch.id, stream.epoch, batch.first_seq, batch.last_seq, batch.skip, batch.raw
FROM settlement_batch AS batch JOIN terminals_stream AS stream ON stream.id = batch.stream_id
WHERE batch.evidence_checked_at IS NULL ORDER BY batch.id LIMIT %s FOR NO KEY UPDATE OF batch SKIP LOCKED
"""
_WRITE = """
UPDATE settlement_batch AS batch SET evidence = checked.evidence, evidence_checked_at = %s
FROM unnest(%s::bigint[], %s::bytea[]) AS checked (id, evidence) WHERE batch.id = checked.id
"""


def check_evidence(*, at: datetime, limit: int = CHECK_BATCHES, processes: int = 1) -> CheckReport:
    """Check up to `limit` batches that nobody else is checking; a report of no batches means there are none left.

    With more than one process the checks leave this one; they are kept for the next call.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, [limit])
            taken = [Unchecked._make(row) for row in cursor.fetchall()]
        checkpoint("check.taken")
        if not taken:
            return CheckReport(batches=0, records=0, bad=0)
        check = partial(check_batch, trust=evidence_trust(at))
        checked: list[Checked] = list(_each(taken, check) if processes < 2 else _pool(processes).map(check, taken))
        checked = judge_cards(checked)
        checkpoint("check.done")
        with connection.cursor() as cursor:
            ids, evidence = [each.batch_id for each in checked], [each.evidence for each in checked]
            cursor.execute(_WRITE, [at, ids, evidence])
        checkpoint("check.written")
    checkpoint("check.committed")
    return CheckReport(
        batches=len(checked), records=sum(each.records for each in checked), bad=sum(each.bad for each in checked)
    )


def _each(taken: Iterable[Unchecked], check: partial[Checked]) -> list[Checked]:
    return [check(batch) for batch in taken]


@lru_cache(maxsize=1)
def _pool(processes: int) -> ProcessPoolExecutor:
    # Spawned, not forked: a forked child would share this process's database connection.
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
