"""A year's calendar as people write it: a date, what the day is, and its name. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from devices.core.policy import HOLIDAY
from ecard.merchants.values import DayKind, NewDay

YEARS: Final = range(2000, 2101)
NAME_LENGTH_MAX: Final = 80
MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6

_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?:日|号)?(?:[\s(（].*)?")
_SOLID_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_HEADINGS = frozenset({"date", "day", "日期", "日子", "时间"})
_HOLIDAY = frozenset(
    ["休", "假", "放假", "休假", "休息", "休息日", "节假日", "假日", "假期", "节日", "holiday", "off", "closed"]
) | {"day off"}
_WORK = frozenset(["班", "上班", "补班", "工作日", "work", "working", "workday", "makeup", "make-up"]) | {
    "working day",
    "make-up day",
}
_USUAL = frozenset(["正常", "平常", "平日", "usual", "normal", "none", "-"])
_AROUND_A_DAY = re.compile(
    r"工作日|星期|礼拜|[班上补按同课的周]|\b(?:as|like|work|working|workday|an?)\b|[\s,，()（）:：]"
)
_DAYS: Final = (
    ("一", "mon", "monday"),
    ("二", "tue", "tues", "tuesday"),
    ("三", "wed", "wednesday"),
    ("四", "thu", "thur", "thurs", "thursday"),
    ("五", "fri", "friday"),
    ("六", "sat", "saturday"),
    ("日", "天", "sun", "sunday"),
)
_WEEKDAYS: Final = {name: number for number, names in enumerate(_DAYS) for name in names}

Why = Literal["date", "year", "kind", "twice", "name"]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be taken over: its number from 1, why, and the words it is about."""

    row: int
    why: Why
    about: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """What the rows say; `days` is whole only where `bad` is empty."""

    days: tuple[NewDay, ...]
    bad: tuple[BadRow, ...]


def calendar_of(rows: Sequence[Sequence[str]]) -> Calendar:
    """Read rows of (date, kind, name, name in English); blank rows and a heading are passed over."""
    days: list[NewDay] = []
    bad: list[BadRow] = []
    first_at: dict[date, int] = {}
    for number, row in enumerate(rows, start=1):
        cells = [*row, "", "", "", ""][:4]
        if not any(cells) or (number == 1 and cells[0].casefold() in _HEADINGS):
            continue
        found = _day(number, cells)
        if isinstance(found, BadRow):
            bad.append(found)
        elif found.date in first_at:
            bad.append(BadRow(number, "twice", str(first_at[found.date])))
        else:
            first_at[found.date] = number
            days.append(found)
    return Calendar(days=tuple(days), bad=tuple(bad))


def read_date(text: str) -> date | None:
    """2026-10-01, 2026/10/1, 2026.10.1, 2026年10月1日 or 20261001; None for anything else."""
    typed = text.strip()
    found = _DATE.fullmatch(typed) or _SOLID_DATE.fullmatch(typed)
    if found is None:
        return None
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def acts_as(text: str, *, on: date) -> int | None:
    """What a kind says of that day, 0 = Monday to 7 = holiday; the day's own weekday for a usual one. None: unknown.

    A working day that names no weekday acts as the nearest working day: a Saturday as Friday, a Sunday as Monday.
    """
    kind = " ".join(text.casefold().split())
    if kind in _HOLIDAY:
        return HOLIDAY
    if kind in _USUAL:
        return on.weekday()
    if kind in _WORK:
        return {SATURDAY: FRIDAY, SUNDAY: MONDAY}.get(on.weekday(), on.weekday())
    return _WEEKDAYS.get(_AROUND_A_DAY.sub("", kind))


def _day(number: int, cells: Sequence[str]) -> NewDay | BadRow:
    typed, kind, name, name_en = cells
    day = read_date(typed)
    if day is None:
        return BadRow(number, "date", typed)
    if day.year not in YEARS:
        return BadRow(number, "year", str(day.year))
    weekday = acts_as(kind, on=day)
    if weekday is None:
        return BadRow(number, "kind", kind)
    if max(len(name), len(name_en)) > NAME_LENGTH_MAX:
        return BadRow(number, "name")
    usual = weekday == day.weekday()
    return NewDay(day, None if usual else DayKind(weekday, name, name_en))
