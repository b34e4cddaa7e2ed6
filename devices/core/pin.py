"""A supervisor's PIN, as terminals check it with no network: a slow hash under a salt, itself sealed on disk."""

import hmac
from hashlib import scrypt

SALT_BYTES = 16
HASH_BYTES = 32
MIN_DIGITS, MAX_DIGITS = 6, 10
_N, _R, _P = 1 << 14, 8, 1
"""About 50 ms and 16 MB on a small device: a person does not notice, a million PINs take half a day."""


class BadPin(ValueError):
    """Not a PIN: whoever chose it."""


def hash_of(pin: str, *, salt: bytes) -> bytes:
    """Raises BadPin."""
    if not (MIN_DIGITS <= len(pin) <= MAX_DIGITS and pin.isascii() and pin.isdigit()):
        raise BadPin(f"a PIN has {MIN_DIGITS} to {MAX_DIGITS} digits")
    return scrypt(pin.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=HASH_BYTES)


def holds(pin: str, *, salt: bytes, pin_hash: bytes) -> bool:
    """Whether this is the PIN."""
    try:
        return hmac.compare_digest(hash_of(pin, salt=salt), pin_hash)
    except BadPin:
        return False
