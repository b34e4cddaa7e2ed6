"""All rules together: the policy they make, and the ids it may name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.db.models import QuerySet

from devices.core.policy import DayKind, Policy, decode_policy, encode_policy, least_evaluator
from devices.core.policy import PriceRule as PriceRuleValue
from ecard.benefits.compiler.rows import (
    PEOPLE,
    PLACES,
    block_of,
    entitlement_of,
    limit_of,
    period_of,
    price_rule,
    programme_of,
    settings_of,
    step_of,
    text_of,
)
from ecard.benefits.errors import PolicyRefused
from ecard.benefits.models import (
    AgeStep,
    Block,
    Entitlement,
    PolicySettings,
    PriceRule,
    Programme,
    SpendLimit,
)
from ecard.benefits.rules.problems import Known, Problem, ProblemCode, impossible
from ecard.cardholders.models import Group, PersonList, PriceClass
from ecard.merchants.models import Allergen, Category, MealPeriod, Outlet, Product, Site
from ecard.merchants.queries import all_day_kinds, allergens, categories


def compile_policy(*, number: int, starts_at: datetime) -> Policy:
    """What the active rules say now. A fixed number of queries; little is checked and nothing written.

    Raises PolicyRefused where they are no policy at all; whether they are a good one, `check_rules` says.
    """
    programmes = tuple(map(programme_of, _active(Programme.objects.all(), *PLACES, "excludes")))
    entitlements = tuple(map(entitlement_of, _active(Entitlement.objects.all(), *PLACES, *PEOPLE)))
    order, max_vouchers, low_balance_minor = settings_of(policy_settings())
    refused = impossible(order=order, max_vouchers=max_vouchers, programmes=programmes, entitlements=entitlements)
    if refused:
        raise PolicyRefused(refused)
    policy = Policy(
        number=number,
        starts_at_s=int(starts_at.timestamp()),
        classes=tuple((each.code, text_of(each)) for each in PriceClass.objects.order_by("code")),
        periods=tuple(map(period_of, MealPeriod.objects.order_by("site_id", "start_minute", "id"))),
        prices=price_rules(),
        programmes=programmes,
        limits=tuple(map(limit_of, _active(SpendLimit.objects.all(), *PLACES, *PEOPLE))),
        funding_order=order,
        ages=tuple(map(step_of, AgeStep.objects.order_by("up_to_s"))),
        entitlements=entitlements,
        blocks=tuple(map(block_of, _active(Block.objects.all(), *PLACES, *PEOPLE, "products", "allergens"))),
        days=tuple(DayKind(site, day.isoformat(), acts_as) for site, day, acts_as in all_day_kinds()),
        max_vouchers=max_vouchers,
        low_balance_minor=low_balance_minor,
        categories=tuple(categories().items()),
        allergens=tuple(allergens().items()),
    )
    return _as_read(msgspec.structs.replace(policy, min_evaluator=least_evaluator(policy)))


def _as_read(policy: Policy) -> Policy:
    """The policy as its bytes read back: what is left out of them as a default depends on where a value came from."""
    try:
        return decode_policy(encode_policy(policy))
    except msgspec.ValidationError as error:
        raise PolicyRefused((Problem(ProblemCode.UNREADABLE, str(error)),)) from error


def policy_settings() -> PolicySettings:
    """The one row; as new where nobody has saved it yet."""
    return PolicySettings.objects.first() or PolicySettings()


def settings_policy(settings: PolicySettings, *, at: datetime) -> Policy:
    """A policy of these settings alone, to be told in words; of an order that is none, as much as holds."""
    order, max_vouchers, low_balance_minor = settings_of(settings)
    if impossible(order=order, max_vouchers=max_vouchers, programmes=(), entitlements=()):
        order, max_vouchers = (), 1
    return Policy(
        number=0,
        starts_at_s=int(at.timestamp()),
        funding_order=order,
        max_vouchers=max_vouchers,
        low_balance_minor=low_balance_minor,
    )


def price_rules() -> tuple[PriceRuleValue, ...]:
    """Every price rule in use. A fixed number of queries."""
    return tuple(map(price_rule, _active(PriceRule.objects.all(), *PLACES, *PEOPLE)))


def known() -> Known:
    """The ids a policy may name today; a closed outlet is none of them. One statement a kind."""
    return Known(
        sites=frozenset(Site.objects.values_list("id", flat=True)),
        outlet_sites=dict(Outlet.objects.filter(closed_at__isnull=True).values_list("id", "site_id")),
        period_sites=dict(MealPeriod.objects.values_list("id", "site_id")),
        classes=frozenset(PriceClass.objects.values_list("code", flat=True)),
        groups=frozenset(Group.objects.values_list("id", flat=True)),
        lists=frozenset(PersonList.objects.values_list("id", flat=True)),
        categories=frozenset(Category.objects.values_list("id", flat=True)),
        allergens=frozenset(Allergen.objects.values_list("id", flat=True)),
        products=frozenset(Product.objects.values_list("id", flat=True)),
    )


def _active(rules: QuerySet[Any], *related: str) -> QuerySet[Any]:
    return rules.filter(active=True).prefetch_related(*related).order_by("id")
