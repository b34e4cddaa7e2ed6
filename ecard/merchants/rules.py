"""Pure rules about times of day."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import available_timezones

MINUTES_PER_DAY = 1_440


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA time zone this machine knows."""
    return name in available_timezones()


def is_period(start_minute: int, end_minute: int) -> bool:
    """Whether the minutes are a period: from a time of day, for at most one day, end excluded."""
    return 0 <= start_minute < MINUTES_PER_DAY and start_minute < end_minute <= start_minute + MINUTES_PER_DAY


def overlaps(period: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    """Whether a (start, end) period meets any of the others on the clock face, midnight included."""
    start, end = period
    return any(
        start + shift < other_end and other_start < end + shift
        for other_start, other_end in others
        for shift in (-MINUTES_PER_DAY, 0, MINUTES_PER_DAY)
    )


def clock_text(minute: int) -> str:
    """Minutes after midnight as "11:30"; past midnight it starts again."""
    hour, rest = divmod(minute % MINUTES_PER_DAY, 60)
    return f"{hour:02d}:{rest:02d}"
