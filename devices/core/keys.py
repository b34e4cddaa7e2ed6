"""The key list: which public keys a terminal may believe, for what, and when; signed by the offline root.

Wire form: b"ECK1", 64-byte root signature over KEY_LIST_DOMAIN + body, body (JSON of KeyList).
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from devices.core.signing import KEY_LIST_DOMAIN, SIGNATURE_BYTES, SigningKey, verifies
from devices.core.wire import MALFORMED

MAGIC = b"ECK1"
MAX_KEYS = 64
MAX_BYTES = 64 * 1024


class Role(StrEnum):
    """What a key may sign; a key never signs for two roles."""

    CODE = "code"
    SNAPSHOT = "snapshot"
    RELEASE = "release"


class PublicKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One public key. `key_id` is unique within its role (0..255). A revoked key is refused from the next sync."""

    key_id: Annotated[int, msgspec.Meta(ge=0, le=255)]
    role: Role
    public: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    not_before_s: int
    not_after_s: int
    revoked: bool = False


class KeyList(msgspec.Struct, frozen=True):
    """Numbered: a terminal never goes back to a lower number."""

    number: int
    institution: str
    issued_at_s: int
    keys: Annotated[tuple[PublicKey, ...], msgspec.Meta(max_length=MAX_KEYS)]

    def find(self, role: Role, key_id: int) -> PublicKey | None:
        """The key of that role and id, whatever its window or state."""
        for key in self.keys:
            if key.role is role and key.key_id == key_id:
                return key
        return None


class KeyListError(ValueError):
    """The list is not the pinned root's, is older than the one held, or is not of our institution."""


def sign_key_list(key_list: KeyList, *, root: SigningKey) -> bytes:
    """The wire form, made where the root key lives."""
    return sign_body(msgspec.json.encode(key_list), root=root)


def sign_body(body: bytes, *, root: SigningKey) -> bytes:
    """The wire form of a list that was drafted elsewhere: its bytes are signed as they are."""
    return MAGIC + root.sign(KEY_LIST_DOMAIN, body) + body


def signed_body(data: bytes) -> bytes:
    """The part of a wire form that the root signed; not verified here."""
    return data[len(MAGIC) + SIGNATURE_BYTES :]


def open_key_list(data: bytes, *, root_public: bytes, institution: str, held_number: int = 0) -> KeyList:
    """Verify and read a key list. Raises KeyListError; accepts the held number again."""
    start = len(MAGIC) + SIGNATURE_BYTES
    if len(data) > MAX_BYTES or data[: len(MAGIC)] != MAGIC:
        raise KeyListError("not a key list")
    body = signed_body(data)
    signature = data[len(MAGIC) : start]
    if not verifies(public=root_public, domain=KEY_LIST_DOMAIN, message=body, signature=signature):
        raise KeyListError("not signed by the pinned root")
    try:
        key_list = msgspec.json.decode(body, type=KeyList)
    except MALFORMED as error:
        raise KeyListError(str(error)) from error
    if key_list.institution != institution:
        raise KeyListError("a key list of another institution")
    if key_list.number < held_number:
        raise KeyListError(f"key list {key_list.number} is older than {held_number}, the one held")
    return key_list
