"""The windows in which spending is counted, and the keys under which terminal and server keep the sums.

A day is "2026-11-22", a serving of meal period 3 on it "2026-11-22.3", an ISO week "2026-W47", a month "2026-11".
All are of the business date.
"""

from datetime import date
from functools import lru_cache

from devices.core.policy import Window


@lru_cache(maxsize=4_096)
def window_key(window: Window, business_date: str, period: int) -> str:
    """The key of the window that a sale of that business date and meal period falls into; "" for a single sale."""
    if window == "day" or (window == "period" and not period):
        return business_date
    if window == "period":
        return f"{business_date}.{period}"
    if window == "week":
        year, week, _weekday = date.fromisoformat(business_date).isocalendar()
        return f"{year}-W{week:02d}"
    return business_date[:7] if window == "month" else ""


COUNTED_WINDOWS: tuple[Window, ...] = ("period", "day", "week", "month")


def keys_of(business_date: str, period: int) -> tuple[str, ...]:
    """Every different key that a sale counts under."""
    return tuple(dict.fromkeys(window_key(window, business_date, period) for window in COUNTED_WINDOWS))
