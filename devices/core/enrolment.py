"""The one-time enrolment code: ten secret characters and five that are a fingerprint of the institution's root key.

Typed as 7K2QF-0M4XN-A9C3E, in Crockford's alphabet (no I, L, O, U; what looks alike is read alike). The device sends
only `secret_of(code)` and keeps the last five: a false server that answers cannot know which root it must present,
and has one guess in 2**25. `matches_root` is asked before anything the server says is kept.

As a QR text: "ECE1 " + typed code + " " + the server's address.
"""

from hashlib import blake2b
from hmac import compare_digest

import msgspec

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SECRET_CHARACTERS = 10
HANDLE_CHARACTERS = 4
"""The first characters of the secret find the server's row; wrong guesses at the rest are counted there."""
FINGERPRINT_CHARACTERS = 5
SECRETS = 32**SECRET_CHARACTERS
QR_PREFIX = "ECE1"
MAX_QR_CHARACTERS = 300
ROOT_FINGERPRINT_DOMAIN = b"ecard/root-fingerprint/1\0"

_GROUP = 5
_READ_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": "", "\t": "", "—": "", "–": ""})


class NotAnEnrolmentCode(ValueError):
    """What was typed or scanned is no enrolment code; `args[0]` says what is accepted."""


class Invitation(msgspec.Struct, frozen=True):
    """What the QR picture of an enrolment code says."""

    server: str
    code: str


def make(*, secret: int, root_public: bytes) -> str:
    """The typed form. `secret` is a random number below SECRETS."""
    if not 0 <= secret < SECRETS:
        raise ValueError("the secret is out of range")
    return _grouped(_characters(secret, SECRET_CHARACTERS) + fingerprint(root_public))


def normalise(typed: str) -> str:
    """The fifteen characters of what a person typed, or ten where only the secret was given.

    Raises NotAnEnrolmentCode.
    """
    text = typed.strip().upper().translate(_READ_ALIKE)
    if len(text) not in (SECRET_CHARACTERS, SECRET_CHARACTERS + FINGERPRINT_CHARACTERS) or not set(text) <= set(
        ALPHABET
    ):
        raise NotAnEnrolmentCode("an enrolment code looks like 7K2QF-0M4XN-A9C3E")
    return text


def parse(typed: str) -> str:
    """A whole code in its written form, like 7K2QF-0M4XN-A9C3E. Raises NotAnEnrolmentCode."""
    text = normalise(typed)
    if len(text) != SECRET_CHARACTERS + FINGERPRINT_CHARACTERS:
        raise NotAnEnrolmentCode("an enrolment code has three groups of five characters")
    return _grouped(text)


def read(text: str) -> str:
    """The written form of a code, whether it was typed or its picture scanned. Raises NotAnEnrolmentCode."""
    return parse_qr(text).code if text.startswith(f"{QR_PREFIX} ") else parse(text)


def secret_of(typed: str) -> str:
    """The ten characters that the server is sent. Raises NotAnEnrolmentCode."""
    return normalise(typed)[:SECRET_CHARACTERS]


def matches_root(typed: str, *, root_public: bytes) -> bool:
    """Whether the root key that a server hands out is the one this code was made for. Raises NotAnEnrolmentCode."""
    return compare_digest(parse(typed).replace("-", "")[SECRET_CHARACTERS:], fingerprint(root_public))


def fingerprint(root_public: bytes) -> str:
    """Five characters, 25 bits, of a root key."""
    digest = blake2b(ROOT_FINGERPRINT_DOMAIN + root_public, digest_size=4).digest()
    return _characters(int.from_bytes(digest, "big") >> 7, FINGERPRINT_CHARACTERS)


def qr_text(invitation: Invitation) -> str:
    """What the QR picture holds."""
    return f"{QR_PREFIX} {parse(invitation.code)} {invitation.server}"


def parse_qr(text: str) -> Invitation:
    """Read a scanned picture. Raises NotAnEnrolmentCode."""
    parts = text.split(" ")
    if len(text) > MAX_QR_CHARACTERS or len(parts) != 3 or parts[0] != QR_PREFIX:
        raise NotAnEnrolmentCode("this is not the QR of an enrolment")
    if not parts[2].startswith(("http://", "https://")):
        raise NotAnEnrolmentCode("the server's address is missing")
    return Invitation(server=parts[2].rstrip("/"), code=parse(parts[1]))


def _characters(number: int, count: int) -> str:
    return "".join(ALPHABET[number >> (5 * place) & 31] for place in reversed(range(count)))


def _grouped(text: str) -> str:
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
