"""When a programme is due and when what it issued ends. Pure: local dates in, local dates out; zones at the edge."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ecard.benefits.models.programmes import Ends, Schedule

DAYS_PER_WEEK = 7
LAST_DAY = date(9999, 12, 30)
"""The last whose midnight every zone can still say."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A programme's calendar: `day` is of the month, or 1 = Monday of the week; `dates` in any order."""

    schedule: Schedule
    day: int = 1
    dates: tuple[date, ...] = ()
    ends: Ends = Ends.PERIOD
    ends_days: int | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """One issue: the period's key, the day on which it begins, and the first day on which it counts no more."""

    key: str
    begins: date
    ends: date


def due(calendar: Calendar, *, today: date, since: date) -> Due | None:
    """The newest issue that has begun by `today` and not before `since`, if there is one."""
    begun = [begins for begins in _beginnings(calendar, today) if since <= begins <= today]
    return issue_on(calendar, max(begun)) if begun else None


def issue_on(calendar: Calendar, begins: date) -> Due:
    """The issue that begins on a day of the schedule."""
    return Due(key=_key(calendar.schedule, begins), begins=begins, ends=_end(calendar, begins))


def day_after(day: date) -> date:
    """The next day. After 9999-12-31, by which people mean for ever, none can be said."""
    return min(day, LAST_DAY - timedelta(days=1)) + timedelta(days=1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins there, also where clocks were turned; where its midnight was skipped, the moment after."""
    return datetime.combine(day, time(), zone).astimezone(UTC).astimezone(zone)


def next_issue(calendar: Calendar, after: date) -> date | None:
    """The first day of issue after a day, if there is one."""
    if calendar.schedule == Schedule.MONTHLY:
        month = _month_after(after.replace(day=1)) if _in_month(after, calendar.day) <= after else after
        return _in_month(month, calendar.day)
    if calendar.schedule == Schedule.WEEKLY:
        return after + timedelta(days=(calendar.day - 1 - after.weekday() - 1) % DAYS_PER_WEEK + 1)
    later = [each for each in _dated(calendar) if each > after]
    return min(later) if later else None


def _beginnings(calendar: Calendar, today: date) -> Iterator[date]:
    """The newest days of issue up to today; all of them where they are written down."""
    if calendar.schedule == Schedule.MONTHLY:
        yield _in_month(today, calendar.day)
        yield _in_month(today.replace(day=1) - timedelta(days=1), calendar.day)
    elif calendar.schedule == Schedule.WEEKLY:
        yield today - timedelta(days=(today.weekday() - (calendar.day - 1)) % DAYS_PER_WEEK)
    else:
        yield from _dated(calendar)


def _dated(calendar: Calendar) -> tuple[date, ...]:
    if calendar.schedule == Schedule.ONCE:
        return tuple(sorted(calendar.dates)[:1])
    return calendar.dates if calendar.schedule == Schedule.DATES else ()


def _key(schedule: Schedule, begins: date) -> str:
    if schedule == Schedule.MONTHLY:
        return f"{begins:%Y-%m}"
    if schedule == Schedule.WEEKLY:
        year, week, _day = begins.isocalendar()
        return f"{year}-W{week:02d}"
    return begins.isoformat()


def _end(calendar: Calendar, begins: date) -> date:
    if calendar.ends == Ends.DAYS and calendar.ends_days is not None:
        return begins + timedelta(days=calendar.ends_days)
    if calendar.ends == Ends.DATE and calendar.ends_on is not None:
        return day_after(calendar.ends_on)
    return next_issue(calendar, begins) or _a_year_after(begins)


def _in_month(day: date, wanted: int) -> date:
    """That day of the month, or the month's last one where it is shorter."""
    return day.replace(day=min(wanted, monthrange(day.year, day.month)[1]))


def _month_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _a_year_after(day: date) -> date:
    """The last of written dates, and one that comes once, count for a year."""
    return _in_month(day.replace(year=day.year + 1, day=1), day.day)
