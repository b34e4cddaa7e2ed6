"""The day counters that posting adds to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from devices.core.quote import Used
from ecard.benefits.operations import add_usage
from ecard.benefits.queries import usage_of
from ecard.benefits.values import UsageRow
from tests.support.database import OtherThread

FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)


@pytest.mark.django_db
def test_usage_adds_up_by_person_and_date() -> None:
    add_usage(rows=[(7, FRIDAY, 12_00, 2_00, 1), (7, FRIDAY, 8_00, 8_00, 1), (9, FRIDAY, 1, 0, 1)])
    add_usage(rows=[(7, FRIDAY, 5_00, 5_00, 1), (7, SATURDAY, 3_00, 3_00, 1)])
    assert usage_of([7, 8], [FRIDAY, SATURDAY]) == {
        7: (Used("2026-11-20", 25_00, 15_00, 3), Used("2026-11-21", 3_00, 3_00, 1))
    }


@pytest.mark.django_db
def test_a_reversal_takes_its_sale_out_of_the_count() -> None:
    add_usage(rows=[(7, FRIDAY, 12_00, 2_00, 1)])
    add_usage(rows=[(7, FRIDAY, -12_00, -2_00, -1)])
    assert usage_of([7], [FRIDAY]) == {7: (Used("2026-11-20", 0, 0, 0),)}


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
                add_usage(rows=[(ref, FRIDAY, 1, 1, 1) for ref in refs])

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
                    st.integers(-500, 500),
                    st.integers(-500, 500),
                    st.integers(-1, 1),
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
        rows = [row for call in calls for row in call]
        for (ref, day), used in after.items():
            had = before.get((ref, day), Used(day, 0, 0, 0))
            mine = [row for row in rows if (row[0], row[1].isoformat()) == (ref, day)]
            assert used.total_minor - had.total_minor == sum(row[2] for row in mine)
            assert used.purse_minor - had.purse_minor == sum(row[3] for row in mine)
            assert used.count - had.count == sum(row[4] for row in mine)
        assert {(row[0], row[1].isoformat()) for row in rows} <= set(after)
