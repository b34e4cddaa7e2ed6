"""When a programme is due and when what it issued ends. Pure: local dates in, local dates out; zones at the edge."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ecard.benefits.models.programmes import Ends, Schedule

DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True)
class Terms:
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


def due(terms: Terms, *, today: date, since: date) -> Due | None:
    """The newest issue that has begun by `today` and not before `since`, if there is one."""
    begun = [begins for begins in _beginnings(terms, today) if since <= begins <= today]
    return issue_on(terms, max(begun)) if begun else None


def issue_on(terms: Terms, begins: date) -> Due:
    """The issue that begins on a day of the schedule."""
    return Due(key=_key(terms.schedule, begins), begins=begins, ends=_end(terms, begins))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins there, also where clocks were turned; where its midnight was skipped, the moment after."""
    return datetime.combine(day, time(), zone)


def next_issue(terms: Terms, after: date) -> date | None:
    """The first day of issue after a day, if there is one."""
    if terms.schedule == Schedule.MONTHLY:
        month = _month_after(after.replace(day=1)) if _in_month(after, terms.day) <= after else after
        return _in_month(month, terms.day)
    if terms.schedule == Schedule.WEEKLY:
        return after + timedelta(days=(terms.day - 1 - after.weekday() - 1) % DAYS_PER_WEEK + 1)
    later = [each for each in _dated(terms) if each > after]
    return min(later) if later else None


def _beginnings(terms: Terms, today: date) -> Iterator[date]:
    """The newest days of issue up to today; all of them where they are written down."""
    if terms.schedule == Schedule.MONTHLY:
        yield _in_month(today, terms.day)
        yield _in_month(today.replace(day=1) - timedelta(days=1), terms.day)
    elif terms.schedule == Schedule.WEEKLY:
        yield today - timedelta(days=(today.weekday() - (terms.day - 1)) % DAYS_PER_WEEK)
    else:
        yield from _dated(terms)


def _dated(terms: Terms) -> tuple[date, ...]:
    if terms.schedule == Schedule.ONCE:
        return tuple(sorted(terms.dates)[:1])
    return terms.dates if terms.schedule == Schedule.DATES else ()


def _key(schedule: Schedule, begins: date) -> str:
    if schedule == Schedule.MONTHLY:
        return f"{begins:%Y-%m}"
    if schedule == Schedule.WEEKLY:
        year, week, _day = begins.isocalendar()
        return f"{year}-W{week:02d}"
    return begins.isoformat()


def _end(terms: Terms, begins: date) -> date:
    if terms.ends == Ends.DAYS and terms.ends_days is not None:
        return begins + timedelta(days=terms.ends_days)
    if terms.ends == Ends.DATE and terms.ends_on is not None:
        return terms.ends_on + timedelta(days=1)
    return next_issue(terms, begins) or _a_year_after(begins)


def _in_month(day: date, wanted: int) -> date:
    """That day of the month, or the month's last one where it is shorter."""
    return day.replace(day=min(wanted, monthrange(day.year, day.month)[1]))


def _month_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _a_year_after(day: date) -> date:
    """The last of written dates, and one that comes once, count for a year."""
    return _in_month(day.replace(year=day.year + 1, day=1), day.day)
