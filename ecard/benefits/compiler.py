"""The models as administrators left them, compiled into one policy value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from devices.core import policy as core
from devices.core.policy import Policy, Text, Where, Who
from ecard.benefits.models import Addressed, AgeStep, Named, Placed, PriceRule, Programme, SpendLimit
from ecard.benefits.rules import Known
from ecard.cardholders.models import Group, PriceClass
from ecard.merchants.models import MINUTES_PER_DAY, MealPeriod, Outlet, Site

_PLACES = ("sites", "outlets", "periods")
_PEOPLE = ("classes", "groups")


def compile_policy(*, number: int, starts_at: datetime) -> Policy:
    """What the active rules say now. A fixed number of queries; nothing is checked or written."""
    return Policy(
        number=number,
        starts_at_s=int(starts_at.timestamp()),
        classes=tuple((each.code, _text(each)) for each in PriceClass.objects.order_by("code")),
        periods=tuple(_period(each) for each in MealPeriod.objects.order_by("site_id", "start_minute")),
        prices=tuple(_price(each) for each in _active(PriceRule.objects.all(), *_PLACES, *_PEOPLE)),
        programmes=tuple(_programme(each) for each in _active(Programme.objects.all(), *_PLACES)),
        limits=tuple(_limit(each) for each in _active(SpendLimit.objects.all(), *_PLACES, *_PEOPLE)),
        ages=tuple(
            core.AgeStep(each.up_to_s, each.sale_minor, each.person_minor)
            for each in AgeStep.objects.order_by("up_to_s")
        ),
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


def _active(rules: QuerySet[Any], *related: str) -> QuerySet[Any]:
    return rules.filter(active=True).prefetch_related(*related).order_by("id")


def _text(named: Named | PriceClass | MealPeriod) -> Text:
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


def _price(rule: PriceRule) -> core.PriceRule:
    return core.PriceRule(
        id=rule.id,
        name=_text(rule),
        who=_who(rule),
        where=_where(rule),
        percent_bp=rule.percent_bp,
        add_minor=rule.add_minor,
    )


def _programme(programme: Programme) -> core.Programme:
    return core.Programme(
        id=programme.id,
        name=_text(programme),
        where=_where(programme),
        part_payment=programme.part_payment,
        order=programme.order,
    )


def _limit(limit: SpendLimit) -> core.Limit:
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
