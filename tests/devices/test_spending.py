"""What a terminal subtracts for sales that no snapshot contains yet: by window, by scope, by voucher, by meal."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from devices.core.evaluate import evaluate
from devices.core.funds import Pending, PersonRow, person_state
from devices.core.journal import SaleRecord, decode_record
from devices.core.policy import AgeStep, Policy, Programme, Text
from devices.core.quote import Counted, Leg, Line, Lot, Person, Quote, Tally, Tap, Used
from devices.journal.spending import SPENT_WHOLE_MINOR, Spending
from tests.devices.world import NOON_S

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
EPOCH, ACCOUNT = 77, 5
DAY, MEAL, WEEK, MONTH = "2026-11-21", "2026-11-21.3", "2026-W47", "2026-11"


def _sale(
    seq: int,
    *legs: Leg,
    period: int = 3,
    counted: tuple[Counted, ...] = (),
    at_s: int = NOON_S,
    day: str = DAY,
) -> SaleRecord:
    amount_minor = sum(leg.amount_minor for leg in legs)
    return SaleRecord(
        seq=seq,
        at_ms=at_s * 1000,
        account_ref=ACCOUNT,
        evidence="",
        shown_minor=amount_minor,
        person=Person(ACCOUNT, 1, 0, 0),
        tap=Tap(at_s, 1, 2, day, 5, 720, period),
        basket=(Line(amount_minor),),
        quote=Quote(1, 2, amount_minor, amount_minor, legs, counted=counted),
    )


def _after(*records: SaleRecord) -> Pending:
    spending = Spending()
    for record in records:
        spending.add(EPOCH, record)
    return spending.of(ACCOUNT)


def test_a_sale_counts_in_its_meal_its_week_and_its_month_and_once_in_its_day() -> None:
    pending = _after(_sale(1, Leg("lot", 3_00, ref=9), Leg("purse", 5_00)))
    assert pending.used == (Used(DAY, 8_00, 5_00, 1),)
    assert pending.tallies == tuple(Tally(key, 0, 8_00, 5_00, 1) for key in (MEAL, WEEK, MONTH))


def test_outside_meal_periods_the_meal_is_the_day() -> None:
    pending = _after(_sale(1, Leg("purse", 5_00), period=0))
    assert [tally.key for tally in pending.tallies] == [WEEK, MONTH]


def test_a_limits_own_count_has_every_window_the_day_too() -> None:
    pending = _after(_sale(1, Leg("purse", 5_00), counted=(Counted(40, 4_00, 2_00),)))
    of_limit = [tally for tally in pending.tallies if tally.scope == 40]
    assert of_limit == [Tally(key, 40, 4_00, 2_00, 1) for key in (MEAL, DAY, WEEK, MONTH)]


def test_a_free_meal_is_counted_and_costs_the_person_nothing() -> None:
    pending = _after(_sale(1, Leg("entitlement", 12_00, ref=9), Leg("purse", 2_00)))
    assert pending.used == (Used(DAY, 2_00, 2_00, 1),)
    assert [tally for tally in pending.tallies if tally.scope == -9] == [
        Tally(key, -9, 0, 0, 1) for key in (MEAL, DAY, WEEK, MONTH)
    ]


def test_a_voucher_that_paid_a_part_of_its_value_is_spent_whole() -> None:
    pending = _after(_sale(1, Leg("voucher", 1_00, ref=61), Leg("purse", 1_00)))
    assert pending.lots == {61: SPENT_WHOLE_MINOR}
    row = PersonRow(ACCOUNT, "", 1, (), 99_00, 99_00, 9, 50_00, (Lot(61, 6, 15_00, NOON_S + 99),))
    ages = (AgeStep(3600, 99_00, 99_00),)
    known = person_state(grant=None, row=row, snapshot_made_s=NOON_S, pending=pending, ages=ages, now_s=NOON_S)
    assert isinstance(known, Person)
    assert known.lots == ()


def test_sums_add_up_over_sales_and_the_last_moment_is_the_latest() -> None:
    first = _sale(1, Leg("purse", 5_00), at_s=NOON_S)
    second = _sale(2, Leg("purse", 2_00), at_s=NOON_S + 60, period=4)
    pending = _after(first, second)
    assert pending.last_s == NOON_S + 60
    sums = {tally.key: (tally.total_minor, tally.count) for tally in pending.tallies}
    assert sums == {MEAL: (5_00, 1), "2026-11-21.4": (2_00, 1), WEEK: (7_00, 2), MONTH: (7_00, 2)}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_is_taken_back_leaves_no_trace_in_whatever_order(order: tuple[int, ...]) -> None:
    kept = _sale(9, Leg("purse", 1_00))
    gone = [
        _sale(1, Leg("voucher", 1_00, ref=61), counted=(Counted(40, 1_00, 0),)),
        _sale(2, Leg("entitlement", 12_00, ref=9), at_s=NOON_S + 500),
        _sale(3, Leg("lot", 2_00, ref=8), Leg("purse", 3_00), day="2026-11-22"),
    ]
    spending = Spending()
    for record in (*gone, kept):
        spending.add(EPOCH, record)
    for each in order:
        spending.take_back(EPOCH, gone[each].seq)
    assert spending.of(ACCOUNT) == _after(kept)
    spending.take_back(EPOCH, kept.seq)
    assert spending.of(ACCOUNT) == Pending()


def test_what_the_snapshot_contains_is_no_longer_counted_here() -> None:
    spending = Spending()
    spending.add(EPOCH, _sale(1, Leg("entitlement", 12_00, ref=9)))
    spending.add(EPOCH, _sale(2, Leg("purse", 2_00)))
    spending.settle({EPOCH: 1})
    assert spending.of(ACCOUNT) == _after(_sale(2, Leg("purse", 2_00)))


# A journal that the first release wrote


def _first_release() -> SaleRecord:
    lines = [each["line"].encode() for each in json.loads((VECTORS / "journal.json").read_text())["lines"]]
    sale = next(record for record in map(decode_record, lines) if isinstance(record, SaleRecord))
    assert sale.quote.evaluator == 1
    return sale


def test_a_sale_of_the_first_release_still_lessens_what_may_be_spent() -> None:
    sale = _first_release()
    spending = Spending()
    spending.add(EPOCH, sale)
    pending = spending.of(sale.account_ref)
    assert (pending.purse_minor, pending.lots, pending.sales) == (7_80, {41: 5_00}, 1)
    assert pending.used == (Used("2026-11-20", 12_80, 7_80, 1),)
    assert {tally.key for tally in pending.tallies} == {"2026-11-20.2", WEEK, MONTH}


def test_a_sale_of_the_first_release_replays_to_the_same_legs() -> None:
    sale = _first_release()
    policy = Policy(9, 0, programmes=(Programme(3, Text("补贴")),), funding_order=("lots", "purse"))
    again = evaluate(policy=policy, person=sale.person, tap=sale.tap, basket=sale.basket)
    assert again.legs == sale.quote.legs
