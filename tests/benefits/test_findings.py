"""What is odd about a policy: pure, table-driven."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.utils.translation import override

from devices.core.policy import (
    AgeStep,
    Block,
    Entitlement,
    Limit,
    Policy,
    PriceRule,
    Programme,
    Text,
    Where,
    Who,
)
from ecard.benefits.rules import Facts, FindingCode, GroupFacts, ProgrammeFacts, Ref, findings
from ecard.benefits.sentences import Names, finding_sentence
from tests.benefits.known import FACTS, KNOWN, ONE, PERIODS, TWO

PLAIN = Policy(number=1, starts_at_s=0, ages=(AgeStep(900, 100, 100),), periods=PERIODS)


def policy(**rules: Any) -> Policy:
    return msgspec.structs.replace(PLAIN, **rules)


def price(number: int = 1, **of: Any) -> PriceRule:
    return PriceRule(number, ONE if number == 1 else TWO, **of)


def codes(asked: Policy, facts: Facts = FACTS) -> list[FindingCode]:
    return [each.code for each in findings(asked, known=KNOWN, facts=facts)]


STUDENTS, TEACHERS = Who(groups=(5,)), Who(groups=(6,))


@pytest.mark.parametrize(
    ("one", "two", "tied"),
    [
        (price(1), price(2), True),
        (price(1, who=STUDENTS), price(2, who=TEACHERS), False),
        (price(1, who=STUDENTS), price(2, who=Who(classes=(0,))), False),
        (price(1, who=Who(groups=(5, 6))), price(2, who=TEACHERS), True),
        (price(1, where=Where(outlets=(10,))), price(2, where=Where(outlets=(20,))), False),
        (price(1, where=Where(outlets=(10,), periods=(100,))), price(2, where=Where(outlets=(10,))), False),
        (price(1, where=Where(sites=(1,))), price(2, where=Where(sites=(1, 2))), True),
        (price(1, where=Where(weekdays=(0, 1))), price(2, where=Where(weekdays=(2,))), False),
        (price(1, where=Where(to_date="2026-11-30")), price(2, where=Where(from_date="2026-12-01")), False),
        (price(1, where=Where(to_date="2026-12-01")), price(2, where=Where(from_date="2026-12-01")), True),
    ],
)
def test_two_prices_are_tied_when_neither_is_more_specific_and_both_can_be_for_one_sale(
    one: PriceRule, two: PriceRule, tied: bool
) -> None:
    found = [each for each in findings(policy(prices=(one, two)), known=KNOWN, facts=FACTS) if each.other]
    assert [(each.code, each.ref, each.other_ref) for each in found] == (
        [(FindingCode.TIED_PRICES, Ref("benefits.pricerule", 2), Ref("benefits.pricerule", 1))] if tied else []
    )


def limit(number: int, window: Any = "day", **of: Any) -> Limit:
    return Limit(number, ONE if number == 1 else TWO, window, **of)


@pytest.mark.parametrize(
    ("one", "two", "dead"),
    [
        (limit(1, max_minor=50_00), limit(2, "month", max_minor=40_00), [1]),
        (limit(1, max_minor=30_00), limit(2, "month", max_minor=40_00), []),
        (limit(1, "month", max_minor=50_00), limit(2, max_minor=40_00), []),
        (limit(1, "week", max_minor=50_00), limit(2, "month", max_minor=40_00), []),
        (limit(1, max_minor=50_00), limit(2, max_minor=50_00), [2]),
        (limit(1, max_minor=50_00, on="purse"), limit(2, max_minor=50_00), [1]),
        (limit(1, max_minor=50_00), limit(2, max_minor=50_00, on="purse"), [2]),
        (limit(1, max_minor=50_00), limit(2, max_minor=40_00, who=STUDENTS), []),
        (limit(1, max_minor=50_00, who=STUDENTS), limit(2, max_minor=40_00), [1]),
        (limit(1, max_minor=50_00, who=STUDENTS), limit(2, max_minor=40_00, who=Who(classes=(0,))), [1]),
        (limit(1, max_minor=50_00), limit(2, max_minor=40_00, where=Where(categories=(40,))), []),
        (
            limit(1, max_minor=50_00, where=Where(outlets=(10,))),
            limit(2, max_minor=40_00, where=Where(sites=(1,))),
            [1],
        ),
        (limit(1, max_minor=50_00, max_count=2), limit(2, max_minor=40_00), []),
        (limit(1, max_count=3), limit(2, max_count=2), [1]),
        (limit(1, min_gap_s=600), limit(2, min_gap_s=900), [1]),
        (limit(1, "sale", max_minor=50_00), limit(2, "sale", max_minor=50_00, max_count=1), [2]),
        (
            limit(1, max_minor=5, where=Where(to_date="2027-01-01")),
            limit(2, max_minor=4, where=Where(to_date="2026-12-01")),
            [],
        ),
    ],
)
def test_a_limit_is_dead_when_a_tighter_one_for_all_its_sales_always_refuses_first(
    one: Limit, two: Limit, dead: list[int]
) -> None:
    found = findings(policy(limits=(one, two)), known=KNOWN, facts=FACTS)
    assert [each.ref.pk for each in found if each.code is FindingCode.DEAD_LIMIT] == dead


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Where(), []),
        (Where(to_date="2026-11-19"), [FindingCode.DATES_OVER]),
        (Where(to_date="2026-11-20"), []),
        (Where(from_date="2026-12-02", to_date="2026-12-01"), [FindingCode.DATES_REVERSED]),
        (Where(periods=(100,), weekdays=(5, 6)), [FindingCode.NOT_SERVED_THEN]),
        (Where(periods=(100, 200), weekdays=(5, 6)), []),
        (Where(weekdays=(9,)), [FindingCode.NO_SUCH_DAY]),
        (Where(categories=(40,)), []),
        (Where(categories=(41,), outlets=(10,)), [FindingCode.NOT_SOLD]),
        (Where(categories=(41,), sites=(1,)), [FindingCode.NOT_SOLD]),
        (Where(categories=(41,), sites=(2,)), []),
    ],
)
def test_a_rule_that_can_never_apply_is_named_with_the_reason(where: Where, expected: list[FindingCode]) -> None:
    assert codes(policy(programmes=(Programme(1, ONE, where=where),))) == expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (Who(groups=(7,)), [FindingCode.GROUP_EMPTY]),
        (Who(groups=(5, 7)), []),
        (Who(lists=(3,)), [FindingCode.LIST_EMPTY]),
        (Who(classes=(1,)), []),
        (Who(classes=(9,)), [FindingCode.CLASS_EMPTY]),
        (Who(classes=(1,), groups=(5,)), [FindingCode.NOBODY]),
    ],
)
def test_a_rule_for_nobody_is_named(who: Who, expected: list[FindingCode]) -> None:
    assert codes(policy(limits=(Limit(1, ONE, "day", who=who, max_minor=1),))) == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (Block(1, ONE), [FindingCode.BLOCKS_NOTHING]),
        (Block(1, ONE, products=(60,)), []),
        (Block(1, ONE, products=(61,)), [FindingCode.NOT_SOLD]),
        (Block(1, ONE, products=(60,), where=Where(outlets=(10,))), [FindingCode.NOT_SOLD]),
        (Block(1, ONE, allergens=(8,)), []),
    ],
)
def test_a_restriction_names_goods_that_are_sold(block: Block, expected: list[FindingCode]) -> None:
    assert codes(policy(blocks=(block,))) == expected


def test_programmes_that_exclude_each_other_in_a_circle_are_named_once_a_pair() -> None:
    circle = tuple(Programme(n, ONE, kind="voucher", excludes=(n % 3 + 1,)) for n in (1, 2, 3))
    found = findings(policy(programmes=circle), known=KNOWN, facts=FACTS)
    assert {each.code for each in found} == {FindingCode.EXCLUDES_EACH_OTHER}
    line = (Programme(1, ONE, kind="voucher", excludes=(1, 2)), Programme(2, TWO, kind="voucher"))
    assert codes(policy(programmes=line)) == []


def test_a_voucher_whose_threshold_nobody_may_reach_is_named() -> None:
    voucher = Programme(1, ONE, kind="voucher", threshold_minor=70_00)
    given_to = ProgrammeFacts(sponsor=1, groups=(5,), lists=(), nobody=False, amount_minor=5_00, by_hand=True)
    asked = policy(programmes=(voucher,))
    for_students = msgspec.structs.replace(asked)
    facts = Facts(today="2026-11-20", groups=FACTS.groups, programmes={1: given_to})
    assert codes(for_students, facts) == [FindingCode.THRESHOLD_TOO_HIGH]
    assert codes(asked, Facts(today="2026-11-20", groups=FACTS.groups)) == []
    capped = policy(programmes=(voucher,), limits=(Limit(2, TWO, "sale", max_minor=60_00),))
    assert FindingCode.THRESHOLD_TOO_HIGH in codes(capped, Facts(groups=FACTS.groups))


def test_what_a_spent_budget_pays_for_is_named() -> None:
    free = Entitlement(1, ONE, agreed_minor=6_00)
    (found,) = findings(policy(entitlements=(free,)), known=KNOWN, facts=FACTS)
    assert (found.code, found.other_ref) == (FindingCode.SPONSOR_DRY, Ref("benefits.sponsor", 900))
    with override("en"):
        assert "is paid by Logistics, whose budget is used up" in finding_sentence(found, Names())


def test_a_kind_of_benefit_outside_the_order_of_payment_never_pays() -> None:
    asked = policy(programmes=(Programme(1, ONE, kind="voucher"),), funding_order=("entitlement", "lots", "purse"))
    assert codes(asked) == [FindingCode.SOURCE_LEFT_OUT]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (price(percent_bp=0), [FindingCode.PRICED_AT_NOTHING]),
        (price(percent_bp=0, add_minor=4, round_to_minor=10), [FindingCode.PRICED_AT_NOTHING]),
        (price(percent_bp=1, add_minor=-20_00), [FindingCode.PRICED_AT_NOTHING]),
        (price(percent_bp=0, add_minor=5_00), []),
        (price(percent_bp=1), []),
        (price(percent_bp=0, where=Where(categories=(40,))), []),
    ],
)
def test_a_price_at_which_nothing_can_be_sold_is_named(rule: PriceRule, expected: list[FindingCode]) -> None:
    assert codes(policy(prices=(rule,))) == expected


def vouchers(count: int, **of: Any) -> tuple[Programme, ...]:
    return tuple(Programme(number, ONE, kind="voucher", **of) for number in range(1, count + 1))


def test_vouchers_of_many_values_in_one_hand_are_counted_each() -> None:
    """Of like ones no more than a sale takes are looked at; of others every one that a terminal has."""
    rules = policy(programmes=vouchers(3), max_vouchers=3)
    for held, sets in ((3, 0), (20, 1 + 26 + 325 + 2_600), (400, 1 + 32 + 496 + 4_960)):
        found = findings(rules, known=KNOWN, facts=Facts(unlike_vouchers={2: held}))
        told = [each.amount_minor for each in found if each.code is FindingCode.MANY_VOUCHER_SETS]
        assert told == ([sets] if sets else [])


@pytest.mark.parametrize(
    ("rules", "sets"),
    [
        ({"programmes": vouchers(11), "max_vouchers": 3}, 1 + 32 + 496 + 4_960),
        ({"programmes": vouchers(6), "max_vouchers": 3}, 0),  # of each three at most: 988
        ({"programmes": vouchers(7), "max_vouchers": 3}, 1 + 21 + 210 + 1_330),
        ({"programmes": vouchers(400), "max_vouchers": 2}, 0),
        ({"programmes": vouchers(400, alone=True), "max_vouchers": 3}, 0),
        ({"programmes": vouchers(400), "max_vouchers": 3, "funding_order": ("lots", "purse")}, 0),
        ({"programmes": vouchers(32), "entitlements": (Entitlement(1, ONE), Entitlement(2, TWO))}, 0),
        (
            {
                "programmes": vouchers(32),
                "entitlements": (Entitlement(1, ONE), Entitlement(2, TWO, where=Where(categories=(40,)))),
            },
            2 * (1 + 32 + 496),
        ),
        (
            {
                "programmes": (
                    *vouchers(6, where=Where(outlets=(10,))),
                    *(Programme(number, ONE, kind="voucher", where=Where(sites=(2,))) for number in range(7, 13)),
                ),
                "max_vouchers": 3,
            },
            0,
        ),
    ],
)
def test_vouchers_of_which_one_sale_would_try_too_many_sets_are_named(rules: dict[str, Any], sets: int) -> None:
    found = findings(policy(**rules), known=KNOWN, facts=Facts())
    told = [each for each in found if each.code is FindingCode.MANY_VOUCHER_SETS]
    assert [(each.ref.model, each.amount_minor) for each in told] == (
        [("benefits.policysettings", sets)] if sets else []
    )
    with override("en"):
        assert all(f"try {sets} sets" in finding_sentence(each, Names()) for each in told)


def test_a_programme_that_nobody_gets_and_one_whose_dates_are_over_are_named() -> None:
    def facts(**of: Any) -> Facts:
        asked = {"sponsor": 1, "groups": (), "lists": (), "nobody": False, "amount_minor": 1, "by_hand": False, **of}
        return Facts(today="2026-11-20", programmes={1: ProgrammeFacts(**asked)})

    asked = policy(programmes=(Programme(1, ONE),))
    assert codes(asked, facts()) == []
    assert codes(asked, facts(nobody=True)) == [FindingCode.NOBODY_GETS_IT]
    assert codes(asked, facts(last_date="2026-11-19")) == [FindingCode.NEVER_ISSUED]
    assert codes(asked, facts(last_date="2026-11-20")) == []
    assert codes(asked, facts(nobody=True, by_hand=True)) == []


def test_people_whom_the_rules_leave_out_are_named() -> None:
    facts = Facts(
        groups={
            5: GroupFacts(ONE, 0, 3, 60_00, 0, 9),
            6: GroupFacts(TWO, 1, 4, 0, 100_00, 9),
            7: GroupFacts(TWO, 2, 0, 0, 0, 0),
        }
    )
    asked = policy(prices=(price(1, who=STUDENTS),), classes=((0, Text("学生", "Student")),))
    found = findings(asked, known=KNOWN, facts=facts)
    assert [(each.code, each.ref.pk) for each in found] == [
        (FindingCode.SELLS_NOTHING, 6),
        (FindingCode.UNPRICED, 6),
        (FindingCode.NO_OFFLINE, 5),
    ]
    assert all(each.ref.model == "cardholders.group" for each in found)
