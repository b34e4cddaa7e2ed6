"""How long a budget lasts, by arithmetic alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecard.benefits.forecast import Forecast, Outlook, forecast

START, END = date(2026, 9, 1), date(2027, 8, 31)


def even(days: int, amount_minor: int, *, until: date) -> dict[date, int]:
    return {until - timedelta(days=back): amount_minor for back in range(days)}


def standing(spent: dict[date, int], *, budget_minor: int = 365_000_00, today: date = date(2026, 11, 22)) -> Forecast:
    return forecast(spent, budget_minor=budget_minor, start=START, end=END, today=today)


@pytest.mark.parametrize(
    ("a_day_minor", "budget_minor", "outlook"),
    [
        (100_00, 365_000_00, Outlook.FINE),
        (2_000_00, 365_000_00, Outlook.DRY_BEFORE_END),
        (10_000_00, 365_000_00, Outlook.DRY_SOON),
        (20_000_00, 365_000_00, Outlook.EXHAUSTED),
        (0, 1, Outlook.FINE),
    ],
)
def test_the_outlook_follows_from_the_pace(a_day_minor: int, budget_minor: int, outlook: Outlook) -> None:
    today = date(2026, 11, 22)
    assert standing(even(28, a_day_minor, until=today), budget_minor=budget_minor).outlook is outlook


def test_a_budget_runs_dry_on_the_day_its_last_money_is_spent() -> None:
    found = standing(even(28, 100_00, until=date(2026, 11, 22)), budget_minor=2_900_00)
    assert (found.spent_minor, found.pace_minor, found.left_minor) == (2_800_00, 100_00, 100_00)
    assert found.dry_on == date(2026, 11, 23)


def test_the_pace_of_a_young_budget_is_of_its_own_days() -> None:
    found = forecast({START: 300_00}, budget_minor=9_000_00, start=START, end=END, today=START + timedelta(days=2))
    assert found.pace_minor == 100_00


def test_what_came_back_counts_against_what_was_spent() -> None:
    assert standing({date(2026, 10, 1): 500_00, date(2026, 11, 1): -200_00}).spent_minor == 300_00


def test_days_outside_the_budgets_dates_do_not_count() -> None:
    assert standing({START - timedelta(days=1): 500_00, date(2026, 10, 1): 1_00}).spent_minor == 1_00


def test_a_budget_whose_dates_are_over_says_so() -> None:
    found = standing(even(28, 100_00, until=END), today=END + timedelta(days=40))
    assert found.outlook is Outlook.OVER
    assert found.end_minor == found.spent_minor


@given(
    spent=st.dictionaries(
        st.dates(START - timedelta(days=30), END + timedelta(days=30)), st.integers(-(10**7), 10**9), max_size=40
    ),
    budget_minor=st.integers(1, 10**12),
    today=st.dates(START, END + timedelta(days=100)),
)
def test_a_forecast_never_fails_and_agrees_with_itself(spent: dict[date, int], budget_minor: int, today: date) -> None:
    found = standing(spent, budget_minor=budget_minor, today=today)
    assert found.left_minor + found.spent_minor == budget_minor
    assert found.pace_minor >= 0
    if found.outlook is Outlook.FINE:
        assert found.left_minor > 0
    if found.dry_on is not None:
        assert START <= found.dry_on <= END + timedelta(days=1)
