"""Writing a group: sales by COPY, and the few rows beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from ecard.settlement.models import ExceptionState, SaleException, SaleReversal
from ecard.settlement.posting.teller import Failed
from ecard.settlement.rules import split_record_id

_COPY_SALES = """
COPY settlement_sale (id, account_ref, code_id, presented_s, taken_at, batch_id, terminal_id, merchant_id, amount_minor,
                      purse_minor, grant_minor, sponsor_minor, loss_minor, suspense_minor, policy, business_date,
                      outlet_id, evaluator, position, attempt) FROM STDIN
"""
SALE_LINE = "%d\t%d\t%s\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%d\t%d\t%d\n"

_MARK_BATCHES = """
UPDATE settlement_batch SET posted_at = %s, posting_group = %s WHERE id = ANY(%s::bigint[])
"""
_MARK_STREAMS = """
UPDATE terminals_stream AS stream SET posted_through = done.seq
FROM unnest(%s::int[], %s::int[]) AS done (id, seq) WHERE stream.id = done.id
"""
_TERMINALS = """
SELECT id, terminal_id FROM terminals_stream WHERE id = ANY(%s::int[])
"""


def copy_sales(lines: Sequence[str]) -> None:
    """Write sales; each line is SALE_LINE filled."""
    if not lines:
        return
    with connection.cursor() as cursor, cursor.copy(_COPY_SALES) as copy:
        copy.write("".join(lines))


def add_reversals(reversals: Sequence[SaleReversal]) -> None:
    """Write reversals; a sale has at most one."""
    SaleReversal.objects.bulk_create(reversals)


def add_exceptions(failed: Sequence[Failed], *, at: datetime) -> None:
    """Put the group's exceptions into finance's queue; one that is there already stays as it is."""
    if not failed:
        return
    with connection.cursor() as cursor:
        cursor.execute(_TERMINALS, [sorted({split_record_id(each.record_id)[0] for each in failed})])
        terminals = dict(cursor.fetchall())
    SaleException.objects.bulk_create(
        [
            SaleException(
                record_id=each.record_id,
                terminal_id=terminals[split_record_id(each.record_id)[0]],
                kind=each.kind,
                params=each.params,
                amount_minor=each.amount_minor,
                made_at=at,
                state=ExceptionState.OPEN,
            )
            for each in failed
        ],
        ignore_conflicts=True,
    )


def mark_posted(*, batch_ids: Sequence[int], through: dict[int, int], posting_group: int, at: datetime) -> None:
    """The batches are posted, and each stream up to a sequence. Last, since receiving waits for these rows."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK_BATCHES, [at, posting_group, list(batch_ids)])
        cursor.execute(_MARK_STREAMS, [list(through), list(through.values())])
