"""Limits of a day that terminals passed together, each within what it knew. The sales are facts; finance is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec
from django.db import connection

from devices.core.declines import Decline, Why
from devices.core.evaluate import evaluate
from devices.core.journal import SaleRecord
from devices.core.policy import Limit, Policy
from devices.core.quote import Person, Used
from ecard.benefits.errors import UnknownPolicy
from ecard.benefits.queries import policies_since, policy_by_number
from ecard.cardholders.models import Group
from ecard.settlement.models import ExceptionKind, ExceptionState, Sale, SaleException
from ecard.settlement.queries import SaleUnreadable, record_of

LOOKED_BACK = timedelta(days=35)
"""A terminal may upload this late."""
MATTERS_LIMIT = 500
_NO_LIMIT = (1 << 62) - 1
_OVER_DAY = (Why.OVER_DAY_LIMIT, Why.TOO_MANY_SALES)

# Who may have passed a limit of their group, with the newest sale of that day, unless finance knows of it.
_SUSPECTS = """
SELECT used.business_date, used.total_minor, used.purse_minor, used.count, newest.id
FROM benefits_usagecounter AS used
JOIN cardholders_cardholder AS person ON person.account_ref = used.account_ref
JOIN unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS least (group_id, total_minor, purse_minor, count)
    ON least.group_id = person.group_id
JOIN LATERAL (
    SELECT sale.id FROM settlement_sale AS sale
    WHERE sale.account_ref = used.account_ref AND sale.business_date = used.business_date AND sale.suspense_minor = 0
        AND NOT EXISTS (SELECT 1 FROM settlement_salereversal AS undone WHERE undone.sale_id = sale.id)
    ORDER BY sale.taken_at DESC, sale.id DESC LIMIT 1
) AS newest ON true
WHERE used.business_date >= %s AND (used.total_minor > least.total_minor OR used.purse_minor > least.purse_minor
                                    OR used.count > least.count)
    AND NOT EXISTS (SELECT 1 FROM settlement_saleexception AS told
                    WHERE told.record_id = newest.id AND told.kind = %s)
ORDER BY used.business_date DESC, newest.id DESC LIMIT %s
"""


class _Suspect(NamedTuple):
    business_date: date
    total_minor: int
    purse_minor: int
    sales: int
    sale_id: int


def note_over_limits(*, at: datetime) -> int:
    """Make an exception of each day on which a person passed a limit of the rules then in force; gives how many.

    It stands at that day's newest sale. Nothing is booked: what the terminal showed was paid.
    """
    least = _least_by_group(policies_since(at - LOOKED_BACK))
    if not least:
        return 0
    columns = [list(column) for column in zip(*least, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_SUSPECTS, [*columns, (at - LOOKED_BACK).date(), ExceptionKind.OVER_LIMIT, MATTERS_LIMIT])
        suspects = [_Suspect._make(row) for row in cursor.fetchall()]
    sales = Sale.objects.in_bulk([each.sale_id for each in suspects])
    made = [
        _matter(sales[each.sale_id], decline, each, at=at)
        for each in suspects
        if (decline := _passed(sales[each.sale_id], each)) is not None
    ]
    SaleException.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def _least_by_group(policies: Iterable[Policy]) -> list[tuple[int, int, int, int]]:
    """(group, total, purse, count): the lowest limits of a day that can be meant for each group; places aside."""
    daily = [limit for policy in policies for limit in policy.limits if limit.window == "day"]
    found = []
    for group_id, price_class in Group.objects.values_list("pk", "price_class__code"):
        meant = [limit for limit in daily if _is_for(limit, group_id=group_id, price_class=price_class)]
        if meant:
            found.append((group_id, *_least(meant)))
    return found


def _is_for(limit: Limit, *, group_id: int, price_class: int) -> bool:
    who = limit.who
    return (not who.groups or group_id in who.groups) and (not who.classes or price_class in who.classes)


def _least(limits: list[Limit]) -> tuple[int, int, int]:
    totals = [each.max_minor for each in limits if each.max_minor is not None and each.on == "total"]
    purses = [each.max_minor for each in limits if each.max_minor is not None and each.on == "purse"]
    counts = [each.max_count for each in limits if each.max_count is not None]
    return min(totals, default=_NO_LIMIT), min(purses, default=_NO_LIMIT), min(counts, default=_NO_LIMIT)


def _passed(sale: Sale, suspect: _Suspect) -> Decline | None:
    """What a terminal would have said to this sale, had it known of all others of the day."""
    try:
        record, policy = record_of(sale), policy_by_number(sale.policy)
    except (SaleUnreadable, UnknownPolicy):
        return None
    quote = evaluate(policy=policy, person=_all_knowing(record, sale, suspect), tap=record.tap, basket=record.basket)
    return quote.decline if quote.decline is not None and quote.decline.why in _OVER_DAY else None


def _all_knowing(record: SaleRecord, sale: Sale, suspect: _Suspect) -> Person:
    others = Used(
        suspect.business_date.isoformat(),
        suspect.total_minor - sale.amount_minor,
        suspect.purse_minor - sale.purse_minor - sale.loss_minor,
        suspect.sales - 1,
    )
    return msgspec.structs.replace(record.person, used=(others,))


def _matter(sale: Sale, decline: Decline, suspect: _Suspect, *, at: datetime) -> SaleException:
    if decline.why is Why.TOO_MANY_SALES:
        params = {"limit": decline.params["max_count"], "sold": suspect.sales}
    else:
        sold_minor = int(decline.params["used_minor"]) + int(decline.params["amount_minor"])
        params = {"limit_minor": decline.params["limit_minor"], "sold_minor": sold_minor}
    return SaleException(
        record_id=sale.pk,
        terminal_id=sale.terminal_id,
        kind=ExceptionKind.OVER_LIMIT,
        params=params,
        amount_minor=sale.amount_minor,
        made_at=at,
        state=ExceptionState.OPEN,
    )
