"""Snapshot, code and memory together: whichever was stamped later governs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from devices.core.code import Grant
from devices.core.declines import Decline, Why
from devices.core.evaluate import evaluate
from devices.core.funds import MAX_LOTS, Pending, PersonRow, age_step, person_state
from devices.core.policy import AgeStep
from devices.core.quote import Person, Used
from tests.core.people import ELSEWHERE, POLICY, SUBSIDY, TAP, WHOLE_ONLY, basket, lot

MADE_S = 1_000_000
AGES = (AgeStep(900, 100_00, 300_00), AgeStep(14_400, 50_00, 80_00))
USED = (Used("2026-11-20", 10_00, 5_00, 1),)
ROW = PersonRow(42, "张*", 1, (5,), 60_00, 200_00, 9, 20_00, lots=(lot(31, 5_00),), used=USED)
OLD = Grant(42, MADE_S - 100, 40_00, 100_00, 3, 2)
NOTHING = Pending()
NEW = Grant(42, MADE_S + 100, 40_00, 100_00, 3, 2)


def state(
    *, grant: Grant | None = OLD, row: PersonRow | None = ROW, age_s: int = 0, pending: Pending = NOTHING
) -> Person | Decline:
    return person_state(grant=grant, row=row, snapshot_made_s=MADE_S, pending=pending, ages=AGES, now_s=MADE_S + age_s)


def known(**changes: Any) -> Person:
    found = state(**changes)
    assert isinstance(found, Person), found
    return found


def test_an_older_code_leaves_limits_class_and_funds_to_the_snapshot() -> None:
    found = known(grant=OLD)
    assert (found.purse_minor, found.per_sale_minor, found.price_class) == (20_00, 60_00, 1)
    assert found.groups == (5,)
    assert found.lots == ROW.lots


def test_a_student_who_topped_up_after_the_terminal_went_dark_can_pay() -> None:
    poor = msgspec.structs.replace(ROW, purse_minor=0, lots=())
    for grant, approved in ((OLD, False), (NEW, True)):
        quote = evaluate(policy=POLICY, person=known(grant=grant, row=poor), tap=TAP, basket=basket(15_00))
        assert quote.approved is approved
    assert known(grant=NEW, row=poor).price_class == 2


def test_a_code_stamped_in_the_snapshots_own_second_does_not_outrank_it() -> None:
    same = msgspec.structs.replace(OLD, issued_at_s=MADE_S)
    assert known(grant=same).purse_minor == 20_00


def test_a_person_unknown_to_the_snapshot_pays_from_the_purse_within_the_codes_limits() -> None:
    for row in (None, msgspec.structs.replace(ROW, gone=True)):
        found = known(grant=OLD, row=row)
        assert (found.purse_minor, found.per_sale_minor, found.price_class) == (100_00, 40_00, 2)
        assert (found.lots, found.groups, found.used) == ((), (), ())


def test_the_offline_limit_bounds_what_the_snapshot_says_is_there() -> None:
    assert known(row=msgspec.structs.replace(ROW, purse_minor=500_00)).purse_minor == 200_00


def test_what_was_spent_since_is_taken_off_purse_lots_and_limits() -> None:
    spent = Pending(purse_minor=7_00, sales=2, lots={31: 4_00}, used=(Used("2026-11-20", 11_00, 7_00, 2),))
    found = known(pending=spent)
    assert found.purse_minor == 13_00
    assert found.lots == (lot(31, 1_00),)
    assert found.used == (Used("2026-11-20", 21_00, 12_00, 3),)
    assert known(pending=Pending(lots={31: 5_00})).lots == ()
    assert known(pending=Pending(used=(Used("2026-11-21", 1, 1, 1),))).used[1] == Used("2026-11-21", 1, 1, 1)


def test_what_was_spent_before_a_renewed_code_still_counts_here() -> None:
    assert known(grant=NEW, pending=Pending(purse_minor=30_00)).purse_minor == 70_00
    assert known(grant=NEW, pending=Pending(purse_minor=130_00)).purse_minor == -30_00


@pytest.mark.parametrize(
    ("grant", "row", "sales", "most"),
    [(OLD, ROW, 8, None), (OLD, ROW, 9, 9), (NEW, ROW, 2, None), (NEW, ROW, 3, 3), (OLD, None, 3, 3)],
)
def test_sales_without_contact_are_counted(grant: Grant, row: PersonRow | None, sales: int, most: int | None) -> None:
    found = state(grant=grant, row=row, pending=Pending(sales=sales))
    assert isinstance(found, Person) is (most is None)
    if most is not None:
        assert found == Decline(Why.TOO_MANY_SALES, {"max_count": most})


@pytest.mark.parametrize(
    ("age_s", "purse_minor", "per_sale_minor"),
    [(-50, 200_00, 60_00), (0, 200_00, 60_00), (900, 200_00, 60_00), (901, 80_00, 50_00), (14_400, 80_00, 50_00)],
)
def test_an_older_snapshot_lets_less_be_spent(age_s: int, purse_minor: int, per_sale_minor: int) -> None:
    found = known(row=msgspec.structs.replace(ROW, purse_minor=500_00), age_s=age_s)
    assert (found.purse_minor, found.per_sale_minor) == (purse_minor, per_sale_minor)


def test_a_snapshot_older_than_the_table_sells_nothing() -> None:
    assert state(age_s=14_401) == Decline(Why.SNAPSHOT_TOO_OLD, {"age_s": 14_401})
    assert state(grant=NEW, row=None, age_s=14_401) == Decline(Why.SNAPSHOT_TOO_OLD, {"age_s": 14_401})
    assert age_step((), age_s=0) is None


def test_a_card_without_a_code_needs_the_snapshot_to_know_its_holder() -> None:
    assert known(grant=None).account_ref == 42
    assert state(grant=None, row=None) == Decline(Why.STOPPED)
    assert state(grant=None, row=msgspec.structs.replace(ROW, gone=True)) == Decline(Why.STOPPED)


def test_a_benefit_known_here_is_spent_beside_a_newer_codes_purse() -> None:
    quote = evaluate(policy=POLICY, person=known(grant=NEW), tap=TAP, basket=basket(15_00))
    assert [(leg.source, leg.amount_minor, leg.programme) for leg in quote.legs] == [
        ("lot", 5_00, SUBSIDY),
        ("purse", 10_00, 0),
    ]


def test_a_pile_of_vouchers_for_elsewhere_does_not_hide_the_subsidy_that_is_for_here() -> None:
    pile = tuple(lot(number, 2_00, programme=ELSEWHERE, expires_s=TAP.at_s + number) for number in range(1, 41))
    over = tuple(lot(number, 2_00, programme=WHOLE_ONLY, expires_s=MADE_S) for number in range(41, 81))
    row = msgspec.structs.replace(ROW, lots=(*pile, *over, lot(99, 5_00, expires_s=TAP.at_s + 9_999)))
    found = known(row=row)
    assert len(found.lots) == MAX_LOTS
    quote = evaluate(policy=POLICY, person=found, tap=TAP, basket=basket(15_00))
    assert [(leg.source, leg.ref, leg.amount_minor) for leg in quote.legs] == [("lot", 99, 5_00), ("purse", 0, 10_00)]


def test_of_too_many_lots_each_programme_keeps_those_that_end_first_and_expired_ones_go() -> None:
    first = tuple(lot(number, 1_00, programme=1, expires_s=MADE_S + 100 - number) for number in range(30))
    second = tuple(lot(number, 1_00, programme=2, expires_s=MADE_S + 500 + number) for number in range(100, 103))
    over = (lot(200, 1_00, programme=3, expires_s=MADE_S),)
    kept = {each.id for each in known(row=msgspec.structs.replace(ROW, lots=(*over, *first, *second))).lots}
    assert kept == {*range(1, 30), 100, 101, 102}
