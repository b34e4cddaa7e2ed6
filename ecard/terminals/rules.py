"""Pure rules: what may be a device's key, which business dates matter, when a terminal counts as silent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

from devices.core.money import MAX_AMOUNT_MINOR
from ecard.terminals.models import CLAIM_WAIT_MS_MAX, STOPS_MAX, DeviceKind, Direction, TerminalMode
from ecard.terminals.values import DeviceSettings

CODE_LIFE = timedelta(minutes=30)
ATTEMPTS_MAX = 5
SILENT_AFTER = timedelta(minutes=2)
STALE_AFTER = timedelta(minutes=15)
"""The first step of the usual age table: from here on a terminal accepts less."""

MODES: dict[DeviceKind, tuple[TerminalMode, ...]] = {
    DeviceKind.CANTEEN: (TerminalMode.TYPED, TerminalMode.FIXED, TerminalMode.PRODUCTS, TerminalMode.IDENTITY),
    DeviceKind.WEIGHING: (TerminalMode.TYPED,),
    DeviceKind.GATE: (TerminalMode.PASS,),
    DeviceKind.BUS: (TerminalMode.FIXED,),
    DeviceKind.CABINET: (TerminalMode.PRODUCTS, TerminalMode.TYPED),
}
"""What a kind of device can ask for, its usual mode first."""

_DATE_MARGIN = timedelta(hours=1)


def is_device_key(public_hex: str) -> bool:
    """Whether this is an Ed25519 public key, in lower-case hex, to which keys can also be sealed."""
    try:
        raw = bytes.fromhex(public_hex)
        VerifyKey(raw).to_curve25519_public_key()
    except (ValueError, CryptoError):
        return False
    return raw.hex() == public_hex


def misfits(*, mode: TerminalMode, fixed_minor: int, device: DeviceSettings) -> Iterator[str]:
    """The fields of a terminal's settings that its kind or mode does not have, or that are beyond their bounds."""
    if mode not in MODES[device.kind]:
        yield "mode"
    if not (0 < fixed_minor <= MAX_AMOUNT_MINOR if mode == TerminalMode.FIXED else fixed_minor == 0):
        yield "fixed_minor"
    weighs, gate, bus = (device.kind == kind for kind in (DeviceKind.WEIGHING, DeviceKind.GATE, DeviceKind.BUS))
    if not (0 < device.per_kg_minor <= MAX_AMOUNT_MINOR if weighs else device.per_kg_minor == 0):
        yield "per_kg_minor"
    if bool(device.line) != bus:
        yield "line"
    if (device.stops and not bus) or len(device.stops) > STOPS_MAX or not all(device.stops):
        yield "stops"
    if not gate and device.direction != Direction.BOTH:
        yield "direction"
    if device.anti_passback and not (gate and device.direction == Direction.BOTH):
        yield "anti_passback"
    if not gate and device.group_ids:
        yield "groups"
    if device.floor_minor is not None and not 0 <= device.floor_minor <= MAX_AMOUNT_MINOR:
        yield "floor_minor"
    if not 0 <= device.claim_wait_ms <= CLAIM_WAIT_MS_MAX:
        yield "claim_wait_ms"


def is_pin(pin: str, *, least: int, most: int) -> bool:
    """Digits, not all alike and not a run such as 123456 or 987654."""
    if not (least <= len(pin) <= most and pin.isascii() and pin.isdigit()):
        return False
    steps = {int(after) - int(before) for before, after in pairwise(pin)}
    return steps not in ({0}, {1}, {-1})


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
