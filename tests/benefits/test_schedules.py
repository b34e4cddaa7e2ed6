"""When a programme is due and until when it counts: months of every length, weeks, terms, clocks that are turned."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecard.benefits.models.programmes import Ends, Schedule
from ecard.benefits.schedules import Calendar, Due, day_after, due, issue_on, midnight, next_issue

D = date
LONG_AGO = D(2000, 1, 1)
TERMS = (D(2027, 2, 22), D(2026, 9, 1))


def monthly(day: int, **ends: object) -> Calendar:
    return Calendar(Schedule.MONTHLY, day, **ends)  # type: ignore[arg-type]  # the ends of a table


@pytest.mark.parametrize(
    ("calendar", "today", "expected"),
    [
        (monthly(1), D(2026, 11, 22), Due("2026-11", D(2026, 11, 1), D(2026, 12, 1))),
        (monthly(1), D(2026, 12, 31), Due("2026-12", D(2026, 12, 1), D(2027, 1, 1))),
        (monthly(1), D(2027, 1, 1), Due("2027-01", D(2027, 1, 1), D(2027, 2, 1))),
        (monthly(31), D(2027, 2, 28), Due("2027-02", D(2027, 2, 28), D(2027, 3, 31))),
        (monthly(31), D(2027, 2, 27), Due("2027-01", D(2027, 1, 31), D(2027, 2, 28))),
        (monthly(30), D(2028, 2, 29), Due("2028-02", D(2028, 2, 29), D(2028, 3, 30))),
        (monthly(31), D(2026, 12, 31), Due("2026-12", D(2026, 12, 31), D(2027, 1, 31))),
        (monthly(15), D(2027, 1, 3), Due("2026-12", D(2026, 12, 15), D(2027, 1, 15))),
        (Calendar(Schedule.WEEKLY, 1), D(2027, 1, 3), Due("2026-W53", D(2026, 12, 28), D(2027, 1, 4))),
        (Calendar(Schedule.WEEKLY, 7), D(2027, 1, 3), Due("2026-W53", D(2027, 1, 3), D(2027, 1, 10))),
        (Calendar(Schedule.DATES, dates=TERMS), D(2026, 12, 1), Due("2026-09-01", D(2026, 9, 1), D(2027, 2, 22))),
        (Calendar(Schedule.DATES, dates=TERMS), D(2027, 3, 1), Due("2027-02-22", D(2027, 2, 22), D(2028, 2, 22))),
        (Calendar(Schedule.ONCE, dates=TERMS), D(2027, 3, 1), Due("2026-09-01", D(2026, 9, 1), D(2027, 9, 1))),
        (
            Calendar(Schedule.ONCE, dates=(D(2028, 2, 29),)),
            D(2028, 2, 29),
            Due("2028-02-29", D(2028, 2, 29), D(2029, 2, 28)),
        ),
        (monthly(1, ends=Ends.DAYS, ends_days=10), D(2027, 2, 20), Due("2027-02", D(2027, 2, 1), D(2027, 2, 11))),
        (
            monthly(1, ends=Ends.DATE, ends_on=D(2026, 12, 31)),
            D(2026, 11, 2),
            Due("2026-11", D(2026, 11, 1), D(2027, 1, 1)),
        ),
        (monthly(1, ends=Ends.ROLLOVER), D(2026, 12, 31), Due("2026-12", D(2026, 12, 1), D(2027, 1, 1))),
        (Calendar(Schedule.DATES, dates=TERMS), D(2026, 8, 31), None),
        (Calendar(Schedule.BY_HAND), D(2026, 8, 31), None),
    ],
)
def test_the_newest_issue_is_due(calendar: Calendar, today: date, expected: Due | None) -> None:
    assert due(calendar, today=today, since=LONG_AGO) == expected


def test_what_began_before_the_schedule_was_active_is_not_due() -> None:
    assert due(monthly(1), today=D(2026, 11, 22), since=D(2026, 11, 2)) is None
    assert due(monthly(1), today=D(2026, 11, 22), since=D(2026, 11, 1)) is not None


@pytest.mark.parametrize(
    ("zone", "day", "moment"),
    [
        ("Asia/Shanghai", D(2026, 12, 1), datetime(2026, 11, 30, 16, tzinfo=UTC)),
        ("Europe/Berlin", D(2027, 3, 28), datetime(2027, 3, 27, 23, tzinfo=UTC)),
        ("Europe/Berlin", D(2027, 3, 29), datetime(2027, 3, 28, 22, tzinfo=UTC)),
        ("Europe/Berlin", D(2026, 10, 26), datetime(2026, 10, 25, 23, tzinfo=UTC)),
        ("America/Santiago", D(2026, 9, 6), datetime(2026, 9, 6, 4, tzinfo=UTC)),
        ("Pacific/Kiritimati", D(2027, 1, 1), datetime(2026, 12, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_its_own_midnight_also_where_clocks_are_turned(zone: str, day: date, moment: datetime) -> None:
    assert midnight(day, ZoneInfo(zone)) == moment
    assert midnight(day, ZoneInfo(zone)).astimezone(UTC) == moment


calendars = st.one_of(
    st.builds(Calendar, st.just(Schedule.MONTHLY), st.integers(1, 31)),
    st.builds(Calendar, st.just(Schedule.WEEKLY), st.integers(1, 7)),
    st.builds(
        Calendar,
        st.just(Schedule.DATES),
        dates=st.lists(st.dates(D(2026, 1, 1), D(2030, 1, 1)), min_size=1, max_size=6).map(tuple),
    ),
)


@given(calendar=calendars, start=st.dates(D(2026, 1, 1), D(2028, 1, 1)))
def test_looking_every_day_meets_each_issue_once_in_order_and_periods_follow_one_another(
    calendar: Calendar, start: date
) -> None:
    """Whoever looks less often meets the newest only; nobody meets a key twice with other days."""
    met: dict[str, Due] = {}
    for ahead in range(400):
        found = due(calendar, today=start + timedelta(days=ahead), since=start)
        if found is not None:
            assert met.setdefault(found.key, found) == found
            assert start <= found.begins <= start + timedelta(days=ahead)
    days = [each.begins for each in met.values()]
    assert days == sorted(set(days))
    for earlier, later in zip(met.values(), list(met.values())[1:], strict=False):
        assert earlier.ends == later.begins
        assert next_issue(calendar, earlier.begins) == later.begins


@given(calendar=calendars, day=st.dates(D(2026, 1, 1), D(2030, 1, 1)))
def test_every_issue_counts_at_least_a_day(calendar: Calendar, day: date) -> None:
    found = due(calendar, today=day, since=LONG_AGO)
    if found is not None:
        assert found.ends > found.begins
        assert issue_on(calendar, found.begins) == found


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Pacific/Kiritimati", "Pacific/Midway"])
def test_what_ends_on_the_last_date_there_is_ends_then(zone: str) -> None:
    """Whoever means for ever types 9999-12-31: the run, and everything that asks for its end, goes on."""
    ends = issue_on(monthly(1, ends=Ends.DATE, ends_on=date.max), date(2026, 11, 1)).ends
    assert ends == day_after(date.max) == date(9999, 12, 30)
    assert midnight(ends, ZoneInfo(zone)).date() == ends
    assert day_after(date(2028, 2, 28)) == date(2028, 2, 29)
