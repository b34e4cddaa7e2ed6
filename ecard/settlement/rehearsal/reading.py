"""Past sales in order, read a page at a time from the batches in which their terminals sent them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from devices.core.messages import MessageError, stored_lines
from devices.core.wire import MALFORMED
from ecard.settlement.rehearsal.replay import PastSale, Sums

PAGE_SALES = 20_000
BATCHES_AT_ONCE = 200

# Sales that stood: what was taken back, or never taken from anybody, is no part of what people paid.
_PAGE = """
SELECT sale.taken_at, sale.id, sale.batch_id, sale.position, sale.merchant_id FROM settlement_sale AS sale
WHERE sale.business_date = %s AND sale.taken_at >= %s AND (sale.taken_at, sale.id) > (%s, %s)
    AND mod(sale.account_ref, %s) = %s AND sale.suspense_minor = 0
    AND NOT EXISTS (SELECT 1 FROM settlement_salereversal AS undone WHERE undone.sale_id = sale.id)
ORDER BY sale.taken_at, sale.id LIMIT %s
"""
_OF_ONE = """
SELECT sale.taken_at, sale.id, sale.batch_id, sale.position, sale.merchant_id FROM settlement_sale AS sale
WHERE sale.account_ref = %s AND sale.business_date BETWEEN %s AND %s AND sale.suspense_minor = 0
    AND NOT EXISTS (SELECT 1 FROM settlement_salereversal AS undone WHERE undone.sale_id = sale.id)
ORDER BY sale.business_date, sale.taken_at, sale.id LIMIT %s
"""
_HOW_MANY = """
SELECT count(*) FROM (SELECT 1 FROM settlement_sale WHERE business_date BETWEEN %s AND %s LIMIT %s) AS found
"""
_FIRST_POLICY = """
SELECT policy FROM settlement_sale WHERE business_date BETWEEN %s AND %s ORDER BY business_date, taken_at LIMIT 1
"""
_POLICIES = "SELECT DISTINCT policy FROM settlement_sale WHERE business_date BETWEEN %s AND %s"
_RAW = "SELECT id, raw FROM settlement_batch WHERE id = ANY(%s::bigint[])"
_BEFORE = """
SELECT account_ref, sum(total_minor)::bigint, sum(purse_minor)::bigint, sum(count)::bigint
FROM benefits_usagecounter
WHERE scope = 0 AND business_date >= %s AND business_date < %s AND mod(account_ref, %s) = %s GROUP BY account_ref
"""
_BEFORE_OF_ONE = """
SELECT account_ref, sum(total_minor)::bigint, sum(purse_minor)::bigint, sum(count)::bigint FROM benefits_usagecounter
WHERE scope = 0 AND business_date >= %s AND business_date < %s AND account_ref = %s GROUP BY account_ref
"""
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_DECODER: msgspec.json.Decoder[PastSale] = msgspec.json.Decoder(PastSale)


class Place(NamedTuple):
    """Where a sale's record stands."""

    taken_at: datetime
    sale_id: int
    batch_id: int
    position: int
    merchant_id: int


def sales_within(from_date: date, to_date: date, *, at_most: int) -> int:
    """How many there are; counted to `at_most`."""
    with connection.cursor() as cursor:
        cursor.execute(_HOW_MANY, [from_date, to_date, at_most])
        return int(cursor.fetchone()[0])


def first_policy(from_date: date, to_date: date) -> int:
    """The number of the policy that decided the first sale; 0 where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_POLICY, [from_date, to_date])
        found = cursor.fetchone()
        return int(found[0]) if found else 0


def policies_within(from_date: date, to_date: date) -> list[int]:
    """The numbers of all policies that decided sales of these dates."""
    with connection.cursor() as cursor:
        cursor.execute(_POLICIES, [from_date, to_date])
        return [number for (number,) in cursor.fetchall()]


def pages(from_date: date, to_date: date, *, part: int, parts: int, limit: int = PAGE_SALES) -> Iterator[list[Place]]:
    """The sales of a part's people by business date and time; no page crosses a date."""
    day = from_date
    while day <= to_date:
        taken_at, sale_id = _EARLIEST, 0
        while page := _places(_PAGE, [day, taken_at, taken_at, sale_id, parts, part, limit]):
            yield page
            if len(page) < limit:
                break
            taken_at, sale_id = page[-1].taken_at, page[-1].sale_id
        day += timedelta(days=1)


def places_of(account_ref: int, from_date: date, to_date: date, *, limit: int) -> list[Place]:
    """One person's, in the same order."""
    return _places(_OF_ONE, [account_ref, from_date, to_date, limit])


def lines_of(page: Sequence[Place]) -> list[bytes]:
    """The records of a page, in its order; empty where a batch does not hold one."""
    wanted: dict[int, list[tuple[int, int]]] = {}
    for order, place in enumerate(page):
        wanted.setdefault(place.batch_id, []).append((order, place.position))
    found = [b""] * len(page)
    ids = sorted(wanted)
    with connection.cursor() as cursor:
        for start in range(0, len(ids), BATCHES_AT_ONCE):
            cursor.execute(_RAW, [ids[start : start + BATCHES_AT_ONCE]])
            for batch_id, raw in cursor.fetchall():
                lines = _lines(raw)
                for order, position in wanted[batch_id]:
                    if position < len(lines):
                        found[order] = lines[position]
    return found


def read(line: bytes) -> PastSale | None:
    """A record as a replay reads it; None where it cannot be read."""
    try:
        return _DECODER.decode(line)
    except MALFORMED:
        return None


def spent_before(first: date, until: date, *, part: int, parts: int) -> dict[int, Sums]:
    """What each person of a part spent on the business dates from `first` up to the day before `until`."""
    return _spent(_BEFORE, [first, until, parts, part])


def spent_before_by(account_ref: int, first: date, until: date) -> dict[int, Sums]:
    """The same of one person."""
    return _spent(_BEFORE_OF_ONE, [first, until, account_ref])


def _spent(statement: str, values: Sequence[Any]) -> dict[int, Sums]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return {ref: (total_minor, purse_minor, count) for ref, total_minor, purse_minor, count in cursor.fetchall()}


def _places(statement: str, values: Sequence[Any]) -> list[Place]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [Place._make(row) for row in cursor.fetchall()]


def _lines(raw: bytes) -> list[bytes]:
    try:
        return stored_lines(raw)
    except MessageError:
        return []
