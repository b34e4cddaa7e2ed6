"""Key material at rest: a libsodium secret box under the key-encryption key, bound to what it is for.

The plaintext begins with role, key id and part, so that a row altered in the database (one key's box put in
another's place) does not open.
"""

from __future__ import annotations

from django.conf import settings
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from ecard.codes.errors import SealBroken


def seal_secret(secret: bytes, *, role: str, key_id: int, part: str) -> bytes:
    """The box to store."""
    return bytes(_box().encrypt(_label(role, key_id, part) + secret))


def open_secret(box: bytes | memoryview, *, role: str, key_id: int, part: str) -> bytes:
    """The secret in a stored box. Raises SealBroken."""
    label = _label(role, key_id, part)
    try:
        plain = _box().decrypt(bytes(box))
    except (CryptoError, ValueError) as error:
        raise SealBroken(f"{role} key {key_id}: stored material does not open") from error
    if not plain.startswith(label):
        raise SealBroken(f"{role} key {key_id}: stored material belongs to another key")
    return plain[len(label) :]


def _box() -> SecretBox:
    return SecretBox(settings.ECARD_KEY_ENCRYPTION_KEY)


def _label(role: str, key_id: int, part: str) -> bytes:
    return f"ecard/{role}/{key_id}/{part}\0".encode()
