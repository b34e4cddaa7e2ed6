"""Everything of the second policy as administrators left it, in one value."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from devices.core import policy as core
from devices.core.policy import DayKind, Where, Who, decode_policy, encode_policy
from ecard.benefits.compiler import compile_policy
from ecard.benefits.models import Block, Entitlement, PolicySettings, PriceRule, Programme, SpendLimit
from ecard.benefits.operations import open_programme, open_sponsor
from ecard.cardholders.operations import save_list
from ecard.merchants.models import Allergen, CalendarDay, Category, MealPeriod
from ecard.merchants.operations import save_category
from tests.support.campus import NOON, Campus, make_campus

pytestmark = pytest.mark.django_db


@pytest.fixture
def campus() -> Campus:
    return make_campus()


def compiled() -> core.Policy:
    return compile_policy(number=4, starts_at=NOON)


def test_rules_that_the_first_evaluator_can_read_keep_older_terminals_selling(campus: Campus) -> None:
    PriceRule.objects.create(name="八折", percent_bp=8_000).classes.set([campus.price_class])
    SpendLimit.objects.create(name="每日", window="day", max_minor=50_00)
    open_programme(name="餐补").outlets.set([campus.outlet])
    policy = compiled()
    assert (policy.number, policy.starts_at_s, policy.min_evaluator) == (4, int(NOON.timestamp()), 1)
    assert policy.funding_order == ("entitlement", "voucher", "lots", "purse")
    assert not PolicySettings.objects.exists()


def test_a_price_is_compiled_with_its_people_goods_dates_and_rounding(campus: Campus) -> None:
    sweets, listed = a_category(), save_list(code="late", name="夜班", at=NOON)
    rule = PriceRule.objects.create(
        name="价", percent_bp=9_000, add_minor=-5, round_to_minor=10, rounding="up", from_date=date(2026, 12, 1)
    )
    rule.categories.set([sweets])
    rule.lists.set([listed])
    where = Where(categories=(sweets.pk,), from_date="2026-12-01")
    policy = compiled()
    assert policy.prices == (
        core.PriceRule(rule.pk, core.Text("价"), Who(lists=(listed.pk,)), where, 9_000, -5, 10, "up"),
    )
    assert dict(policy.categories)[sweets.pk].en == "Desserts"
    assert_second(policy)


def test_a_voucher_is_compiled_with_its_terms_and_what_it_excludes(campus: Campus) -> None:
    terms: dict[str, Any] = {"kind": "voucher", "most_minor": 9_00, "threshold_minor": 20_00, "percent_bp": 5_000}
    terms |= {"alone": True, "part_payment": False, "order": 2}
    voucher = Programme.objects.create(name="券", sponsor=open_sponsor(name="后勤"), **terms)
    subsidy = open_programme(name="补")
    voucher.excludes.set([subsidy])
    expected = core.Programme(id=voucher.pk, name=core.Text("券"), excludes=(subsidy.pk,), **terms)
    assert compiled().programme(voucher.pk) == expected
    assert_second(compiled())


def test_a_free_meal_is_compiled_with_its_count_and_what_it_covers(campus: Campus) -> None:
    terms: dict[str, Any] = {"window": "week", "count": 3, "agreed_minor": 6_00, "covers_minor": 8_00}
    free = Entitlement.objects.create(name="免", sponsor=open_sponsor(name="后勤"), weekdays=[7, 0, 0], **terms)
    free.periods.set([campus.lunch])
    where = Where(periods=(campus.lunch.pk,), weekdays=(0, 7))
    assert compiled().entitlements == (core.Entitlement(id=free.pk, name=core.Text("免"), where=where, **terms),)
    assert_second(compiled())


def test_a_limit_is_compiled_with_its_count_and_gap(campus: Campus) -> None:
    terms: dict[str, Any] = {"window": "month", "on": "purse", "max_count": 3, "min_gap_s": 60}
    limit = SpendLimit.objects.create(name="限", **terms)
    assert compiled().limits == (core.Limit(id=limit.pk, name=core.Text("限"), **terms),)
    assert_second(compiled())


def test_a_restriction_is_compiled_with_its_allergens(campus: Campus) -> None:
    gluten = Allergen.objects.order_by("pk")[0]
    block = Block.objects.create(name="禁", avoided_only=True, action="warn")
    block.allergens.set([gluten])
    policy = compiled()
    assert policy.blocks == (
        core.Block(block.pk, core.Text("禁"), allergens=(gluten.pk,), avoided_only=True, action="warn"),
    )
    assert gluten.pk in dict(policy.allergens)
    assert_second(policy)


def test_the_order_of_payment_is_compiled_with_its_vouchers_and_the_low_balance(campus: Campus) -> None:
    PolicySettings.objects.create(funding_order=["lots", "voucher", "purse"], max_vouchers=3, low_balance_minor=5_00)
    policy = compiled()
    told = (policy.funding_order, policy.max_vouchers, policy.low_balance_minor)
    assert told == (("lots", "voucher", "purse"), 3, 5_00)
    assert_second(policy)


def test_the_calendar_and_the_days_of_meals_are_compiled(campus: Campus) -> None:
    CalendarDay.objects.create(site=campus.site, date=date(2026, 10, 1), acts_as=7)
    assert compiled().days == (DayKind(campus.site.pk, "2026-10-01", 7),)
    assert_second(compiled())
    CalendarDay.objects.all().delete()
    MealPeriod.objects.filter(pk=campus.lunch.pk).update(weekdays=[4, 0])
    assert compiled().periods[0].weekdays == (0, 4)
    assert_second(compiled())


def a_category() -> Category:
    return save_category(code="sweets", name="甜点", name_en="Desserts", at=NOON)


def assert_second(policy: core.Policy) -> None:
    """An older evaluator keeps the policy before it; and the bytes say all that the value does."""
    assert policy.min_evaluator == 2
    assert policy == decode_policy(encode_policy(policy))


def test_what_only_vouchers_have_is_left_out_of_a_subsidy(campus: Campus) -> None:
    """So that a field filled in before the kind was changed does not make older terminals keep the old policy."""
    programme = open_programme(name="补")
    Programme.objects.filter(pk=programme.pk).update(threshold_minor=1, percent_bp=1, alone=True)
    programme.excludes.set([programme])
    assert compiled().programme(programme.pk) == core.Programme(programme.pk, core.Text("补"))
    assert compiled().min_evaluator == 1


def test_the_same_rules_are_the_same_policy_whenever_they_are_compiled(campus: Campus) -> None:
    CalendarDay.objects.create(site=campus.site, date=date(2020, 1, 1), acts_as=7)
    first = compile_policy(number=0, starts_at=NOON)
    later = compile_policy(number=0, starts_at=NOON.replace(year=2030))
    assert first.days == later.days
