"""The models as administrators left them, compiled into one policy value."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from devices.core import policy as core
from devices.core.policy import Policy, Text, Where, Who
from ecard.benefits.models import Addressed, AgeStep, Named, Placed, PriceRule, Programme, SpendLimit
from ecard.benefits.rules import Known
from ecard.benefits.sentences import Names
from ecard.cardholders.models import Group, PriceClass
from ecard.merchants.models import MealPeriod, Outlet, Site
from ecard.merchants.rules import MINUTES_PER_DAY

_PLACES = ("sites", "outlets", "periods")
_PEOPLE = ("classes", "groups")


def compile_policy(*, number: int, starts_at: datetime) -> Policy:
    """What the active rules say now. A fixed number of queries; nothing is checked or written."""
    return Policy(
        number=number,
        starts_at_s=int(starts_at.timestamp()),
        classes=tuple((each.code, _text(each)) for each in PriceClass.objects.order_by("code")),
        periods=tuple(_period(each) for each in MealPeriod.objects.order_by("site_id", "start_minute")),
        prices=tuple(price_rule(each) for each in _active(PriceRule.objects.all(), *_PLACES, *_PEOPLE)),
        programmes=tuple(programme_of(each) for each in _active(Programme.objects.all(), *_PLACES)),
        limits=tuple(limit_of(each) for each in _active(SpendLimit.objects.all(), *_PLACES, *_PEOPLE)),
        ages=tuple(step_of(each) for each in AgeStep.objects.order_by("up_to_s")),
    )


def known() -> Known:
    """The ids a policy may name today; a closed outlet is none of them."""
    return Known(
        sites=frozenset(Site.objects.values_list("id", flat=True)),
        outlet_sites=dict(Outlet.objects.filter(closed_at__isnull=True).values_list("id", "site_id")),
        period_sites=dict(MealPeriod.objects.values_list("id", "site_id")),
        classes=frozenset(PriceClass.objects.values_list("code", flat=True)),
        groups=frozenset(Group.objects.values_list("id", flat=True)),
    )


def names() -> Names:
    """What everything a policy may name is called, closed outlets included."""
    return Names(
        sites=_texts(Site.objects.values_list("id", "name", "name_en")),
        outlets=_texts(Outlet.objects.values_list("id", "name", "name_en")),
        periods=_texts(MealPeriod.objects.values_list("id", "name", "name_en")),
        classes=_texts(PriceClass.objects.values_list("code", "name", "name_en")),
        groups=_texts(Group.objects.values_list("id", "name", "name_en")),
    )


def names_around(rule: Placed) -> Names:
    """What this rule's own places and people are called, from its prefetched relations."""
    addressed = rule if isinstance(rule, Addressed) else None
    return Names(
        sites={each.id: _text(each) for each in rule.sites.all()},
        outlets={each.id: _text(each) for each in rule.outlets.all()},
        periods={each.id: _text(each) for each in rule.periods.all()},
        classes={each.code: _text(each) for each in addressed.classes.all()} if addressed else {},
        groups={each.id: _text(each) for each in addressed.groups.all()} if addressed else {},
    )


def _texts(rows: Iterable[tuple[int, str, str]]) -> dict[int, Text]:
    return {number: Text(name, name_en) for number, name, name_en in rows}


def _active(rules: QuerySet[Any], *related: str) -> QuerySet[Any]:
    return rules.filter(active=True).prefetch_related(*related).order_by("id")


def _text(named: Named | PriceClass | Group | MealPeriod | Outlet | Site) -> Text:
    return Text(named.name, named.name_en)


def _where(placed: Placed) -> Where:
    return Where(
        sites=tuple(sorted(site.id for site in placed.sites.all())),
        outlets=tuple(sorted(outlet.id for outlet in placed.outlets.all())),
        periods=tuple(sorted(period.id for period in placed.periods.all())),
        weekdays=tuple(sorted(placed.weekdays)),
    )


def _who(addressed: Addressed) -> Who:
    return Who(
        classes=tuple(sorted(each.code for each in addressed.classes.all())),
        groups=tuple(sorted(group.id for group in addressed.groups.all())),
    )


def _period(period: MealPeriod) -> core.MealPeriod:
    end = period.end_minute
    # Past midnight the model counts on; the policy starts the clock again.
    end_min = end if end <= MINUTES_PER_DAY else end - MINUTES_PER_DAY
    return core.MealPeriod(period.id, period.site_id, _text(period), period.start_minute, end_min)


def price_rule(rule: PriceRule) -> core.PriceRule:
    """One price rule as a policy has it."""
    return core.PriceRule(
        id=rule.id,
        name=_text(rule),
        who=_who(rule),
        where=_where(rule),
        percent_bp=rule.percent_bp,
        add_minor=rule.add_minor,
    )


def programme_of(programme: Programme) -> core.Programme:
    """One programme as a policy has it."""
    return core.Programme(
        id=programme.id,
        name=_text(programme),
        where=_where(programme),
        part_payment=programme.part_payment,
        order=programme.order,
    )


def limit_of(limit: SpendLimit) -> core.Limit:
    """One limit as a policy has it."""
    return core.Limit(
        id=limit.id,
        name=_text(limit),
        window="sale" if limit.window == "sale" else "day",
        on="total" if limit.on == "total" else "purse",
        who=_who(limit),
        where=_where(limit),
        max_minor=limit.max_minor,
        max_count=limit.max_count,
    )


def step_of(step: AgeStep) -> core.AgeStep:
    """One offline step as a policy has it."""
    return core.AgeStep(step.up_to_s, step.sale_minor, step.person_minor)
