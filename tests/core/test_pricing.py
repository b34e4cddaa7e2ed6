"""Price rules: which of two neighbours in the order wins, how a result is rounded, and how a basket is shared out."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given

from devices.core.evaluate import evaluate
from devices.core.policy import PriceRule, Text, Where, Who
from devices.core.pricing import apply_rule, price
from devices.core.quote import Line
from devices.core.rulebook import specificity
from tests.core.generated import Dice, dice
from tests.core.people import LUNCH, TAP, person, policy

# The order of `devices.core.rulebook`, the most specific first.
NAMED: list[tuple[str, dict[str, Any]]] = [
    ("category", {"where": Where(categories=(1,))}),
    ("outlet", {"where": Where(outlets=(TAP.outlet,))}),
    ("meal period", {"where": Where(periods=(LUNCH,))}),
    ("site", {"where": Where(sites=(TAP.site,))}),
    ("weekday", {"where": Where(weekdays=(TAP.weekday,))}),
    ("list", {"who": Who(lists=(8,))}),
    ("group", {"who": Who(groups=(5,))}),
    ("price class", {"who": Who(classes=(1,))}),
    ("nothing", {}),
]


def rule(number: int, **changes: Any) -> PriceRule:
    return PriceRule(number, Text("价", "price"), **changes)


PAIRS = list(pairwise(NAMED))


@pytest.mark.parametrize(("winner", "loser"), PAIRS, ids=[f"{one[0]} over {two[0]}" for one, two in PAIRS])
def test_each_rule_beats_its_neighbour_in_the_order(
    winner: tuple[str, dict[str, Any]], loser: tuple[str, dict[str, Any]]
) -> None:
    rules = (rule(1, percent_bp=9_000, **loser[1]), rule(2, percent_bp=8_000, **winner[1]))
    who, what = person(lists=(8,)), (Line(10_00, category=1),)
    for listed in permutations(rules):
        quote = evaluate(policy=policy(prices=listed), person=who, tap=TAP, basket=what)
        assert quote.amount_minor == 8_00


def test_of_rules_that_name_the_same_the_lower_number_wins() -> None:
    rules = (rule(4, percent_bp=9_000), rule(3, percent_bp=8_000))
    assert sorted(rules, key=specificity) == [rules[1], rules[0]]


def test_a_rule_that_names_more_beats_one_that_names_only_a_part_of_it() -> None:
    both = rule(9, where=Where(outlets=(2,), periods=(LUNCH,)))
    assert min([rule(1, where=Where(outlets=(2,))), both], key=specificity) == both


@pytest.mark.parametrize(
    ("rounding", "step_minor", "amounts"),
    [
        ("half_up", 1, {10_04: 10_04}),
        ("half_up", 10, {10_04: 10_00, 10_05: 10_10, 10_06: 10_10}),
        ("half_up", 25, {10_12: 10_00, 10_13: 10_25, 10_37: 10_25, 10_38: 10_50}),
        ("half_up", 100, {10_49: 10_00, 10_50: 11_00, 10_51: 11_00}),
        ("up", 10, {10_00: 10_00, 10_01: 10_10, 10_10: 10_10}),
        ("down", 10, {10_09: 10_00, 10_10: 10_10, 9: 0}),
    ],
)
def test_a_price_is_rounded_as_its_rule_says(rounding: Any, step_minor: int, amounts: dict[int, int]) -> None:
    rounded = rule(1, round_to_minor=step_minor, rounding=rounding)
    assert {minor: apply_rule(rounded, minor) for minor in amounts} == amounts


@pytest.mark.parametrize(
    ("percent_bp", "add_minor", "list_minor", "amount_minor"),
    [
        (8_000, 0, 10_00, 8_00),
        (13_000, 0, 9_99, 12_99),
        (5_000, 0, 1, 1),
        (10_000, -3_00, 2_00, 0),
        (10_000, 50, 2_00, 2_50),
        (0, 6_00, 18_00, 6_00),
    ],
)
def test_a_rule_takes_a_share_and_adds_an_amount(
    percent_bp: int, add_minor: int, list_minor: int, amount_minor: int
) -> None:
    assert apply_rule(rule(1, percent_bp=percent_bp, add_minor=add_minor), list_minor) == amount_minor


def test_lines_under_one_rule_are_priced_together_so_that_rounding_and_surcharge_come_once() -> None:
    surcharge = rule(1, percent_bp=5_000, add_minor=1_00, round_to_minor=50, rounding="up")
    basket = (Line(3_33, category=1), Line(3_33, category=2), Line(3_35, category=1))
    assert sum(price((surcharge,), basket, 10_01, []).values()) == 6_50


def test_a_discount_line_lowers_what_else_is_in_the_basket() -> None:
    basket = (Line(5_00, category=1), Line(-2_00, category=2), Line(1_00, category=3))
    assert price((), basket, 4_00, []) == {1: 3_00, 2: 0, 3: 1_00}


@given(dice)
def test_a_basket_costs_what_its_categories_cost_together(drawn: Dice) -> None:
    rules, basket = drawn.few(drawn.price, 3), drawn.basket()
    reasons: list[Any] = []
    listed = tuple(sorted(rules, key=specificity))
    amounts = price(listed, basket, sum(line.unit_minor * line.quantity for line in basket), reasons)
    assert set(amounts) >= {line.category for line in basket}
    assert all(minor >= 0 for minor in amounts.values())
    if any(not rule.where.categories for rule in rules):
        assert sum(amounts.values()) == sum(reason.params["amount_minor"] for reason in reasons)
