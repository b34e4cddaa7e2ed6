"""The day counters that posting adds to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from devices.core.policy import Entitlement, Limit, Policy, Text, Where
from devices.core.quote import Tally, Used
from ecard.benefits.operations import add_usage
from ecard.benefits.queries import needed, usage_in, usage_of
from ecard.benefits.values import UsageRow
from tests.support.database import OtherThread

FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)
LUNCH, DINNER = 2, 3
NOON_S = 1_795_147_200


def row(
    ref: int, day: date, total_minor: int, purse_minor: int, count: int, *, period: int = 0, scope: int = 0, at: int = 0
) -> UsageRow:
    return ref, day, period, scope, total_minor, purse_minor, count, at


@pytest.mark.django_db
def test_usage_adds_up_by_person_and_date() -> None:
    add_usage(
        rows=[row(7, FRIDAY, 12_00, 2_00, 1), row(7, FRIDAY, 8_00, 8_00, 1, period=LUNCH), row(9, FRIDAY, 1, 0, 1)]
    )
    add_usage(rows=[row(7, FRIDAY, 5_00, 5_00, 1, period=LUNCH), row(7, SATURDAY, 3_00, 3_00, 1)])
    add_usage(rows=[row(7, FRIDAY, 5_00, 5_00, 1, scope=4)])
    assert usage_of([7, 8], [FRIDAY, SATURDAY]) == {
        7: (Used("2026-11-20", 25_00, 15_00, 3), Used("2026-11-21", 3_00, 3_00, 1))
    }


@pytest.mark.django_db
def test_a_reversal_takes_its_sale_out_of_the_count() -> None:
    add_usage(rows=[row(7, FRIDAY, 12_00, 2_00, 1)])
    add_usage(rows=[row(7, FRIDAY, -12_00, -2_00, -1)])
    assert usage_of([7], [FRIDAY]) == {7: (Used("2026-11-20", 0, 0, 0),)}


@pytest.mark.django_db
def test_the_last_sale_is_the_newest_and_a_reversal_forgets_it() -> None:
    add_usage(rows=[row(7, FRIDAY, 1, 1, 1, at=NOON_S + 60), row(7, FRIDAY, 1, 1, 1, at=NOON_S)])
    add_usage(rows=[row(7, FRIDAY, 1, 1, 1, at=NOON_S + 30)])
    assert usage_in([7], [FRIDAY])[7].last_s == NOON_S + 60
    add_usage(rows=[row(7, FRIDAY, -1, -1, -1)])
    assert usage_in([7], [FRIDAY])[7].last_s == 0
    add_usage(rows=[row(7, FRIDAY, 1, 1, 1, at=NOON_S + 90), row(7, FRIDAY, -1, -1, -1)])
    assert usage_in([7], [FRIDAY])[7].last_s == 0


ENTITLEMENT = Entitlement(id=9, name=Text("早餐"), window="period")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"limits": (Limit(1, Text("日"), "day", max_minor=1),)}, ()),
        ({"limits": (Limit(1, Text("餐"), "period", max_minor=1),)}, (Tally("2026-11-20.2", 0, 3_00, 3_00, 2),)),
        ({"limits": (Limit(1, Text("周"), "week", max_minor=1),)}, (Tally("2026-W47", 0, 103_00, 103_00, 3),)),
        ({"limits": (Limit(1, Text("月"), "month", max_minor=1),)}, (Tally("2026-11", 0, 1_103_00, 1_103_00, 4),)),
        (
            {"limits": (Limit(4, Text("可乐"), "day", where=Where(categories=(1,)), max_count=1),)},
            (Tally("2026-11-20", 4, 50, 50, 1),),
        ),
        (
            {"entitlements": (ENTITLEMENT,)},
            (Tally("2026-11-20.2", -9, 6_00, 0, 1), Tally("2026-11-20", -9, 13_00, 0, 2)),
        ),
    ],
)
def test_only_the_sums_that_some_rule_needs_are_read(
    rules: dict[str, Any], expected: tuple[Tally, ...], django_assert_max_num_queries: Any
) -> None:
    add_usage(
        rows=[
            row(7, FRIDAY, 1_00, 1_00, 1, period=LUNCH),
            row(7, FRIDAY, 2_00, 2_00, 1, period=LUNCH),
            row(7, FRIDAY - timedelta(days=4), 100_00, 100_00, 1, period=DINNER),
            row(7, FRIDAY - timedelta(days=5), 1_000_00, 1_000_00, 1),
            row(7, FRIDAY - timedelta(days=20), 10_000_00, 10_000_00, 1),
            row(7, FRIDAY, 50, 50, 1, period=LUNCH, scope=4),
            row(7, FRIDAY, 6_00, 0, 1, period=LUNCH, scope=-9),
            row(7, FRIDAY, 7_00, 0, 1, scope=-9),
            row(8, FRIDAY, 1, 1, 1, period=LUNCH),
        ]
    )
    with django_assert_max_num_queries(3):
        found = usage_in([7], [FRIDAY], sums=needed([Policy(number=1, starts_at_s=0, **rules)]))
    assert found[7].tallies == expected


@pytest.mark.django_db
def test_no_rows_are_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        add_usage(rows=[])


def test_two_postings_of_the_same_people_do_not_deadlock(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    people = list(range(1, 400))

    def post(refs: list[int]) -> None:
        for _ in range(5):
            with transaction.atomic():
                add_usage(rows=[row(ref, FRIDAY, 1, 1, 1) for ref in refs])

    threads = [second_connection(partial(post, refs)) for refs in (people, people[::-1], people[::-1])]
    for thread in threads:
        thread.wait()
    assert {used[0].count for used in usage_of(people, [FRIDAY]).values()} == {15}


class UsageProperty(TestCase):
    @given(
        st.lists(
            st.lists(
                st.tuples(
                    st.integers(1, 3),
                    st.sampled_from([FRIDAY, SATURDAY]),
                    st.integers(0, 2),
                    st.sampled_from([0, 0, 5]),
                    st.integers(-500, 500),
                    st.integers(-500, 500),
                    st.integers(-1, 1),
                    st.just(NOON_S),
                ),
                max_size=6,
            ),
            max_size=4,
        )
    )
    def test_the_counters_are_the_sum_of_all_rows_however_they_are_split(self, calls: list[list[UsageRow]]) -> None:
        refs, dates = [1, 2, 3], [FRIDAY, SATURDAY]
        before = {
            (ref, used.business_date): used for ref, all_used in usage_of(refs, dates).items() for used in all_used
        }
        for rows in calls:
            add_usage(rows=rows)
        after = {
            (ref, used.business_date): used for ref, all_used in usage_of(refs, dates).items() for used in all_used
        }
        rows = [each for call in calls for each in call]
        for (ref, day), used in after.items():
            had = before.get((ref, day), Used(day, 0, 0, 0))
            mine = [each for each in rows if (each[0], each[1].isoformat(), each[3]) == (ref, day, 0)]
            assert used.total_minor - had.total_minor == sum(each[4] for each in mine)
            assert used.purse_minor - had.purse_minor == sum(each[5] for each in mine)
            assert used.count - had.count == sum(each[6] for each in mine)
        assert {(each[0], each[1].isoformat()) for each in rows if not each[3]} <= set(after)
