"""The check of the rules as they stand: what it needs to know is gathered here, judged in `rules`."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Q, QuerySet, Sum, Value

from devices.core.policy import Policy, PriceRule, Text
from ecard.benefits.compiler import compile_policy, known, price_rules
from ecard.benefits.compiler.terms import attributes_of_programme
from ecard.benefits.errors import PolicyRefused
from ecard.benefits.models import Entitlement, Programme, ProgrammeKind, Schedule, Sponsor
from ecard.benefits.rules import (
    Facts,
    Finding,
    GroupFacts,
    Overlap,
    Problem,
    ProgrammeFacts,
    findings,
    overlaps,
    problems,
)
from ecard.cardholders.models import Cardholder, CardholderState, Group, ListKind, PersonList
from ecard.cardholders.queries import selected
from ecard.cardholders.rules import conditions_of
from ecard.merchants.models import Placement

ASKED_AT_ONCE = 100
_UNLIKE_VOUCHERS = """
SELECT programme_id, max(tried)::int FROM (
    SELECT programme_id, sum(least(alike, %s)) AS tried FROM (
        SELECT lot.programme_id, lot.cardholder_id, count(*) AS alike
        FROM benefits_grant AS lot JOIN benefits_programme AS programme ON programme.id = lot.programme_id
        WHERE lot.ended_at IS NULL AND lot.expires_at > %s AND programme.kind = %s
        GROUP BY lot.programme_id, lot.cardholder_id, lot.amount_minor
    ) AS worth GROUP BY programme_id, cardholder_id HAVING count(*) > 1
) AS held GROUP BY programme_id
"""
_CONDITION = {"attribute", "values"}
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Check:
    """`problems` forbid publishing, `findings` warn; `policy` is None where the rules make none at all."""

    policy: Policy | None
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...]


def check_rules(*, at: datetime) -> Check:
    """The rules as administrators left them, judged as of the day of `at`. Raises nothing, whatever the rows say."""
    try:
        policy = compile_policy(number=0, starts_at=at)
    except PolicyRefused as refused:
        return Check(None, refused.problems, ())
    return check_policy(policy, at=at)


def check_policy(policy: Policy, *, at: datetime) -> Check:
    """A compiled policy (a draft's) judged by what exists now. A bounded number of statements."""
    ids = known()
    return Check(
        policy,
        problems(policy, known=ids),
        findings(policy, known=ids, facts=facts_at(at, max_vouchers=policy.max_vouchers)),
    )


def price_overlaps(rule: PriceRule) -> tuple[Overlap, ...]:
    """Which of the price rules in use meet this one, and which wins there. A fixed number of statements."""
    classes = dict(Group.objects.values_list("pk", "price_class__code"))
    return overlaps(rule, price_rules(), known=known(), class_of_group=classes)


def facts_at(at: datetime, *, max_vouchers: int) -> Facts:
    """What the check must know besides the policy."""
    today = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    lists = list(PersonList.objects.prefetch_related("groups"))
    programmes = list(Programme.objects.filter(active=True).prefetch_related("for_groups").order_by("id"))
    people_of = {each.pk: _people_of_list(each) for each in lists}
    given = _with_somebody(
        {each.pk: _people_of(each, people_of) for each in programmes if each.schedule != Schedule.BY_HAND}
    )
    filled = _with_somebody(people_of)
    sold, products = _goods()
    return Facts(
        today=today.isoformat(),
        groups=_groups(),
        empty_lists=frozenset(people_of.keys() - filled),
        list_names={each.pk: Text(each.name, each.name_en) for each in lists},
        sold=sold,
        products=products,
        programmes={each.pk: _programme(each, nobody=each.pk not in given) for each in programmes},
        sponsors={each.pk: Text(each.name, each.name_en) for each in Sponsor.objects.all()},
        sponsor_of_entitlement=dict(Entitlement.objects.filter(active=True).values_list("pk", "sponsor_id")),
        spent_budgets=_spent_budgets(today),
        unlike_vouchers=_unlike_vouchers(at, max_vouchers=max_vouchers),
    )


def _groups() -> dict[int, GroupFacts]:
    active = Count("cardholders", filter=Q(cardholders__state=CardholderState.ACTIVE))
    return {
        group.pk: GroupFacts(
            name=Text(group.name, group.name_en),
            price_class=group.price_class.code,
            people=group.active_people,
            per_sale_minor=group.per_sale_limit_minor,
            offline_minor=group.offline_limit_minor,
            max_offline_sales=group.max_offline_sales,
        )
        for group in Group.objects.select_related("price_class").annotate(active_people=active)
    }


def _people_of_list(person_list: PersonList) -> QuerySet[Cardholder]:
    if person_list.kind == ListKind.UPLOADED:
        return Cardholder.objects.filter(state=CardholderState.ACTIVE, listed__person_list_id=person_list.pk)
    groups = [group.pk for group in person_list.groups.all()]
    wellformed = [each for each in person_list.conditions if isinstance(each, dict) and each.keys() >= _CONDITION]
    conditions = {each.attribute: each.values for each in conditions_of(wellformed)}
    if not groups and not conditions:
        return Cardholder.objects.none()
    return selected(groups=groups, attributes=conditions, list_id=None)


def _people_of(programme: Programme, lists: Mapping[int, QuerySet[Cardholder]]) -> QuerySet[Cardholder]:
    groups = [group.pk for group in programme.for_groups.all()]
    chosen = selected(groups=groups, attributes=dict(attributes_of_programme(programme)), list_id=None)
    if programme.for_list_id is None:
        return chosen
    return chosen.filter(pk__in=lists[programme.for_list_id].values("pk"))


def _with_somebody(people: Mapping[K, QuerySet[Cardholder]]) -> set[K]:
    """The keys whose people are at least one; ASKED_AT_ONCE of them in a statement, each answered by an index."""
    keys = list(people)
    found: set[K] = set()
    for part in _parts(range(len(keys))):
        asked = [people[keys[number]].order_by().values_list(Value(number))[:1] for number in part]
        answers: Any = asked[0].union(*asked[1:], all=True) if len(asked) > 1 else asked[0]
        found.update(keys[row[0]] for row in answers)
    return found


def _parts(numbers: range) -> Iterator[list[int]]:
    rest = iter(numbers)
    while part := list(islice(rest, ASKED_AT_ONCE)):
        yield part


def _goods() -> tuple[dict[int, frozenset[int]], dict[int, frozenset[int]]]:
    sold: dict[int, set[int]] = {}
    products: dict[int, set[int]] = {}
    rows = Placement.objects.filter(product__active=True, outlet__closed_at__isnull=True)
    for outlet, product, category in rows.values_list("outlet_id", "product_id", "product__category_id"):
        sold.setdefault(outlet, set()).add(category)
        products.setdefault(product, set()).add(outlet)
    return {k: frozenset(v) for k, v in sold.items()}, {k: frozenset(v) for k, v in products.items()}


def _programme(programme: Programme, *, nobody: bool) -> ProgrammeFacts:
    by_hand = programme.schedule == Schedule.BY_HAND
    dated = programme.schedule in (Schedule.ONCE, Schedule.DATES)
    dates = sorted(programme.schedule_dates)[: 1 if programme.schedule == Schedule.ONCE else None]
    return ProgrammeFacts(
        sponsor=programme.sponsor_id,
        groups=tuple(group.pk for group in programme.for_groups.all()),
        lists=(programme.for_list_id,) if programme.for_list_id else (),
        nobody=nobody and not by_hand,
        amount_minor=programme.amount_minor or 0,
        by_hand=by_hand,
        last_date=(dates[-1] if dates else date.min).isoformat() if dated else "",
    )


def _unlike_vouchers(at: datetime, *, max_vouchers: int) -> dict[int, int]:
    """Vouchers by hand may each be of another value: of like ones a sale looks at no more than it may use."""
    with connection.cursor() as cursor:
        cursor.execute(_UNLIKE_VOUCHERS, [max_vouchers, at, ProgrammeKind.VOUCHER])
        return dict(cursor.fetchall())


def _spent_budgets(today: date) -> frozenset[int]:
    """Of the days as last counted (`budgets.count_days`)."""
    running = Sponsor.objects.filter(budget_minor__isnull=False, budget_from__lte=today, budget_to__gte=today)
    within = Q(days__day__gte=F("budget_from"), days__day__lte=F("budget_to"))
    spent = running.annotate(spent=Sum("days__spent_minor", filter=within)).filter(spent__gte=F("budget_minor"))
    return frozenset(spent.values_list("pk", flat=True))
