"""Pure rules about times of day and days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import available_timezones

from devices.core.policy import HOLIDAY

MINUTES_PER_DAY = 1_440
DAY_KINDS = range(HOLIDAY + 1)
"""Monday 0 to Sunday 6, and the holiday."""
Served = tuple[int, int, Sequence[int]]
"""Start and end minute of a meal, and the kinds of day on which it is served; empty: all."""


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA time zone this machine knows."""
    return name in available_timezones()


def is_period(start_minute: int, end_minute: int) -> bool:
    """Whether the minutes are a period: from a time of day, for at most one day, end excluded."""
    return 0 <= start_minute < MINUTES_PER_DAY and start_minute < end_minute <= start_minute + MINUTES_PER_DAY


def clashes(period: Served, others: Iterable[Served]) -> bool:
    """Whether two of these could be served in the same minute.

    On one day only where they share a kind of day. Across midnight always: with make-up days any kind of day may
    follow any other.
    """
    start, end, days = period
    for other_start, other_end, other_days in others:
        both = ((start, end), (other_start, other_end))
        if _share_a_day(days, other_days) and _meet(*both, 0):
            return True
        if _meet(*both, MINUTES_PER_DAY) or _meet(*both, -MINUTES_PER_DAY):
            return True
    return False


def _meet(period: tuple[int, int], other: tuple[int, int], shift: int) -> bool:
    return period[0] + shift < other[1] and other[0] < period[1] + shift


def _share_a_day(days: Sequence[int], others: Sequence[int]) -> bool:
    return not days or not others or not set(days).isdisjoint(others)


def clock_text(minute: int) -> str:
    """Minutes after midnight as "11:30"; past midnight it starts again."""
    hour, rest = divmod(minute % MINUTES_PER_DAY, 60)
    return f"{hour:02d}:{rest:02d}"
