"""Cards known by their number alone (UID cards): what terminals keep and send is a keyed hash of it, never the number.

A number is no secret and can be copied: such a card proves little, so its limits come from the snapshot only. The name
is base64url(BLAKE2b-16(card key, CARD_DOMAIN + number)), 22 characters; as evidence it stands behind "U1".
"""

from base64 import urlsafe_b64encode
from hashlib import blake2b

CARD_DOMAIN = b"ecard.card.v1\0"
KEY_BYTES = 32
NAME_CHARACTERS = 22
FORMAT = "U1"
MIN_UID_BYTES, MAX_UID_BYTES = 4, 10
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class NotAUid(ValueError):
    """No number that a card has: the reader, or whoever typed it."""


def name_of(uid: bytes, *, card_key: bytes) -> str:
    """The name by which a card is known. Raises NotAUid."""
    if not MIN_UID_BYTES <= len(uid) <= MAX_UID_BYTES:
        raise NotAUid(f"a card's number has {MIN_UID_BYTES} to {MAX_UID_BYTES} bytes, not {len(uid)}")
    digest = blake2b(CARD_DOMAIN + uid, key=card_key, digest_size=16).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def evidence_of(name: str) -> str:
    """What a record of a tapped card carries."""
    return FORMAT + name


def read_evidence(text: str) -> str | None:
    """The card's name in a record's evidence; None where the evidence is something else."""
    name = text[len(FORMAT) :]
    return name if text.startswith(FORMAT) and len(name) == NAME_CHARACTERS and set(name) <= _ALPHABET else None
