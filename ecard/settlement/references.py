"""What sales name without a database constraint (ADR 0002), checked afterwards, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

REFERENCE_LIMIT = 50_000

_REFERENCES = """
WITH page AS (
    SELECT id, batch_id, terminal_id, merchant_id, outlet_id FROM settlement_sale WHERE id > %s ORDER BY id LIMIT %s
)
SELECT page.id, concat_ws(
    ', ',
    CASE WHEN batch.id IS NULL THEN 'batch ' || page.batch_id END,
    CASE WHEN terminal.id IS NULL THEN 'terminal ' || page.terminal_id END,
    CASE WHEN merchant.id IS NULL THEN 'merchant ' || page.merchant_id END,
    CASE WHEN outlet.id IS NULL THEN 'outlet ' || page.outlet_id END
)
FROM page
LEFT JOIN settlement_batch AS batch ON batch.id = page.batch_id
LEFT JOIN terminals_terminal AS terminal ON terminal.id = page.terminal_id
LEFT JOIN merchants_merchant AS merchant ON merchant.id = page.merchant_id
LEFT JOIN merchants_outlet AS outlet ON outlet.id = page.outlet_id
ORDER BY page.id
"""


@dataclass(frozen=True, slots=True)
class DanglingSale:
    """A sale that names rows that are not there; `missing` lists them by table and number."""

    sale_id: int
    missing: str


@dataclass(frozen=True, slots=True)
class SaleReferenceReport:
    """One page; `next_after` is None on the last page."""

    checked: int
    dangling: tuple[DanglingSale, ...]
    next_after: int | None


def sale_reference_check(*, after: int = 0, limit: int = REFERENCE_LIMIT) -> SaleReferenceReport:
    """Look for sales that name a batch, terminal, merchant or outlet that is not there."""
    with connection.cursor() as cursor:
        cursor.execute(_REFERENCES, [after, limit])
        rows = cursor.fetchall()
    return SaleReferenceReport(
        checked=len(rows),
        dangling=tuple(DanglingSale(*row) for row in rows if row[1]),
        next_after=rows[-1][0] if len(rows) == limit else None,
    )
