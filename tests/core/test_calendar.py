"""Days, weeks and meals as a site's calendar has them: holidays, make-up days, midnight, summer time, year ends."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.core.evaluate import place
from devices.core.policy import HOLIDAY, DayKind, MealPeriod, Policy, Text, Window
from devices.core.quote import Tap
from devices.core.windows import keys_of, window_key

WORKDAY_LUNCH, WEEKEND_LUNCH, NIGHT, EARLY = 1, 2, 3, 4
SHANGHAI, BERLIN, NEW_YORK = (ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "America/New_York"))
POLICY = Policy(
    number=1,
    starts_at_s=0,
    periods=(
        MealPeriod(WORKDAY_LUNCH, 1, Text("工作日午餐"), 660, 840, weekdays=(0, 1, 2, 3, 4)),
        MealPeriod(WEEKEND_LUNCH, 1, Text("周末午餐"), 660, 840, weekdays=(5, 6, HOLIDAY)),
        MealPeriod(NIGHT, 1, Text("夜宵"), 22 * 60, 2 * 60, weekdays=(4, 5)),
        MealPeriod(EARLY, 1, Text("早班"), 2 * 60 + 30, 5 * 60),
    ),
    days=(
        DayKind(1, "2026-10-01", HOLIDAY),
        DayKind(1, "2026-10-10", 4),
        DayKind(1, "2026-11-20", HOLIDAY),
        DayKind(2, "2026-10-02", HOLIDAY),
    ),
)


def at(local: str, *, zone: ZoneInfo = SHANGHAI, day_starts_min: int = 240, site: int = 1, fold: int = 0) -> Tap:
    moment = datetime.fromisoformat(local).replace(tzinfo=zone, fold=fold)
    at_s = int(moment.astimezone(UTC).timestamp())
    return place(at_s=at_s, zone=zone, site=site, outlet=1, day_starts_min=day_starts_min, policy=POLICY)


@pytest.mark.parametrize(
    ("local", "weekday", "period"),
    [
        ("2026-09-30T12:00", 2, WORKDAY_LUNCH),
        ("2026-10-01T12:00", HOLIDAY, WEEKEND_LUNCH),  # a Thursday that is a holiday
        ("2026-10-02T12:00", 4, WORKDAY_LUNCH),  # a holiday at another site only
        ("2026-10-10T12:00", 4, WORKDAY_LUNCH),  # a Saturday that acts as a Friday
        ("2026-10-10T23:00", 4, NIGHT),
        ("2026-10-11T01:59", 4, NIGHT),  # the serving that began on the make-up day
        ("2026-10-11T12:00", 6, WEEKEND_LUNCH),
        ("2026-11-20T23:00", HOLIDAY, 0),  # no night serving begins on a holiday, though it is a Friday
        ("2026-11-22T00:30", 5, NIGHT),
        ("2026-11-22T23:00", 6, 0),
        ("2026-11-23T00:30", 6, 0),  # a Sunday's night would not be served
    ],
)
def test_a_day_acts_as_the_sites_calendar_says_and_meals_follow_it(local: str, weekday: int, period: int) -> None:
    tap = at(local)
    assert (tap.weekday, tap.period) == (weekday, period)


@pytest.mark.parametrize(
    ("local", "day_starts_min", "date", "period"),
    [
        ("2026-11-27T23:59", 0, "2026-11-27", NIGHT),
        ("2026-11-28T00:00", 0, "2026-11-27", NIGHT),
        ("2026-11-28T01:59", 0, "2026-11-27", NIGHT),
        ("2026-11-28T02:00", 0, "2026-11-28", 0),
        ("2026-11-28T01:59", 240, "2026-11-27", NIGHT),
        ("2026-11-28T02:00", 240, "2026-11-27", 0),
        # A meal on both sides of the moment at which the business day ends is of the day on which it began.
        ("2026-11-28T03:00", 240, "2026-11-27", EARLY),
        ("2026-11-28T04:30", 240, "2026-11-27", EARLY),
        ("2026-11-28T05:00", 240, "2026-11-28", 0),
        ("2026-11-28T04:30", 0, "2026-11-28", EARLY),
        ("2027-01-01T00:30", 0, "2027-01-01", 0),
        ("2027-01-02T00:30", 0, "2027-01-01", NIGHT),
        ("2028-02-29T12:00", 0, "2028-02-29", WORKDAY_LUNCH),
        ("2028-03-01T03:00", 240, "2028-02-29", EARLY),
    ],
)
def test_a_meal_belongs_whole_to_the_day_on_which_it_began(
    local: str, day_starts_min: int, date: str, period: int
) -> None:
    tap = at(local, day_starts_min=day_starts_min)
    assert (tap.business_date, tap.period) == (date, period)


@pytest.mark.parametrize(
    ("zone", "local", "fold", "date", "minute", "period"),
    [
        # Clocks go from 02:00 to 03:00: the early shift is met at 03:00, half an hour into it.
        (BERLIN, "2027-03-28T01:59", 0, "2027-03-27", 119, NIGHT),
        (BERLIN, "2027-03-28T03:00", 0, "2027-03-27", 180, EARLY),
        (NEW_YORK, "2027-03-14T01:59", 0, "2027-03-13", 119, NIGHT),
        (NEW_YORK, "2027-03-14T03:00", 0, "2027-03-13", 180, EARLY),
        # Clocks go back: what lies twice on the clock is twice the same meal of the same day.
        (BERLIN, "2026-10-25T02:30", 0, "2026-10-24", 150, EARLY),
        (BERLIN, "2026-10-25T02:30", 1, "2026-10-24", 150, EARLY),
        (NEW_YORK, "2026-11-01T01:30", 0, "2026-10-31", 90, NIGHT),
        (NEW_YORK, "2026-11-01T01:30", 1, "2026-10-31", 90, NIGHT),
        (NEW_YORK, "2026-11-01T12:00", 0, "2026-11-01", 720, WEEKEND_LUNCH),
    ],
)
def test_summer_time_moves_no_meal_to_another_day(
    zone: ZoneInfo, local: str, fold: int, date: str, minute: int, period: int
) -> None:
    tap = at(local, zone=zone, fold=fold)
    assert (tap.business_date, tap.minute, tap.period) == (date, minute, period)


ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
HALF_HOURS = st.integers(0, 47).map(lambda count: 30 * count)
PERIODS = st.lists(
    st.tuples(HALF_HOURS, HALF_HOURS, st.sampled_from([(), (), (0, 1, 2, 3), (4, 5), (6, HOLIDAY)])), max_size=3
)


@settings(max_examples=400)
@given(
    at_s=st.integers(1_767_225_600, 1_830_297_599),
    zone=st.sampled_from(ZONES),
    day_starts_min=st.sampled_from([0, 240, 300, 720]),
    periods=PERIODS,
    acts_as=st.dictionaries(st.integers(0, 2), st.integers(0, HOLIDAY), max_size=2),
)
def test_any_moment_is_placed_as_by_walking_through_the_servings_of_the_clock(
    at_s: int, zone: str, day_starts_min: int, periods: list[tuple[int, int, tuple[int, ...]]], acts_as: dict[int, int]
) -> None:
    now = datetime.fromtimestamp(at_s, ZoneInfo(zone)).replace(tzinfo=None)
    days = {(now.date() - timedelta(days=back)).isoformat(): kind for back, kind in acts_as.items()}
    policy = Policy(
        number=1,
        starts_at_s=0,
        periods=tuple(MealPeriod(at, 1, Text("餐"), *each) for at, each in enumerate(periods, 1)),
        days=tuple(DayKind(1, day, kind) for day, kind in days.items()),
    )
    tap = place(at_s=at_s, zone=ZoneInfo(zone), site=1, outlet=1, day_starts_min=day_starts_min, policy=policy)
    expected = _walked(now, policy, day_starts_min, days)
    assert (tap.business_date, tap.weekday, tap.period) == expected


def _walked(now: datetime, policy: Policy, day_starts_min: int, days: dict[str, int]) -> tuple[str, int, int]:
    """Business date, weekday and meal, from the servings that may have begun today or yesterday."""
    for period in policy.periods:
        length = timedelta(minutes=(period.end_min - period.start_min) % 1_440 or 1_440)
        for back in (0, 1):
            day = now.date() - timedelta(days=back)
            begins = datetime.combine(day, time()) + timedelta(minutes=period.start_min)
            owner = day - timedelta(days=period.start_min < day_starts_min)
            weekday = days.get(owner.isoformat(), owner.weekday())
            if begins <= now < begins + length and (not period.weekdays or weekday in period.weekdays):
                return owner.isoformat(), weekday, period.id
    owner = (now - timedelta(minutes=day_starts_min)).date()
    return owner.isoformat(), days.get(owner.isoformat(), owner.weekday()), 0


@pytest.mark.parametrize(
    ("window", "date", "period", "key"),
    [
        ("sale", "2026-11-22", 3, ""),
        ("period", "2026-11-22", 3, "2026-11-22.3"),
        ("period", "2026-11-22", 0, "2026-11-22"),
        ("day", "2026-11-22", 3, "2026-11-22"),
        ("week", "2026-11-22", 3, "2026-W47"),
        ("week", "2026-11-23", 3, "2026-W48"),
        ("week", "2026-12-31", 3, "2026-W53"),
        ("week", "2027-01-03", 3, "2026-W53"),
        ("week", "2027-01-04", 3, "2027-W01"),
        ("week", "2024-12-30", 3, "2025-W01"),
        ("month", "2028-02-29", 3, "2028-02"),
        ("month", "2026-12-31", 3, "2026-12"),
    ],
)
def test_a_window_is_known_by_a_key_of_the_business_date(window: Window, date: str, period: int, key: str) -> None:
    assert window_key(window, date, period) == key


def test_a_sale_counts_under_each_different_key_once() -> None:
    assert keys_of("2026-11-22", 3) == ("2026-11-22.3", "2026-11-22", "2026-W47", "2026-11")
    assert keys_of("2026-11-22", 0) == ("2026-11-22", "2026-W47", "2026-11")
