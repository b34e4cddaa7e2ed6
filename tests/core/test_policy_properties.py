"""What holds of every policy, person and basket: sums, sources, order, and that more never costs more."""

from __future__ import annotations

import random
from itertools import combinations
from math import comb
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.core.evaluate import evaluate
from devices.core.funding import Funding, sets_tried
from devices.core.journal import SaleRecord, decode_record, encode_record
from devices.core.money import scale_bp
from devices.core.policy import (
    MAX_CATEGORY_SETS,
    MAX_VOUCHERS,
    Policy,
    Programme,
    Rule,
    Where,
    decode_policy,
    encode_policy,
)
from devices.core.quote import Line, Lot, Person, Quote, Tap
from devices.core.sentences import quote_sentences
from tests.core import generated as drawn
from tests.core.generated import Dice
from tests.core.independent_payer import own_part
from tests.core.people import AT_S, TAP, person, policy

THOROUGH = settings(max_examples=400)
MANY = settings(max_examples=1_500)
changed = msgspec.structs.replace


def sold(rules: Policy, who: Person, what: tuple[Line, ...], tap: Tap = TAP) -> Quote:
    return evaluate(policy=rules, person=who, tap=tap, basket=what)


@THOROUGH
@given(drawn.dice)
def test_legs_sum_to_the_amount_and_none_exceeds_its_source(dice: Dice) -> None:
    rules, who, what = dice.policy(), dice.person(), dice.basket()
    tap = dice.tap()
    quote = sold(rules, who, what, tap)
    for language in ("zh-hans", "en"):
        assert "?" not in "".join(quote_sentences(quote, policy=rules, language=language))
    if not quote.approved:
        assert (quote.legs, quote.counted) == ((), ())
        return
    assert sum(leg.amount_minor for leg in quote.legs) == quote.amount_minor > 0
    assert len({(leg.source, leg.ref) for leg in quote.legs}) == len(quote.legs)
    lots, by_id = {lot.id: lot for lot in who.lots}, {each.id: each for each in rules.programmes}
    paid: dict[int, int] = {}
    for leg in quote.legs:
        assert leg.amount_minor > 0
        if leg.source in ("lot", "voucher"):
            assert leg.amount_minor <= lots[leg.ref].remaining_minor
            assert lots[leg.ref].expires_s > AT_S
            assert by_id[leg.programme].kind == {"lot": "subsidy", "voucher": "voucher"}[leg.source]
        if leg.source == "lot":
            paid[leg.programme] = paid.get(leg.programme, 0) + leg.amount_minor
    for programme, paid_minor in paid.items():
        assert not by_id[programme].most_minor or paid_minor <= by_id[programme].most_minor
    _vouchers_are_admissible(quote, rules, lots)
    assert quote.leg_minor("purse") <= max(0, who.purse_minor)
    agreed = [leg for leg in quote.legs if leg.source == "entitlement"]
    assert len(agreed) <= 1
    assert all(leg.amount_minor == _named(rules.entitlements, leg.ref).agreed_minor for leg in agreed)


def _vouchers_are_admissible(quote: Quote, rules: Policy, lots: dict[int, Lot]) -> None:
    used = [leg for leg in quote.legs if leg.source == "voucher"]
    programmes = [_named(rules.programmes, leg.programme) for leg in used]
    assert len(used) <= rules.max_vouchers
    for one, two in combinations(programmes, 2):
        assert not one.alone
        assert not two.alone
        assert two.id not in one.excludes
        assert one.id not in two.excludes
    beside = {leg.programme for leg in quote.legs if leg.source == "lot"}
    assert not any(set(each.excludes) & beside for each in programmes)
    for leg, each in zip(used, programmes, strict=True):
        if each.percent_bp:
            most = scale_bp(quote.amount_minor + 100, each.percent_bp)
            assert leg.amount_minor <= min(most, lots[leg.ref].remaining_minor)


def _named(rules: tuple[Rule, ...], number: int) -> Any:
    return next(each for each in rules if each.id == number)


@THOROUGH
@given(drawn.dice)
def test_the_order_in_which_rules_and_lots_are_listed_changes_nothing(dice: Dice) -> None:
    def mix(each: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(dice.random.sample(each, len(each)))

    rules, who, what = dice.policy(), dice.person(), dice.basket()
    tap = dice.tap()
    first = sold(rules, who, what, tap)
    names = ("prices", "programmes", "entitlements", "limits", "blocks")
    mixed = changed(rules, **{name: mix(getattr(rules, name)) for name in names})
    same = changed(who, lots=mix(who.lots), tallies=mix(who.tallies), lists=mix(who.lists), groups=mix(who.groups))
    again = sold(mixed, same, what, tap)
    assert (first.legs, first.amount_minor) == (again.legs, again.amount_minor)
    assert sorted(first.counted, key=lambda each: each.scope) == sorted(again.counted, key=lambda each: each.scope)
    assert first.approved == again.approved


@MANY
@given(drawn.free_dice | drawn.minus_dice)
def test_one_more_grant_or_voucher_never_raises_the_persons_own_part(dice: Dice) -> None:
    rules, who, what = dice.policy(), dice.person(), dice.basket()
    before, after = sold(rules, who, what), sold(rules, changed(who, lots=(*who.lots, dice.lot(100))), what)
    if before.approved and after.approved:
        assert after.leg_minor("purse") <= before.leg_minor("purse")


@MANY
@given(drawn.free_dice | drawn.minus_dice)
def test_one_more_entitlement_never_raises_the_persons_own_part(dice: Dice) -> None:
    rules, who, what = dice.policy(), dice.person(), dice.basket()
    more = changed(rules, entitlements=(*rules.entitlements, dice.entitlement(100)))
    before, after = sold(rules, who, what), sold(more, who, what)
    if before.approved and after.approved:
        assert after.leg_minor("purse") <= before.leg_minor("purse")


@MANY
@given(drawn.free_dice | drawn.minus_dice)
def test_one_more_grant_or_entitlement_turns_no_approval_into_a_decline(dice: Dice) -> None:
    rules, who, what = dice.policy(), dice.person(), dice.basket()
    if not sold(rules, who, what).approved:
        return
    assert sold(rules, changed(who, lots=(*who.lots, dice.lot(100))), what).approved
    assert sold(changed(rules, entitlements=(*rules.entitlements, dice.entitlement(100))), who, what).approved


@THOROUGH
@given(drawn.dice)
def test_one_more_limit_guard_or_block_never_lets_a_declined_sale_through(dice: Dice) -> None:
    rules, who, what = dice.policy(), dice.person(), dice.basket()
    tap = dice.tap()
    if sold(rules, who, what, tap).approved:
        return
    assert not sold(changed(rules, limits=(*rules.limits, dice.limit(100))), who, what, tap).approved
    assert not sold(rules, changed(who, guards=(*who.guards, dice.guard(100))), what, tap).approved
    assert not sold(changed(rules, blocks=(*rules.blocks, dice.block(100))), who, what, tap).approved


@THOROUGH
@given(drawn.free_dice)
def test_a_slow_evaluator_that_shares_nothing_finds_the_same_own_part(dice: Dice) -> None:
    rules, who, what = dice.policy(rules=False), dice.person(limited=False), dice.basket()
    amounts: dict[int, int] = {}
    for line in what:
        amounts[line.category] = amounts.get(line.category, 0) + line.unit_minor * line.quantity
    if not sum(amounts.values()):
        return
    costly = {category for category, amount in amounts.items() if amount}
    meals = [
        meal
        for meal in rules.entitlements
        if (not meal.who.classes or who.price_class in meal.who.classes)
        and (not meal.who.groups or set(meal.who.groups) & set(who.groups))
        and (not meal.who.lists or set(meal.who.lists) & set(who.lists))
        and (not meal.where.categories or set(meal.where.categories) & costly)
    ]
    short, own = own_part(policy=rules, person=who, at_s=AT_S, amounts=amounts, offered=meals)
    quote = sold(rules, who, what)
    assert (quote.approved, quote.leg_minor("purse")) == (not short, 0 if short else own)


@given(drawn.dice)
def test_policies_and_quotes_read_back_as_they_were_written(dice: Dice) -> None:
    rules = dice.policy()
    assert decode_policy(encode_policy(rules)) == rules
    quote = sold(rules, dice.person(), dice.basket())
    assert msgspec.json.decode(msgspec.json.encode(quote), type=Quote) == quote


@THOROUGH
@given(drawn.dice)
def test_a_record_and_its_policy_replay_to_the_same_quote(dice: Dice) -> None:
    rules, who, what = dice.policy(), dice.person(), dice.basket()
    tap = dice.tap()
    quote = sold(rules, who, what, tap)
    if not quote.approved:
        return
    record = SaleRecord(2, AT_S * 1000, 1, "EC", quote.amount_minor, who, tap, what, quote)
    read = decode_record(encode_record(record))
    assert isinstance(read, SaleRecord)
    kept = decode_policy(encode_policy(rules))
    assert evaluate(policy=kept, person=read.person, tap=read.tap, basket=read.basket) == read.quote == quote


ANY = st.integers(-(1 << 63), (1 << 63) - 1)
any_line = st.builds(Line, unit_minor=ANY, quantity=ANY, category=st.integers(0, 4))


@given(drawn.dice, st.lists(any_line, max_size=4).map(tuple), ANY, ANY)
def test_no_amount_whatever_makes_the_evaluator_stumble(
    dice: Dice, what: tuple[Line, ...], purse_minor: int, per_sale_minor: int
) -> None:
    who = changed(dice.person(), purse_minor=purse_minor, per_sale_minor=per_sale_minor)
    quote = sold(dice.policy(), who, what, dice.tap())
    assert not quote.approved or sum(leg.amount_minor for leg in quote.legs) == quote.amount_minor


def worst(*, part_payment: bool) -> tuple[Policy, Person, tuple[Line, ...]]:
    """32 different vouchers of as many programmes, over as many sets of categories as a policy may have."""
    sets = [(at, at % 8 + 1) for at in range(1, MAX_CATEGORY_SETS + 1)]
    programmes = tuple(
        Programme(
            number,
            drawn.NAME,
            where=Where(categories=sets[number % len(sets)]),
            kind="voucher",
            part_payment=part_payment,
        )
        for number in range(1, 33)
    )
    who = person(lots=tuple(Lot(number, number, 100 + number, AT_S + 50) for number in range(1, 33)))
    basket = tuple(Line(5_00 + number, 1, number, number) for number in range(1, 9))
    return policy(programmes=programmes, max_vouchers=MAX_VOUCHERS), who, basket


@pytest.mark.parametrize("part_payment", [True, False])
def test_the_work_for_the_worst_case_is_bounded(monkeypatch: pytest.MonkeyPatch, part_payment: bool) -> None:
    runs, plain = [0], Funding._run

    def counted(self: Funding, *given: Any) -> Any:
        runs[0] += 1
        return plain(self, *given)

    monkeypatch.setattr(Funding, "_run", counted)
    rules, who, what = worst(part_payment=part_payment)
    assert sold(rules, who, what).approved
    assert runs[0] <= 1 + sum(comb(len(who.lots), count) for count in range(MAX_VOUCHERS + 1))
    assert runs[0] == 1 + sets_tried(rules.programmes, most=MAX_VOUCHERS)


@pytest.mark.parametrize("seed", range(20))
def test_the_sets_that_a_check_counts_are_those_that_a_sale_tries(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    runs, plain = [0], Funding._run

    def counted(self: Funding, *given: Any) -> Any:
        runs[0] += 1
        return plain(self, *given)

    monkeypatch.setattr(Funding, "_run", counted)
    dice = Dice(random.Random(seed), everywhere=True)
    drawn_rules = tuple(
        changed(each, kind="voucher", where=Where(), threshold_minor=0, percent_bp=0, most_minor=0)
        for each in dice.policy(rules=False).programmes
    )
    most = dice.one(1, 2, 3)
    lots = tuple(Lot(10 * each.id + piece, each.id, 3, AT_S + 50) for each in drawn_rules for piece in range(most))
    rules = policy(programmes=drawn_rules, max_vouchers=most)
    assert sold(rules, person(lots=lots), (Line(60),)).approved
    assert runs[0] == 1 + sets_tried(drawn_rules, most=most)
