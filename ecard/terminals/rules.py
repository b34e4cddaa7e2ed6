"""Pure rules: what may be a device's key, which business dates matter, when a terminal counts as silent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

CODE_LIFE = timedelta(minutes=30)
ATTEMPTS_MAX = 5
SILENT_AFTER = timedelta(minutes=2)
STALE_AFTER = timedelta(minutes=15)
"""The first step of the usual age table: from here on a terminal accepts less."""

_DATE_MARGIN = timedelta(hours=1)


def is_device_key(public_hex: str) -> bool:
    """Whether this is an Ed25519 public key, in lower-case hex, to which keys can also be sealed."""
    try:
        raw = bytes.fromhex(public_hex)
        VerifyKey(raw).to_curve25519_public_key()
    except (ValueError, CryptoError):
        return False
    return raw.hex() == public_hex


def printable(text: str) -> str:
    """What a device says of itself, without what a database or a page could stumble over."""
    return "".join(character for character in text if character.isprintable())


def business_dates(at: datetime, *, days: Iterable[tuple[str, int]]) -> tuple[date, ...]:
    """The business dates a terminal may be living in until it hears of the next change.

    `days` are (zone, first minute of the business day). Today's, tomorrow's, since a row is sent only when it
    changes, and yesterday's while a terminal's clock may still be in it.
    """
    dates: set[date] = set()
    for zone, starts_minute in days:
        local = at.astimezone(ZoneInfo(zone)) - timedelta(minutes=starts_minute)
        dates.update({(local - _DATE_MARGIN).date(), local.date(), local.date() + timedelta(days=1)})
    return tuple(sorted(dates))
