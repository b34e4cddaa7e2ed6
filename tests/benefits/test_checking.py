"""The check of the rules as they stand in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.translation import override

from ecard.benefits.checking import check_rules
from ecard.benefits.compiler import compile_policy, names
from ecard.benefits.errors import PolicyRefused
from ecard.benefits.models import (
    AgeStep,
    Block,
    Entitlement,
    PolicySettings,
    PriceRule,
    Programme,
    ProgrammeKind,
    Schedule,
    SpendLimit,
    SponsorDay,
)
from ecard.benefits.operations import issue_grants, open_programme, open_sponsor
from ecard.benefits.rules import FindingCode, ProblemCode
from ecard.benefits.sentences import finding_sentence
from ecard.cardholders.models import ListKind, PersonList
from ecard.cardholders.operations import save_list
from ecard.cardholders.rules import Condition
from ecard.merchants.models import Allergen, Category, Product
from tests.support.campus import NOON, Campus, make_campus

pytestmark = pytest.mark.django_db


@pytest.fixture
def campus() -> Campus:
    return make_campus()


def codes() -> list[FindingCode]:
    return [each.code for each in check_rules(at=NOON).findings]


def test_rules_in_order_are_neither_forbidden_nor_odd(campus: Campus) -> None:
    PriceRule.objects.create(name="八折", percent_bp=8_000).classes.set([campus.price_class])
    open_programme(name="餐补").outlets.set([campus.outlet])
    checked = check_rules(at=NOON)
    assert checked.policy is not None
    assert (checked.problems, checked.findings) == ((), ())


def test_a_scheduled_programme_for_a_list_of_nobody_is_named(campus: Campus) -> None:
    grade = save_list(
        code="g",
        name="三年级",
        kind=ListKind.BY_ATTRIBUTES,
        conditions=[Condition("grade", ("3",))],
        groups=[],
        at=NOON,
    )
    programme = open_programme(name="餐补")
    Programme.objects.filter(pk=programme.pk).update(for_list=grade, schedule=Schedule.MONTHLY, amount_minor=100_00)
    assert codes() == [FindingCode.NOBODY_GETS_IT]
    person = campus.people[0]
    person.attributes = {"grade": "3"}
    person.save()
    assert codes() == []


def test_a_sponsor_is_dry_when_its_days_add_up_to_its_budget(campus: Campus) -> None:
    sponsor = open_sponsor(name="后勤", name_en="Logistics")
    sponsor.budget_minor = 100_00
    sponsor.budget_from, sponsor.budget_to = NOON.date() - timedelta(days=5), NOON.date()
    sponsor.save()
    Entitlement.objects.create(name="早餐", sponsor=sponsor, agreed_minor=6_00)
    SponsorDay.objects.create(sponsor=sponsor, day=NOON.date(), spent_minor=99_99, through_id=1)
    SponsorDay.objects.create(sponsor=sponsor, day=NOON.date() - timedelta(days=9), spent_minor=50_00, through_id=1)
    assert codes() == []
    SponsorDay.objects.update(spent_minor=100_00)
    (found,) = check_rules(at=NOON).findings
    assert found.code is FindingCode.SPONSOR_DRY
    with override("en"):
        assert "“早餐” is paid by Logistics, whose budget is used up" in finding_sentence(found, names())


def test_vouchers_given_by_hand_in_many_values_are_warned_of_before_a_till_becomes_slow(campus: Campus) -> None:
    programme = open_programme(name="奖励券")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER)
    PolicySettings.objects.update_or_create(pk=1, defaults={"max_vouchers": 3})

    def given(values: range, *, people: int = 1) -> list[FindingCode]:
        for amount_minor in values:
            issue_grants(
                programme=programme,
                cardholders=campus.people[:people],
                amount_minor=amount_minor,
                period_key=f"prize {amount_minor}",
                expires_at=NOON + timedelta(days=9),
                at=NOON,
            )
        return [each.code for each in check_rules(at=NOON).findings]

    assert FindingCode.MANY_VOUCHER_SETS not in given(range(100, 110), people=3)
    assert FindingCode.MANY_VOUCHER_SETS in given(range(110, 125))


def test_more_sets_of_categories_than_a_terminal_can_hold_are_forbidden(campus: Campus) -> None:
    for number in range(9):
        programme = open_programme(name=f"补{number}")
        programme.categories.set([Category.objects.create(code=f"c{number}", name=f"类{number}")])
    checked = check_rules(at=NOON)
    assert checked.policy is None
    assert [each.code for each in checked.problems] == [ProblemCode.TOO_MANY_CATEGORY_SETS]
    with pytest.raises(PolicyRefused, match="too_many_category_sets"):
        compile_policy(number=1, starts_at=NOON)


@pytest.mark.parametrize("order", [[], ["purse", "purse"], ["purse", "entitlement"], ["cash"]])
def test_an_order_of_payment_that_is_none_is_forbidden(campus: Campus, order: list[str]) -> None:
    PolicySettings.objects.create(funding_order=order)
    assert [each.code for each in check_rules(at=NOON).problems] == [ProblemCode.BAD_ORDER]


def test_the_check_takes_the_same_number_of_queries_for_one_rule_and_for_many(
    campus: Campus, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    def add(number: int) -> None:
        rows: list[Any] = [
            PriceRule.objects.create(name=f"价{number}"),
            SpendLimit.objects.create(name=f"限{number}", window="day", max_minor=50_00 + number),
            Block.objects.create(name=f"禁{number}"),
            Entitlement.objects.create(name=f"免{number}", sponsor=open_sponsor(name="后勤"), agreed_minor=6_00),
        ]
        listed = save_list(code=f"l{number}", name="名单", at=NOON)
        for row in rows:
            row.outlets.set([campus.outlet])
            row.groups.set([campus.group])
            row.lists.set([listed])
        programme = open_programme(name=f"补{number}")
        programme.for_groups.set([campus.group])
        Programme.objects.filter(pk=programme.pk).update(
            schedule=Schedule.MONTHLY, amount_minor=1, for_list=listed, for_attributes={"grade": ["1"]}
        )

    add(1)
    with django_assert_max_num_queries(80) as counted:
        check_rules(at=NOON)
    for number in range(2, 9):
        add(number)
    with django_assert_num_queries(len(counted)):
        check_rules(at=NOON)


def test_rows_that_no_page_would_write_are_told_and_never_break_the_check(campus: Campus) -> None:
    """The database admits more than the forms do; whoever imports or repairs by hand gets words, not a failure."""
    odd = {"weekdays": [9, 9, 300], "from_date": NOON.date(), "to_date": NOON.date() - timedelta(days=1)}
    sponsor = open_sponsor(name="")
    rows: list[Any] = [
        PriceRule.objects.create(name="", percent_bp=0, add_minor=-1, **odd),
        SpendLimit.objects.create(name="%(x)s", window="sale", min_gap_s=1, **odd),
        Block.objects.create(name="{}", avoided_only=True, **odd),
        Entitlement.objects.create(name="x", sponsor=sponsor, agreed_minor=1, count=32_767, **odd),
        Programme.objects.create(
            name="y",
            sponsor=sponsor,
            kind="voucher",
            threshold_minor=2**31 - 1,
            for_attributes=["no", "mapping"],
            schedule="dates",
            schedule_day=31,
            amount_minor=1,
            **odd,
        ),
        Programme.objects.create(
            name="z", sponsor=sponsor, for_attributes={"a": 1, "b": {"c": []}, "d": []}, schedule="once", amount_minor=1
        ),
    ]
    PersonList.objects.create(code="w", name="w", kind=ListKind.BY_ATTRIBUTES, conditions=[{"x": 1}, 5])
    rows[4].excludes.set([rows[4], rows[5]])
    rows[2].products.set(
        [Product.objects.create(code="p", name="p", price_minor=1, category=Category.objects.create(code="c"))]
    )
    rows[2].allergens.set([Allergen.objects.create(code="a")])
    AgeStep.objects.all().delete()
    checked = check_rules(at=NOON)
    assert checked.problems
    assert checked.findings
    for language in ("en", "zh-hans"):
        with override(language):
            assert all(finding_sentence(each, names()) for each in checked.findings)
