"""Card numbers as desk readers type them, and whose a card was when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from ecard.media.errors import ChangingNumber, NotACardNumber
from ecard.media.values import Binding, Standing, Stood

CARDS_MOST = 4
"""Cards of one person in use at a time: a snapshot carries each."""
UID_BYTES = (4, 7, 8, 10)
DECIMAL_DIGITS = 10
RANDOM_FIRST_BYTE = 0x08
"""ISO 14443-3: a four-byte number that begins so is drawn anew each time."""
TYPED_LENGTH_MAX = 64
BOUND_BEFORE = timedelta(minutes=1)
_BETWEEN = str.maketrans("", "", " :-")


class Order(StrEnum):
    """In which order a desk's reader types the bytes of a number."""

    AS_READ = "as_read"
    REVERSED = "reversed"


def uid_of(typed: str, *, order: Order = Order.AS_READ) -> bytes:
    """The number in what a reader typed: hexadecimal, with or without separators, or ten decimal digits (four bytes,
    the most significant first). Raises NotACardNumber, ChangingNumber.
    """
    digits = typed.strip().translate(_BETWEEN)
    if len(digits) == DECIMAL_DIGITS and digits.isascii() and digits.isdecimal():
        number = int(digits)
        if number >> 32:
            raise NotACardNumber("a decimal number of more than four bytes")
        uid = number.to_bytes(4, "big")
    else:
        try:
            uid = bytes.fromhex(digits)
        except ValueError as error:
            raise NotACardNumber("neither hexadecimal nor ten decimal digits") from error
    if order is Order.REVERSED:
        uid = uid[::-1]
    if len(uid) not in UID_BYTES or not any(uid):
        raise NotACardNumber(f"a number has {UID_BYTES} bytes, not {len(uid)}")
    if len(uid) == UID_BYTES[0] and uid[0] == RANDOM_FIRST_BYTE:
        raise ChangingNumber("a number that is drawn anew at each tap")
    return uid


def stood(bindings: Sequence[Binding], *, account_ref: int, at: datetime) -> Stood:
    """What the card of these bindings was to the account at that moment.

    Whoever else held it then is the one who tapped. A binding counts BOUND_BEFORE early: terminals cut the second off,
    and their clocks may run behind.
    """
    begun = [each for each in bindings if each.bound_at - BOUND_BEFORE <= at]
    live = [each for each in begun if each.stopped_at is None or at < each.stopped_at]
    mine = [each for each in begun if each.account_ref == account_ref]
    held = next((each for each in reversed(live) if each.account_ref == account_ref), None)
    if held is not None:
        return Stood(Standing.HELD, held.card_id)
    if live:
        return Stood(Standing.OTHER_ACCOUNT, live[-1].card_id)
    if mine:
        last = mine[-1]
        return Stood(Standing.REPLACED if last.replaced else Standing.STOPPED, last.card_id)
    other = next((each for each in reversed(bindings) if each.account_ref != account_ref), None)
    return Stood(Standing.UNKNOWN) if other is None else Stood(Standing.OTHER_ACCOUNT, other.card_id)
