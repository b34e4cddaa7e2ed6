"""Sales that a terminal with the rules of the moment would not have made: above the limit for one sale, by one that is
wrong or had old data; too soon after the person's last one, which the other terminal could not know of.

Counters say nothing of either, so the sales themselves are read, those received last first. A limit for one sale of
some products is left to the sampled audit, since a sale's row does not say what was bought.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from devices.core.declines import Decline, Why
from devices.core.evaluate import evaluate
from devices.core.journal import SaleRecord
from devices.core.policy import Limit, Policy
from devices.core.rulebook import rulebook
from ecard.cardholders.models import Group
from ecard.settlement.models import ExceptionKind, ExceptionState, Sale, SaleException
from ecard.settlement.posting.counts import recalled
from ecard.settlement.queries import policies_of, readable_records
from ecard.settlement.suspects import may_be_for

SINGLES_LIMIT = 500
OLD_DATA = timedelta(hours=1)
"""What a terminal heard within this time of a sale was so then, even if the group has a lower limit now."""

_TOO_SOON = """
SELECT later.id, later.earlier_id FROM (
    SELECT sale.id, sale.account_ref, sale.taken_at, lag(sale.id) OVER person AS earlier_id,
           lag(sale.taken_at) OVER person AS before, greatest(sale.batch_id, lag(sale.batch_id) OVER person) AS received
    FROM settlement_sale AS sale
    WHERE sale.business_date >= %(since)s AND sale.suspense_minor = 0
      AND NOT EXISTS (SELECT FROM settlement_salereversal WHERE sale_id = sale.id)
    WINDOW person AS (PARTITION BY sale.account_ref ORDER BY sale.taken_at, sale.id)
) AS later
JOIN cardholders_cardholder AS person ON person.account_ref = later.account_ref
JOIN unnest(%(groups)s::bigint[], %(values)s::bigint[]) AS least (group_id, gap_s) ON least.group_id = person.group_id
WHERE later.taken_at < later.before + least.gap_s * interval '1 second'
  AND NOT EXISTS (SELECT FROM settlement_saleexception WHERE record_id = later.id AND kind = %(kind)s)
ORDER BY later.received DESC, later.id LIMIT %(limit)s
"""
_TOO_MUCH = """
SELECT sale.id, own.per_sale_limit_minor FROM settlement_sale AS sale
JOIN cardholders_cardholder AS person ON person.account_ref = sale.account_ref
JOIN cardholders_group AS own ON own.id = person.group_id
JOIN unnest(%(groups)s::bigint[], %(values)s::bigint[]) AS least (group_id, most) ON least.group_id = person.group_id
WHERE sale.business_date >= %(since)s AND sale.suspense_minor = 0 AND sale.amount_minor > least.most
  AND NOT EXISTS (SELECT FROM settlement_salereversal WHERE sale_id = sale.id)
  AND NOT EXISTS (SELECT FROM settlement_saleexception WHERE record_id = sale.id AND kind = %(kind)s)
ORDER BY sale.batch_id DESC, sale.id LIMIT %(limit)s
"""


def note_too_soon(*, policies: Sequence[Policy], since: date, at: datetime) -> int:
    """Make an exception of each sale too soon after the one before it, in whatever order they came."""
    limits = [limit for policy in policies for limit in policy.limits if limit.min_gap_s]
    gaps: dict[int, int] = {}
    for group_id, price_class in Group.objects.values_list("pk", "price_class__code") if limits else ():
        meant = [each.min_gap_s for each in limits if may_be_for(each.who, group_id=group_id, price_class=price_class)]
        if meant:
            gaps[group_id] = max(meant)
    if not gaps:
        return 0
    pairs = dict(_rows(_TOO_SOON, ExceptionKind.TOO_SOON, by_group=gaps, since=since))
    sales = Sale.objects.in_bulk({*pairs, *pairs.values()})
    records = readable_records([sales[sale_id] for sale_id in pairs])
    known = policies_of(records.values())
    made = []
    for sale_id, record in records.items():
        earlier, policy = sales[pairs[sale_id]], known.get(record.quote.policy)
        told = None if policy is None else _how_soon(record, earlier, policy)
        if told is not None:
            made.append(_exception(sales[sale_id], ExceptionKind.TOO_SOON, told, at=at))
    return _told(made)


def _how_soon(record: SaleRecord, earlier: Sale, policy: Policy) -> dict[str, int | str] | None:
    """What the terminal would have said, had it known of the earlier sale."""
    earlier_s = int(earlier.taken_at.timestamp())
    person = msgspec.structs.replace(record.person, last_s=earlier_s)
    decline: Decline | None = evaluate(policy=policy, person=person, tap=record.tap, basket=record.basket).decline
    if decline is None or decline.why is not Why.TOO_SOON:
        return None
    gap_s = next(each.min_gap_s for each in policy.limits if each.id == decline.params["limit"])
    after_s = max(0, record.tap.at_s - earlier_s)
    return {"rule": decline.params["limit"], "other": earlier.pk, "after_s": after_s, "gap_s": gap_s}


def note_too_much(*, policies: Sequence[Policy], since: date, at: datetime) -> int:
    """Make an exception of each sale above a limit for one sale of the rules in force at its moment."""
    limits = [limit for policy in policies for limit in policy.limits if _for_one_sale(limit)]
    most: dict[int, int] = {}
    for group_id, price_class, own_minor in Group.objects.values_list(
        "pk", "price_class__code", "per_sale_limit_minor"
    ):
        meant = [
            each.max_minor
            for each in limits
            if each.max_minor is not None and may_be_for(each.who, group_id=group_id, price_class=price_class)
        ]
        most[group_id] = min([own_minor, *meant])
    own = dict(_rows(_TOO_MUCH, ExceptionKind.OVER_SALE, by_group=most, since=since))
    sales = Sale.objects.in_bulk(own)
    made = []
    for sale_id, record in readable_records(list(sales.values())).items():
        passed = _passed(sales[sale_id], record, policies, group_minor=own[sale_id])
        if passed is not None:
            told: dict[str, int | str] = {"limit_minor": passed[0], "sold_minor": passed[1]}
            made.append(_exception(sales[sale_id], ExceptionKind.OVER_SALE, told, at=at))
    return _told(made)


def _for_one_sale(limit: Limit) -> bool:
    return limit.window == "sale" and not limit.where.categories


def _passed(sale: Sale, record: SaleRecord, policies: Sequence[Policy], *, group_minor: int) -> tuple[int, int] | None:
    """The lowest limit for one sale that this one is above, and what counts towards it."""
    counts = recalled(sale.amount_minor, sale.purse_minor + sale.loss_minor, bytes(sale.counted))
    _scope, total_minor, purse_minor = counts[0]
    bounds = [(record.person.per_sale_minor, total_minor)]
    if record.tap.at_s - record.snapshot_made_s > OLD_DATA.total_seconds() and not record.authorised:
        bounds.append((group_minor, total_minor))
    started = [policy for policy in policies if policy.starts_at_s <= record.tap.at_s]
    if started:
        here = rulebook(max(started, key=lambda policy: policy.number)).here(record.person, record.tap)
        bounds += [
            (each.max_minor, total_minor if each.on_total else purse_minor)
            for each in here.limits
            if each.window == "sale" and not each.categories and each.max_minor is not None
        ]
    return min((each for each in bounds if each[1] > each[0]), default=None)


def _rows(statement: str, kind: ExceptionKind, *, by_group: dict[int, int], since: date) -> list[tuple[int, int]]:
    given: dict[str, Any] = {"groups": list(by_group), "values": list(by_group.values()), "since": since}
    with connection.cursor() as cursor:
        cursor.execute(statement, given | {"kind": int(kind), "limit": SINGLES_LIMIT})
        rows: list[tuple[int, int]] = cursor.fetchall()
    return rows


def _exception(sale: Sale, kind: ExceptionKind, params: dict[str, int | str], *, at: datetime) -> SaleException:
    return SaleException(
        record_id=sale.pk,
        terminal_id=sale.terminal_id,
        kind=kind,
        params=params,
        amount_minor=sale.amount_minor,
        made_at=at,
        state=ExceptionState.OPEN,
    )


def _told(made: Iterable[SaleException]) -> int:
    return len(SaleException.objects.bulk_create(made, ignore_conflicts=True))
