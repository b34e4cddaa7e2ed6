"""How long a budget lasts at the present pace. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

PACE_DAYS = 28
"""Four whole weeks: every weekday counts alike, and a monthly run is in it once."""
SOON_DAYS = 30


class Outlook(StrEnum):
    """How a budget stands."""

    FINE = "fine"
    DRY_BEFORE_END = "dry_before_end"
    DRY_SOON = "dry_soon"
    EXHAUSTED = "exhausted"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Forecast:
    """`points` are (day, spent so far) up to today; `dry_on` is the first day without money at this pace, if any."""

    budget_minor: int
    start: date
    end: date
    today: date
    spent_minor: int
    pace_minor: int
    dry_on: date | None
    end_minor: int
    points: tuple[tuple[date, int], ...]

    @property
    def left_minor(self) -> int:
        """What is left; negative once more was spent than there was."""
        return self.budget_minor - self.spent_minor

    @property
    def outlook(self) -> Outlook:
        """In the order of urgency."""
        if self.today > self.end:
            return Outlook.OVER
        if self.left_minor <= 0:
            return Outlook.EXHAUSTED
        if self.dry_on is None or self.dry_on > self.end:
            return Outlook.FINE
        return Outlook.DRY_SOON if self.dry_on <= self.today + timedelta(days=SOON_DAYS) else Outlook.DRY_BEFORE_END


def forecast(spent: Mapping[date, int], *, budget_minor: int, start: date, end: date, today: date) -> Forecast:
    """`spent` is net spending by day; days outside the budget's dates do not count. The pace is a day's average."""
    last = min(today, end)
    counted = {day: amount for day, amount in spent.items() if start <= day <= last}
    points, so_far = [], 0
    for day in sorted(counted):
        so_far += counted[day]
        points.append((day, so_far))
    since = max(start, last - timedelta(days=PACE_DAYS - 1))
    days = max(1, (last - since).days + 1)
    pace_minor = max(0, sum(amount for day, amount in counted.items() if day >= since) // days)
    left_minor = budget_minor - so_far
    days_left = max(0, (end - last).days)
    dry_on = None
    if left_minor <= 0:
        dry_on = last
    elif pace_minor and left_minor // pace_minor <= days_left:
        dry_on = last + timedelta(days=left_minor // pace_minor + (1 if left_minor % pace_minor else 0))
    return Forecast(
        budget_minor=budget_minor,
        start=start,
        end=end,
        today=today,
        spent_minor=so_far,
        pace_minor=pace_minor,
        dry_on=dry_on,
        end_minor=so_far + pace_minor * days_left,
        points=tuple(points),
    )
