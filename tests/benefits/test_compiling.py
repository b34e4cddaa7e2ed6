"""Everything of the second policy as administrators left it, in one value."""

from __future__ import annotations

from datetime import date

import pytest

from devices.core import policy as core
from devices.core.policy import DayKind, Where, Who, decode_policy, encode_policy
from ecard.benefits.compiler import compile_policy
from ecard.benefits.models import Block, Entitlement, PolicySettings, PriceRule, Programme, SpendLimit
from ecard.benefits.operations import open_programme, open_sponsor
from ecard.cardholders.operations import save_list
from ecard.merchants.models import Allergen, CalendarDay, MealPeriod
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


def test_every_part_of_the_second_policy_is_compiled(campus: Campus) -> None:
    sponsor = open_sponsor(name="后勤")
    sweets = save_category(code="sweets", name="甜点", name_en="Desserts", at=NOON)
    gluten = Allergen.objects.order_by("pk").first()
    assert gluten is not None
    listed = save_list(code="late", name="夜班", at=NOON)
    rule = PriceRule.objects.create(
        name="价", percent_bp=9_000, add_minor=-5, round_to_minor=10, rounding="up", from_date=date(2026, 12, 1)
    )
    rule.categories.set([sweets])
    rule.lists.set([listed])
    voucher = Programme.objects.create(
        name="券",
        sponsor=sponsor,
        kind="voucher",
        most_minor=9_00,
        threshold_minor=20_00,
        percent_bp=5_000,
        alone=True,
        part_payment=False,
        order=2,
    )
    subsidy = open_programme(name="补", sponsor_id=sponsor.pk)
    voucher.excludes.set([subsidy])
    free = Entitlement.objects.create(
        name="免", sponsor=sponsor, window="week", count=3, agreed_minor=6_00, covers_minor=8_00, weekdays=[7, 0, 0]
    )
    free.periods.set([campus.lunch])
    limit = SpendLimit.objects.create(name="限", window="month", on="purse", max_count=3, min_gap_s=60)
    block = Block.objects.create(name="禁", avoided_only=True, action="warn")
    block.allergens.set([gluten])
    PolicySettings.objects.create(funding_order=["lots", "voucher", "purse"], max_vouchers=3, low_balance_minor=5_00)
    CalendarDay.objects.create(site=campus.site, date=date(2026, 10, 1), acts_as=7)
    MealPeriod.objects.filter(pk=campus.lunch.pk).update(weekdays=[4, 0])

    policy = compiled()
    assert policy == decode_policy(encode_policy(policy))
    assert policy.min_evaluator == 2
    assert policy.prices == (
        core.PriceRule(
            rule.pk,
            core.Text("价"),
            Who(lists=(listed.pk,)),
            Where(categories=(sweets.pk,), from_date="2026-12-01"),
            9_000,
            -5,
            10,
            "up",
        ),
    )
    assert policy.programme(voucher.pk) == core.Programme(
        id=voucher.pk,
        name=core.Text("券"),
        part_payment=False,
        order=2,
        kind="voucher",
        most_minor=9_00,
        threshold_minor=20_00,
        percent_bp=5_000,
        alone=True,
        excludes=(subsidy.pk,),
    )
    assert policy.entitlements == (
        core.Entitlement(
            id=free.pk,
            name=core.Text("免"),
            where=Where(periods=(campus.lunch.pk,), weekdays=(0, 7)),
            window="week",
            count=3,
            agreed_minor=6_00,
            covers_minor=8_00,
        ),
    )
    assert policy.limits == (core.Limit(limit.pk, core.Text("限"), "month", on="purse", max_count=3, min_gap_s=60),)
    assert policy.blocks == (
        core.Block(block.pk, core.Text("禁"), allergens=(gluten.pk,), avoided_only=True, action="warn"),
    )
    assert (policy.funding_order, policy.max_vouchers) == (("lots", "voucher", "purse"), 3)
    assert policy.low_balance_minor == 5_00
    assert policy.days == (DayKind(campus.site.pk, "2026-10-01", 7),)
    assert policy.periods[0].weekdays == (0, 4)
    assert dict(policy.categories)[sweets.pk].en == "Desserts"
    assert gluten.pk in dict(policy.allergens)


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
