"""Price, limits and the order of funds: the same answer everywhere, and one that adds up."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.declines import Decline, Why
from devices.core.evaluate import evaluate, place
from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.policy import EVALUATOR_VERSION, Limit, Policy, PriceRule, Where, Who
from devices.core.quote import Leg, Line, Lot, Person, Quote, Used
from tests.core.people import (
    AT_S,
    ELSEWHERE,
    LUNCH,
    NIGHT,
    POLICY,
    SUBSIDY,
    TAP,
    WHOLE_ONLY,
    basket,
    limit,
    lot,
    person,
    policy,
    price,
)


def quoted(minor: int, who: Person, **changes: object) -> Quote:
    return evaluate(policy=policy(**changes), person=who, tap=TAP, basket=basket(minor))


def codes(quote: Quote) -> list[str]:
    return [reason.code for reason in quote.reasons]


def test_the_purse_pays_what_no_lot_pays() -> None:
    quote = quoted(12_80, person(lots=(lot(31, 5_00),)))
    assert quote.legs == (Leg("lot", 5_00, 31, SUBSIDY), Leg("purse", 7_80))
    assert codes(quote) == ["price.list", "lot.used", "purse.used"]
    assert quote.reasons[2].params == {"amount_minor": 7_80, "left_minor": 92_20}
    assert (quote.policy, quote.evaluator, quote.amount_minor) == (7, EVALUATOR_VERSION, 12_80)


@pytest.mark.parametrize(
    ("lots", "legs", "reasons"),
    [
        ((), [("purse", 0, 10_00)], ["purse.used"]),
        ((lot(1, 10_00),), [("lot", 1, 10_00)], ["lot.used"]),
        ((lot(1, 99_00),), [("lot", 1, 10_00)], ["lot.used"]),
        ((lot(1, 0),), [("purse", 0, 10_00)], ["purse.used"]),
        ((lot(1, -5),), [("purse", 0, 10_00)], ["purse.used"]),
        ((lot(1, 5_00, programme=9),), [("purse", 0, 10_00)], ["purse.used"]),
        ((lot(1, 5_00, expires_s=AT_S),), [("purse", 0, 10_00)], ["lot.expired", "purse.used"]),
        ((lot(1, 5_00, programme=ELSEWHERE),), [("purse", 0, 10_00)], ["lot.not_here", "purse.used"]),
        ((lot(1, 5_00, programme=WHOLE_ONLY),), [("purse", 0, 10_00)], ["lot.not_whole", "purse.used"]),
        ((lot(1, 10_00, programme=WHOLE_ONLY),), [("lot", 1, 10_00)], ["lot.used"]),
        (
            (lot(1, 9_00, programme=WHOLE_ONLY, expires_s=AT_S + 7200), lot(2, 4_00)),
            [("lot", 2, 4_00), ("lot", 1, 6_00)],
            ["lot.used", "lot.used"],
        ),
    ],
)
def test_lots_pay_where_when_and_as_far_as_their_programme_allows(
    lots: tuple[Lot, ...], legs: list[tuple[str, int, int]], reasons: list[str]
) -> None:
    quote = quoted(10_00, person(lots=lots))
    assert [(leg.source, leg.ref, leg.amount_minor) for leg in quote.legs] == legs
    assert codes(quote)[1:] == reasons


def test_lots_go_first_to_expire_first_then_by_programme_then_by_number() -> None:
    lots = (
        lot(9, 1_00, expires_s=AT_S + 50),
        lot(4, 1_00),
        lot(3, 9_00, programme=WHOLE_ONLY),
        lot(2, 1_00),
        lot(8, 1_00, expires_s=AT_S + 10),
    )
    assert [leg.ref for leg in quoted(12_00, person(lots=lots)).legs] == [8, 9, 2, 4, 3]


@pytest.mark.parametrize(
    ("order", "legs"),
    [
        (("lots", "purse"), [("lot", 4_00), ("purse", 6_00)]),
        (("purse", "lots"), [("purse", 10_00)]),
        (("purse",), [("purse", 10_00)]),
    ],
)
def test_sources_are_asked_in_the_policys_order(order: tuple[str, ...], legs: list[tuple[str, int]]) -> None:
    quote = quoted(10_00, person(lots=(lot(1, 4_00),)), funding_order=order)
    assert [(leg.source, leg.amount_minor) for leg in quote.legs] == legs


def test_a_purse_asked_first_and_unable_to_finish_leaves_the_rest_to_the_lots() -> None:
    quote = quoted(10_00, person(purse_minor=6_00, lots=(lot(1, 5_00),)), funding_order=("purse", "lots"))
    assert [(leg.source, leg.amount_minor) for leg in quote.legs] == [("purse", 6_00), ("lot", 4_00)]
    short = quoted(10_00, person(purse_minor=6_00, lots=(lot(1, 3_00),)), funding_order=("purse", "lots"))
    assert short.decline == Decline(Why.INSUFFICIENT, {"have_minor": 6_00, "short_minor": 1_00})
    none = quoted(10_00, person(lots=(lot(1, 3_00),)), funding_order=("lots",))
    assert none.decline == Decline(Why.INSUFFICIENT, {"have_minor": 0, "short_minor": 7_00})


@pytest.mark.parametrize(
    ("purse_minor", "lots", "told"),
    [
        (9_99, (), {"have_minor": 9_99, "short_minor": 1}),
        (0, (), {"have_minor": 0, "short_minor": 10_00}),
        (-50_00, (), {"have_minor": 0, "short_minor": 10_00}),
        (5_99, (lot(1, 4_00),), {"have_minor": 5_99, "short_minor": 1}),
    ],
)
def test_too_little_money_declines_and_takes_nothing(
    purse_minor: int, lots: tuple[Lot, ...], told: dict[str, int]
) -> None:
    quote = quoted(10_00, person(purse_minor=purse_minor, lots=lots))
    assert quote.decline == Decline(Why.INSUFFICIENT, told)
    assert quote.legs == ()
    assert not quote.approved


@pytest.mark.parametrize(
    ("rules", "amount_minor", "rule"),
    [
        ((), 10_00, None),
        ((price(1, 5_000),), 5_00, 1),
        ((price(1, 5_000, add_minor=50),), 5_50, 1),
        ((price(1, 5_000, add_minor=-9_00),), 0, 1),
        ((price(1, 5_000, who=Who(classes=(2,))),), 10_00, None),
        ((price(1, 5_000, who=Who(groups=(6, 7))),), 10_00, None),
        ((price(1, 5_000, who=Who(groups=(6, 5))),), 5_00, 1),
        ((price(1, 5_000, where=Where(outlets=(3,))),), 10_00, None),
        ((price(1, 5_000, where=Where(weekdays=(5, 6))),), 10_00, None),
        ((price(1, 5_000, where=Where(periods=(NIGHT,))),), 10_00, None),
        ((price(1, 9_000), price(2, 8_000, who=Who(classes=(1,)))), 8_00, 2),
        ((price(2, 9_000), price(1, 8_000)), 8_00, 1),
        ((price(1, 9_000, who=Who(classes=(1,))), price(2, 8_000, who=Who(groups=(5,)))), 8_00, 2),
        ((price(1, 9_000, who=Who(groups=(5,))), price(2, 8_000, where=Where(weekdays=(4,)))), 8_00, 2),
        ((price(1, 9_000, where=Where(weekdays=(4,))), price(2, 8_000, where=Where(sites=(1,)))), 8_00, 2),
        ((price(1, 9_000, where=Where(sites=(1,))), price(2, 8_000, where=Where(periods=(LUNCH,)))), 8_00, 2),
        ((price(1, 9_000, where=Where(periods=(LUNCH,))), price(2, 8_000, where=Where(outlets=(2,)))), 8_00, 2),
    ],
)
def test_of_prices_that_apply_the_most_specific_counts(
    rules: tuple[PriceRule, ...], amount_minor: int, rule: int | None
) -> None:
    quote = quoted(10_00, person(), prices=rules)
    assert quote.amount_minor == amount_minor
    told = [reason.params["price"] for reason in quote.reasons if reason.code == "price.rule"]
    assert told == ([] if rule is None else [rule])
    assert quote.approved is (amount_minor > 0)


@pytest.mark.parametrize("minor", [0, -1, MAX_AMOUNT_MINOR + 1])
def test_an_amount_that_is_none_is_declined(minor: int) -> None:
    assert quoted(minor, person(per_sale_minor=10**9)).decline == Decline(Why.NO_AMOUNT)


def test_a_basket_is_the_sum_of_its_lines() -> None:
    quote = evaluate(policy=POLICY, person=person(), tap=TAP, basket=(Line(3_00, 2), Line(1_50), Line(-50)))
    assert quote.list_minor == quote.amount_minor == 7_00
    assert evaluate(policy=POLICY, person=person(), tap=TAP, basket=()).decline == Decline(Why.NOT_ENTITLED)


@pytest.mark.parametrize(("minor", "why"), [(60_00, None), (60_01, Why.OVER_SALE_LIMIT)])
def test_the_persons_own_limit_per_sale_holds_to_the_cent(minor: int, why: Why | None) -> None:
    quote = quoted(minor, person())
    assert (quote.decline.why if quote.decline else None) is why


TODAY = Used("2026-11-20", 30_00, 20_00, 2)
YESTERDAY = Used("2026-11-19", 999_00, 999_00, 99)


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ((limit(1, "sale", max_minor=10_00),), None),
        ((limit(1, "sale", max_minor=9_99),), Why.OVER_SALE_LIMIT),
        ((limit(1, "sale", on="purse", max_minor=6_00),), None),
        ((limit(1, "sale", on="purse", max_minor=5_99),), Why.OVER_SALE_LIMIT),
        ((limit(1, "day", max_minor=40_00),), None),
        ((limit(1, "day", max_minor=39_99),), Why.OVER_DAY_LIMIT),
        ((limit(1, "day", on="purse", max_minor=26_00),), None),
        ((limit(1, "day", on="purse", max_minor=25_99),), Why.OVER_DAY_LIMIT),
        ((limit(1, "day", max_count=3),), None),
        ((limit(1, "day", max_count=2),), Why.TOO_MANY_IN_WINDOW),
        ((limit(1, "sale", max_count=0),), None),
        ((limit(1, "day", max_minor=0, who=Who(groups=(6,))),), None),
        ((limit(1, "day", max_minor=0, where=Where(outlets=(3,))),), None),
        ((limit(1, "day", max_minor=9_99, where=Where(outlets=(2,)), who=Who(groups=(5,))),), Why.OVER_DAY_LIMIT),
        # With a place of its own it counts only what was sold there, which is nothing yet.
        ((limit(1, "day", max_minor=10_00, max_count=1, where=Where(outlets=(2,))),), None),
        ((limit(1, "sale", max_minor=9_00), limit(2, "day", max_minor=0)), Why.OVER_SALE_LIMIT),
    ],
)
def test_limits_hold_to_the_cent_for_whom_and_where_they_are_meant(limits: tuple[Limit, ...], why: Why | None) -> None:
    quote = quoted(10_00, person(lots=(lot(1, 4_00),), used=(YESTERDAY, TODAY)), limits=limits)
    assert (quote.decline.why if quote.decline else None) is why
    assert (quote.legs == ()) is (why is not None)


def test_a_limit_that_declines_tells_what_it_is_and_what_is_used() -> None:
    quote = quoted(10_00, person(used=(TODAY,)), limits=(limit(8, "day", max_minor=35_00),))
    told = {"limit": 8, "limit_minor": 35_00, "used_minor": 30_00, "amount_minor": 10_00}
    assert quote.decline == Decline(Why.OVER_DAY_LIMIT, told)


amounts = st.integers(0, 70_00)
lots = st.lists(
    st.builds(
        Lot,
        id=st.integers(1, 10**6),
        programme=st.sampled_from([SUBSIDY, WHOLE_ONLY, ELSEWHERE, 77]),
        remaining_minor=st.integers(-1_00, 40_00),
        expires_s=st.integers(AT_S - 5, AT_S + 100),
    ),
    max_size=6,
    unique_by=lambda each: each.id,
).map(tuple)
people = st.builds(
    Person,
    account_ref=st.just(1),
    price_class=st.just(1),
    purse_minor=st.integers(-10_00, 80_00),
    per_sale_minor=st.just(60_00),
    lots=lots,
    used=st.sampled_from([(), (TODAY,), (YESTERDAY,)]),
)
policies = st.builds(
    policy,
    prices=st.sampled_from([(), (price(1, 5_001),), (price(1, 12_345, add_minor=-3),)]),
    limits=st.sampled_from([(), (limit(1, "day", max_minor=50_00),), (limit(1, "sale", on="purse", max_minor=20_00),)]),
    funding_order=st.sampled_from([("lots", "purse"), ("purse", "lots"), ("lots",)]),
)


@given(policies, people, amounts)
def test_legs_of_an_approved_sale_sum_to_the_amount_and_none_exceeds_its_source(
    rules: Policy, who: Person, minor: int
) -> None:
    quote = evaluate(policy=rules, person=who, tap=TAP, basket=basket(minor))
    if not quote.approved:
        assert quote.legs == ()
        return
    assert sum(leg.amount_minor for leg in quote.legs) == quote.amount_minor > 0
    assert len({(leg.source, leg.ref) for leg in quote.legs}) == len(quote.legs)
    has = {each.id: each.remaining_minor for each in who.lots}
    assert all(0 < leg.amount_minor <= has[leg.ref] for leg in quote.legs if leg.source == "lot")
    assert quote.leg_minor("purse") <= max(0, who.purse_minor)
    assert quote.amount_minor <= who.per_sale_minor


@given(people, amounts, lots)
def test_one_more_lot_never_raises_the_purses_part(who: Person, minor: int, more: tuple[Lot, ...]) -> None:
    before = quoted(minor, who)
    known = {each.id for each in who.lots}
    after = quoted(minor, person_with(who, (*who.lots, *(each for each in more if each.id not in known))))
    if before.approved:
        assert after.approved
        assert after.leg_minor("purse") <= before.leg_minor("purse")


def person_with(who: Person, held: tuple[Lot, ...]) -> Person:
    return Person(who.account_ref, who.price_class, who.purse_minor, who.per_sale_minor, who.groups, held, who.used)


@given(people, amounts, st.randoms(use_true_random=False))
def test_the_order_in_which_lots_and_rules_are_listed_changes_nothing(
    who: Person, minor: int, dice: random.Random
) -> None:
    rules = [price(number, 10_000 - number * 100) for number in range(1, 5)]
    shuffled_rules, shuffled_lots = dice.sample(rules, 4), dice.sample(who.lots, len(who.lots))
    first = quoted(minor, who, prices=tuple(rules))
    again = quoted(minor, person_with(who, tuple(shuffled_lots)), prices=tuple(shuffled_rules))
    assert (first.legs, first.amount_minor, first.decline) == (again.legs, again.amount_minor, again.decline)


SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("utc", "zone", "day_starts_min", "date", "weekday", "minute", "period"),
    [
        ("2026-11-20T04:00", SHANGHAI, 0, "2026-11-20", 4, 720, LUNCH),
        ("2026-11-20T02:29", SHANGHAI, 0, "2026-11-20", 4, 629, 0),
        ("2026-11-20T02:30", SHANGHAI, 0, "2026-11-20", 4, 630, LUNCH),
        ("2026-11-20T05:29", SHANGHAI, 0, "2026-11-20", 4, 809, LUNCH),
        ("2026-11-20T05:30", SHANGHAI, 0, "2026-11-20", 4, 810, 0),
        # A night period runs over midnight: all of it is of the day on which it began. The business day ends at four.
        ("2026-11-20T14:00", SHANGHAI, 240, "2026-11-20", 4, 1320, NIGHT),
        ("2026-11-20T17:59", SHANGHAI, 240, "2026-11-20", 4, 119, NIGHT),
        ("2026-11-20T18:00", SHANGHAI, 240, "2026-11-20", 4, 120, 0),
        ("2026-11-20T19:59", SHANGHAI, 240, "2026-11-20", 4, 239, 0),
        ("2026-11-20T20:00", SHANGHAI, 240, "2026-11-21", 5, 240, 0),
        ("2026-12-31T16:00", SHANGHAI, 0, "2026-12-31", 3, 0, NIGHT),
        ("2026-12-31T18:00", SHANGHAI, 0, "2027-01-01", 4, 120, 0),
        # Summer time begins: 02:30 is skipped, lunch is at the clock's noon on both sides.
        ("2027-03-27T11:00", BERLIN, 0, "2027-03-27", 5, 720, LUNCH),
        ("2027-03-28T00:59", BERLIN, 0, "2027-03-27", 5, 119, NIGHT),
        ("2027-03-28T01:00", BERLIN, 0, "2027-03-28", 6, 180, 0),
        ("2027-03-28T10:00", BERLIN, 0, "2027-03-28", 6, 720, LUNCH),
        # Summer time ends: 02:30 comes twice.
        ("2026-10-25T00:30", BERLIN, 0, "2026-10-25", 6, 150, 0),
        ("2026-10-25T01:30", BERLIN, 0, "2026-10-25", 6, 150, 0),
        ("2026-10-25T02:59", BERLIN, 240, "2026-10-24", 5, 239, 0),
    ],
)
def test_a_moment_is_put_into_the_sites_own_day_and_meal(
    utc: str, zone: ZoneInfo, day_starts_min: int, date: str, weekday: int, minute: int, period: int
) -> None:
    at_s = int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp())
    tap = place(at_s=at_s, zone=zone, site=1, outlet=2, day_starts_min=day_starts_min, policy=POLICY)
    assert (tap.business_date, tap.weekday, tap.minute, tap.period) == (date, weekday, minute, period)


def test_another_sites_meal_periods_do_not_count_here() -> None:
    tap = place(at_s=AT_S, zone=SHANGHAI, site=2, outlet=2, day_starts_min=0, policy=POLICY)
    assert tap.period == 0
