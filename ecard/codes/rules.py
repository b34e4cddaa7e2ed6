"""Pure rules of issuing: days, serving slots, the money a code may carry, and which keys a list names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from devices.core.code import LIMIT_UNIT_MINOR
from devices.core.keys import Role
from ecard.codes.values import ServingHours
from ecard.merchants.rules import MINUTES_PER_DAY

DAYS_AHEAD = 7
"""Codes are issued for today and this many days after it."""
OVERLAP_MIN = 10
"""A day's credential lives this long into the next day, for a sale at midnight."""
SLOT_S = 60
HOURS_AHEAD = 72

ANNOUNCED_BEFORE_USE = timedelta(days=1)
"""A planned rotation waits this long: a terminal that had no contact since would refuse the new key's codes."""
KEY_LIFE = timedelta(days=730)
ROTATE_AFTER = timedelta(days=180)
"""When the page begins to say that a rotation is due."""
LISTED_AFTER_RETIREMENT = {
    Role.CODE: timedelta(days=10),
    Role.SNAPSHOT: timedelta(days=400),
    Role.RELEASE: timedelta(days=400),
}
"""How long terminals still need a retired key: a code lives 8 days, a policy's signature far longer."""
UNDER_WAY = timedelta(hours=1)
"""A request that began before a rotation may still sign with the old key."""
LISTED_AFTER_REVOCATION = timedelta(days=400)


def unix_s(moment: datetime) -> int:
    """The whole unix second in which the moment lies."""
    return math.floor(moment.timestamp())


def denial_before_s(codes_before: datetime) -> int:
    """The first second at which a code may have been issued and not be refused by a stop at this moment."""
    return math.ceil(codes_before.timestamp())


def issue_stamp_s(*, at: datetime, codes_before: datetime | None) -> int:
    """The stamp of a code issued now: never under a stop already in force, were it of this very second."""
    return unix_s(at) if codes_before is None else max(unix_s(at), denial_before_s(codes_before))


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """The calendar date there."""
    return at.astimezone(zone).date()


def day_window(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """When that local day's credential begins (unix s) and how many minutes it is valid, overlap included."""
    starts = datetime.combine(day, time(), zone).timestamp()
    ends = datetime.combine(day + timedelta(days=1), time(), zone).timestamp()
    return math.floor(starts), math.ceil((ends - starts) / 60) + OVERLAP_MIN


def are_issuable_days(days: Sequence[tuple[date, bytes]], *, today: date, key_bytes: int) -> bool:
    """Whether each day is among the coming ones, once, with a phone key of its own."""
    return (
        0 < len(days) <= DAYS_AHEAD + 1
        and all(today <= day <= today + timedelta(days=DAYS_AHEAD) for day, _public in days)
        and all(len(public) == key_bytes for _day, public in days)
        and len({day for day, _public in days}) == len({public for _day, public in days}) == len(days)
    )


def offline_minor(*, limit_minor: int, balance_minor: int, held_minor: int) -> int:
    """What may be spent of a purse where nobody can be asked, in whole units of a code.

    A debt floor is no credit line: it bears what could not be foreseen, so it is not offered.
    """
    return min(limit_minor, max(0, balance_minor - held_minor)) // LIMIT_UNIT_MINOR * LIMIT_UNIT_MINOR


def serving_minutes(periods: Iterable[tuple[int, int]]) -> frozenset[int]:
    """The minutes of the day in any (start, end) period; an end past midnight goes on in the next day."""
    return frozenset(minute % MINUTES_PER_DAY for start, end in periods for minute in range(start, end))


def serving_slots(*, from_s: int, to_s: int, hours: Sequence[ServingHours]) -> Iterator[int]:
    """The slots, by their first second, that lie in [from_s, to_s) and begin in serving hours.

    Where no hours are given, every slot serves.
    """
    zones = [(ZoneInfo(each.zone), each.minutes) for each in hours]
    for slot_s in range(from_s - from_s % SLOT_S, to_s, SLOT_S):
        if not zones or any(_minute(slot_s, zone) in minutes for zone, minutes in zones):
            yield slot_s


def is_listed(*, role: Role, at: datetime, retired_at: datetime | None, revoked_at: datetime | None) -> bool:
    """Whether a key list drafted now still names the key."""
    if revoked_at is not None:
        return at < revoked_at + LISTED_AFTER_REVOCATION
    return retired_at is None or at < retired_at + LISTED_AFTER_RETIREMENT[role]


def is_known_by_now(*, announced_at: datetime, at: datetime) -> bool:
    """Whether terminals had time enough to hear of an announced key."""
    return at >= announced_at + ANNOUNCED_BEFORE_USE


def signs_until(*, role: Role, not_after: datetime, retired_at: datetime | None) -> datetime:
    """The end of a key's window: for code keys, which are judged by when they signed, soon after retirement."""
    if role is not Role.CODE or retired_at is None:
        return not_after
    return min(not_after, retired_at + UNDER_WAY)


def _minute(at_s: int, zone: ZoneInfo) -> int:
    local = datetime.fromtimestamp(at_s, zone)
    return local.hour * 60 + local.minute
