"""Who may have passed a limit: a set at a time from the counters, with the newest sales of the window in question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeAlias

from django.db import connection

from devices.core.policy import Entitlement, Limit, Policy, Who, Window
from ecard.cardholders.models import Group
from ecard.cardholders.queries import people_of_list
from ecard.settlement.models import ExceptionKind

NEWEST = 5
"""So many sales of a window are looked at to find the one that a limit counts."""
_NO_LIMIT = (1 << 62) - 1

Least: TypeAlias = tuple[int, int, int, int, int]
"""(group, scope, total, purse part, count): who is over none of these has passed no limit."""


class Suspect(NamedTuple):
    """A person, a window and what was spent in it; `sale_ids` are its newest sales that stand, newest first."""

    account_ref: int
    first: date
    period: int
    scope: int
    total_minor: int
    purse_minor: int
    sales: int
    case: str
    sale_ids: list[int]


_FIRST: Mapping[Window, str] = {
    "period": "used.business_date",
    "day": "used.business_date",
    "week": "date_trunc('week', used.business_date)::date",
    "month": "date_trunc('month', used.business_date)::date",
}
_LENGTH: Mapping[Window, str] = {"period": "1 day", "day": "1 day", "week": "7 days", "month": "1 month"}
_OF_GROUPS = """
JOIN unnest(%(groups)s::bigint[], %(scopes)s::int[], %(totals)s::bigint[], %(purses)s::bigint[], %(counts)s::bigint[])
    AS least (group_id, scope, total, purse, count) ON least.group_id = person.group_id AND least.scope = used.scope
"""
_OF_PEOPLE = """
JOIN unnest(%(people)s::bigint[], %(totals)s::bigint[], %(purses)s::bigint[], %(counts)s::bigint[])
    AS least (cardholder_id, total, purse, count) ON least.cardholder_id = person.id AND used.scope = 0
"""
_OF_GUARDIANS = """
JOIN (SELECT cardholder_id, coalesce(min(max_minor), %(none)s) AS total, %(none)s AS purse,
             coalesce(min(max_count), %(none)s) AS count
      FROM benefits_guardianlimit AS guard WHERE lifted_at IS NULL AND "window" = %(window)s
        AND NOT EXISTS (SELECT 1 FROM benefits_guardianlimit_categories WHERE guardianlimit_id = guard.id)
      GROUP BY cardholder_id) AS least ON least.cardholder_id = person.id AND used.scope = 0
"""
# A case is a person's window and scope: finance is told of it once, whatever is sold in it later.
_SUSPECTS = """
WITH spent AS (
    SELECT used.account_ref, <first> AS first, <period> AS period, used.scope,
           sum(used.total_minor)::bigint AS total, sum(used.purse_minor)::bigint AS purse,
           sum(used.count)::bigint AS sales
    FROM benefits_usagecounter AS used
    JOIN cardholders_cardholder AS person ON person.account_ref = used.account_ref
    <least>
    WHERE used.business_date >= %(since)s
    GROUP BY 1, 2, 3, 4, least.total, least.purse, least.count
    HAVING sum(used.total_minor) > least.total OR sum(used.purse_minor) > least.purse
        OR sum(used.count) > least.count
), cases AS (
    SELECT *, concat_ws(' ', %(window)s::text, first, period, scope) AS name, first + interval '<length>' AS after
    FROM spent
)
SELECT cases.account_ref, cases.first, cases.period, cases.scope, cases.total, cases.purse, cases.sales, cases.name,
       newest.ids
FROM cases JOIN LATERAL (
    SELECT array_agg(sale.id) AS ids FROM (
        SELECT id FROM settlement_sale
        WHERE account_ref = cases.account_ref AND business_date >= cases.first AND business_date < cases.after
            AND (%(window)s <> 'period' OR period = cases.period) AND suspense_minor = 0
            AND (cases.scope = 0 OR position(int4send(cases.scope) IN counted) > 0)
            AND NOT EXISTS (SELECT 1 FROM settlement_salereversal WHERE sale_id = settlement_sale.id)
        ORDER BY taken_at DESC, id DESC LIMIT %(newest)s
    ) AS sale
) AS newest ON newest.ids IS NOT NULL
WHERE NOT EXISTS (
    SELECT 1 FROM settlement_sale AS sale JOIN settlement_saleexception AS told ON told.record_id = sale.id
    WHERE sale.account_ref = cases.account_ref AND sale.business_date >= cases.first
        AND sale.business_date < cases.after AND told.kind = ANY(%(kinds)s::smallint[])
        AND (told.params->>'case' = cases.name OR told.record_id = newest.ids[1])
)
ORDER BY cases.first DESC, cases.account_ref LIMIT %(limit)s
"""


def over_policies(
    window: Window, policies: Iterable[Policy], *, since: date, kinds: Sequence[ExceptionKind], limit: int
) -> list[Suspect]:
    """Who may have passed a limit or an entitlement of these policies, places aside; the newest windows first.

    What counts for itself is counted only for those whom it is for; of other limits for lists, the lists are asked.
    """
    rules: list[Limit | Entitlement] = []
    for policy in policies:
        rules += [limit for limit in policy.limits if limit.window == window]
        rules += [each for each in policy.entitlements if each.window == window]
    listed = [rule for rule in rules if isinstance(rule, Limit) and rule.who.lists and not rule.scope]
    found: list[Suspect] = []
    by_group = list(_least_by_group([rule for rule in rules if rule not in listed]))
    if by_group:
        given = _columns(("groups", "scopes", "totals", "purses", "counts"), by_group)
        found += _suspects(_OF_GROUPS, window, since=since, kinds=kinds, limit=limit, given=given)
    by_person = _least_by_person(listed)
    if by_person:
        given = _columns(("people", "totals", "purses", "counts"), by_person)
        found += _suspects(_OF_PEOPLE, window, since=since, kinds=kinds, limit=limit, given=given)
    return found


def over_guards(window: Window, *, since: date, kinds: Sequence[ExceptionKind], limit: int) -> list[Suspect]:
    """The same for what guardians set."""
    return _suspects(_OF_GUARDIANS, window, since=since, kinds=kinds, limit=limit, given={"none": _NO_LIMIT})


def _suspects(
    least: str, window: Window, *, since: date, kinds: Sequence[ExceptionKind], limit: int, given: dict[str, Any]
) -> list[Suspect]:
    statement = _SUSPECTS.replace("<least>", least).replace("<first>", _FIRST[window])
    statement = statement.replace("<period>", "used.period" if window == "period" else "0")
    named = {"window": window, "since": since, "newest": NEWEST, "kinds": [int(kind) for kind in kinds], "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("<length>", _LENGTH[window]), given | named)
        return [Suspect._make(row) for row in cursor.fetchall()]


def _columns(names: Sequence[str], rows: Iterable[tuple[int, ...]]) -> dict[str, Any]:
    return dict(zip(names, ([*column] for column in zip(*rows, strict=True)), strict=True))


def _least_by_person(limits: Iterable[Limit]) -> list[tuple[int, int, int, int]]:
    """(cardholder, total, purse part, count) for everybody on a list that a limit names."""
    least: dict[int, tuple[int, int, int]] = {}
    for limit in set(limits):
        _scope, *bounds = _bounds(limit)
        for cardholder_id in {each for list_id in limit.who.lists for each in people_of_list(list_id)}:
            known = least.get(cardholder_id, (_NO_LIMIT, _NO_LIMIT, _NO_LIMIT))
            least[cardholder_id] = (min(known[0], bounds[0]), min(known[1], bounds[1]), min(known[2], bounds[2]))
    return [(cardholder_id, *bounds) for cardholder_id, bounds in least.items()]


def _least_by_group(rules: Sequence[Limit | Entitlement]) -> Iterator[Least]:
    """For each group and scope the lowest limits that can be meant for it."""
    for group_id, price_class in Group.objects.values_list("pk", "price_class__code") if rules else ():
        meant: dict[int, tuple[int, int, int]] = {}
        for rule in rules:
            if may_be_for(rule.who, group_id=group_id, price_class=price_class):
                scope, *bounds = _bounds(rule)
                known = meant.get(scope, (_NO_LIMIT, _NO_LIMIT, _NO_LIMIT))
                meant[scope] = (min(known[0], bounds[0]), min(known[1], bounds[1]), min(known[2], bounds[2]))
        yield from ((group_id, scope, *bounds) for scope, bounds in meant.items())


def _bounds(rule: Limit | Entitlement) -> tuple[int, int, int, int]:
    """(scope, total, purse part, count)."""
    if isinstance(rule, Entitlement):
        return -rule.id, _NO_LIMIT, _NO_LIMIT, rule.count
    most_minor = _NO_LIMIT if rule.max_minor is None else rule.max_minor
    most = _NO_LIMIT if rule.max_count is None else rule.max_count
    return (
        rule.scope,
        most_minor if rule.on == "total" else _NO_LIMIT,
        (most_minor if rule.on == "purse" else _NO_LIMIT),
        most,
    )


def may_be_for(who: Who, *, group_id: int, price_class: int) -> bool:
    """Can a rule be for somebody of this group? Lists aside."""
    return (not who.groups or group_id in who.groups) and (not who.classes or price_class in who.classes)
