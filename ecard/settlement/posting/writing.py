"""Writing a group: sales by COPY in its binary format, and the few rows beside them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime

from django.db import connection

from ecard.settlement.models import ExceptionState, SaleException, SaleReversal
from ecard.settlement.posting.teller import Failed
from ecard.settlement.rules import split_record_id

_COPY_SALES = """
COPY settlement_sale (id, account_ref, presented_s, taken_at, batch_id, terminal_id, merchant_id, amount_minor,
                      purse_minor, grant_minor, sponsor_minor, loss_minor, suspense_minor, policy, business_date,
                      outlet_id, evaluator, position, attempt, period, counted, code_id) FROM STDIN (FORMAT binary)
"""

# PostgreSQL's binary COPY format: each value behind its length, all big-endian, null as length -1.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_COLUMNS = 22
_SALE = struct.Struct(">h iq iq iq iq iq ih iq ii ii ii ii ii ii ii ii ih ih ih ih ih")
_LENGTH = struct.Struct(">i")
_CODE_ID = struct.Struct(">iq")
_NO_CODE_ID = _LENGTH.pack(-1)
_NOTHING = _LENGTH.pack(0)
_EPOCH_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000
_EPOCH_DAY = date(2000, 1, 1).toordinal()

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


def day_number(day: date) -> int:
    """A date as `sale_row` wants it."""
    return day.toordinal() - _EPOCH_DAY


def sale_row(
    key: int,
    ref: int,
    code_id: int,
    presented_s: int,
    at_ms: int,
    batch_id: int,
    terminal_id: int,
    merchant_id: int,
    amount_minor: int,
    paid: tuple[int, int, int, int, int],
    policy: int,
    day: int,
    outlet_id: int,
    evaluator: int,
    position: int,
    attempt: int,
    period: int,
    counted: bytes,
) -> bytes:
    """One sale for `copy_sales`; code id 0 is none, `counted` is from `counts.kept`."""
    purse, grant, sponsor, loss, suspense = paid
    # fmt: off
    return _SALE.pack(
        _COLUMNS, 8, key, 8, ref, 8, presented_s, 8, (at_ms - _EPOCH_MS) * 1000, 8, batch_id, 2, terminal_id,
        8, merchant_id, 4, amount_minor, 4, purse, 4, grant, 4, sponsor, 4, loss, 4, suspense, 4, policy, 4, day,
        2, outlet_id, 2, evaluator, 2, position, 2, attempt, 2, period,
    ) + (_LENGTH.pack(len(counted)) + counted if counted else _NOTHING) + (
        _CODE_ID.pack(8, code_id) if code_id else _NO_CODE_ID
    )
    # fmt: on


def copy_sales(rows: Sequence[bytes]) -> None:
    """Write sales, each a `sale_row`. Raises IntegrityError where a presentation is posted already."""
    if not rows:
        return
    # Unlike execute, copy lets the driver's own errors through; callers know Django's.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY_SALES) as copy:
        copy.write(b"".join([_HEADER, *rows, _END]))


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
