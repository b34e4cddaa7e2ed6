"""The offline payment code, format 1: byte layout, encode, decode, and the checks that need no state.

Integers are big-endian. Times are unix seconds. Offsets in bytes:

    0   1  kind: 0xE1 pre-signed, 0xE2 device-bound
    1   1  issuer key id
    2   4  not before
    6   2  validity, in seconds (0xE1) or minutes (0xE2)
    8   8  code id; 0xE1: BLAKE2b-8(key = server's id key, CODE_ID_DOMAIN + prefix + bytes 0..8 + sealed plaintext);
           0xE2: random
    16  20 sealed = plaintext XOR BLAKE2b-20(key = sealing key, code id), plaintext being
           0 8 account ref | 8 4 issued at | 12 2 per-sale limit | 14 2 offline limit | 16 1 max sales
           17 1 price class | 18 2 rights            (limits in units of 100 minor)
    36  32 0xE2 only: the phone's Ed25519 public key of the day
    ..  64 issuer's Ed25519 signature over CODE_DOMAIN + prefix + all bytes before it
    ..  72 0xE2 only: 4 time shown, 4 terminal challenge (0 = none), 64 the phone's Ed25519 signature over
           MOMENT_DOMAIN + code id + time shown + challenge

0xE1 is 100 bytes, 0xE2 is 204. The text is a prefix of four characters ("C1" and the institution's two) and the
bytes in base45 (RFC 9285), all within QR alphanumeric mode. Spaces inside are significant.
"""

import struct
from hashlib import blake2b
from hmac import compare_digest

import msgspec

from devices.core import base45
from devices.core.signing import (
    CODE_DOMAIN,
    CODE_ID_DOMAIN,
    MOMENT_DOMAIN,
    PUBLIC_BYTES,
    SIGNATURE_BYTES,
    SigningKey,
    verifies,
)

FORMAT = "C1"
PREFIX_LENGTH = 4
PRE_SIGNED = 0xE1
DEVICE_BOUND = 0xE2
LIMIT_UNIT_MINOR = 100
MAX_LIMIT_MINOR = 0xFFFF * LIMIT_UNIT_MINOR

CODE_ID_BYTES = 8
SEALED_BYTES = 20
PRE_SIGNED_BYTES = 100
CREDENTIAL_BYTES = 132
"""A device-bound code without its moment: what the server signs and the phone keeps."""
MOMENT_BYTES = 72
DEVICE_BOUND_BYTES = CREDENTIAL_BYTES + MOMENT_BYTES

_INSTITUTION = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CLEAR = struct.Struct(">BBIH")
_SEALED = struct.Struct(">QIHHBBH")
_MOMENT = struct.Struct(">II")


class Grant(msgspec.Struct, frozen=True):
    """The sealed part: who, and what this code may do where nobody can be asked. Limits are whole units of 100."""

    account_ref: int
    issued_at_s: int
    per_sale_minor: int
    offline_minor: int
    max_sales: int
    price_class: int
    rights: int = 0


class Code(msgspec.Struct, frozen=True):
    """A parsed code. Nothing in it is to be believed before `issuer_signed` and `moment_signed`."""

    prefix: str
    kind: int
    key_id: int
    not_before_s: int
    valid_s: int
    code_id: bytes
    sealed: bytes
    body: bytes
    signature: bytes
    phone_public: bytes = b""
    shown_at_s: int = 0
    challenge: int = 0
    moment_signature: bytes = b""

    @property
    def not_after_s(self) -> int:
        """The first second at which the code is no longer valid."""
        return self.not_before_s + self.valid_s

    @property
    def institution(self) -> str:
        """The two characters that name the issuing institution."""
        return self.prefix[2:]


class NotACode(ValueError):
    """The scanned text is no payment code at all (a poster, a web address): nobody's fault."""


class OtherInstitution(ValueError):
    """A well-formed prefix of another institution; `institution` names it."""

    def __init__(self, institution: str) -> None:
        super().__init__(institution)
        self.institution = institution


class DamagedCode(ValueError):
    """It has our prefix but not our form: altered, truncated, or of a kind this release does not know."""


def prefix_for(institution: str) -> str:
    """The four-character prefix of an institution's codes. Raises ValueError for an unusable institution id."""
    if len(institution) != 2 or not set(institution) <= _INSTITUTION:
        raise ValueError("an institution id is two characters of 0-9 and A-Z")
    return FORMAT + institution


def seal(grant: Grant, *, sealing_key: bytes, code_id: bytes) -> bytes:
    """The 20 sealed bytes of `grant`."""
    return _xor(_plain(grant), _keystream(sealing_key, code_id))


def unseal(sealed: bytes, *, sealing_key: bytes, code_id: bytes) -> Grant:
    """The grant inside `sealed`. Sealing hides and does not authenticate: check the signature as well."""
    ref, issued, per_sale, offline, sales, price_class, rights = _SEALED.unpack(
        _xor(sealed, _keystream(sealing_key, code_id))
    )
    return Grant(ref, issued, per_sale * LIMIT_UNIT_MINOR, offline * LIMIT_UNIT_MINOR, sales, price_class, rights)


def pre_signed_code_id(*, prefix: str, clear: bytes, grant: Grant, id_key: bytes) -> bytes:
    """The MAC that names a pre-signed code; `clear` is its first 8 bytes."""
    message = CODE_ID_DOMAIN + prefix.encode() + clear + _plain(grant)
    return blake2b(message, key=id_key, digest_size=CODE_ID_BYTES).digest()


def sign_pre_signed(
    *,
    institution: str,
    key_id: int,
    not_before_s: int,
    valid_s: int,
    grant: Grant,
    issuer: SigningKey,
    sealing_key: bytes,
    id_key: bytes,
) -> str:
    """One pre-signed code (0xE1) as text."""
    prefix = prefix_for(institution)
    clear = _CLEAR.pack(PRE_SIGNED, key_id, not_before_s, valid_s)
    code_id = pre_signed_code_id(prefix=prefix, clear=clear, grant=grant, id_key=id_key)
    body = clear + code_id + seal(grant, sealing_key=sealing_key, code_id=code_id)
    return prefix + base45.encode(body + issuer.sign(CODE_DOMAIN + prefix.encode(), body))


def sign_credential(
    *,
    institution: str,
    key_id: int,
    not_before_s: int,
    valid_min: int,
    code_id: bytes,
    grant: Grant,
    phone_public: bytes,
    issuer: SigningKey,
    sealing_key: bytes,
) -> bytes:
    """The 132 bytes a phone keeps for one day (0xE2 without its moment)."""
    if len(code_id) != CODE_ID_BYTES or len(phone_public) != PUBLIC_BYTES:
        raise ValueError("a credential needs an 8-byte code id and a 32-byte phone key")
    clear = _CLEAR.pack(DEVICE_BOUND, key_id, not_before_s, valid_min)
    body = clear + code_id + seal(grant, sealing_key=sealing_key, code_id=code_id) + phone_public
    return body + issuer.sign(CODE_DOMAIN + prefix_for(institution).encode(), body)


def show(credential: bytes, *, institution: str, shown_at_s: int, phone: SigningKey, challenge: int = 0) -> str:
    """What the phone draws: the credential and a signed moment, as text."""
    moment = _MOMENT.pack(shown_at_s, challenge)
    signature = phone.sign(MOMENT_DOMAIN, credential[8:16] + moment)
    return prefix_for(institution) + base45.encode(credential + moment + signature)


def parse(text: str, *, institution: str) -> Code:
    """Read a scanned text. Raises NotACode, OtherInstitution or DamagedCode; verifies nothing."""
    if len(text) < PREFIX_LENGTH or not text.startswith(FORMAT):
        raise NotACode
    prefix = text[:PREFIX_LENGTH]
    if prefix != prefix_for(institution):
        if not set(prefix) <= _INSTITUTION:
            raise NotACode
        raise OtherInstitution(prefix[2:])
    if len(text) > PREFIX_LENGTH + (DEVICE_BOUND_BYTES * 3 + 1) // 2:
        raise DamagedCode("too long")
    try:
        data = base45.decode(text[PREFIX_LENGTH:])
    except ValueError as error:
        raise DamagedCode(str(error)) from error
    return from_bytes(data, prefix=prefix)


def from_bytes(data: bytes, *, prefix: str) -> Code:
    """Split the bytes of a code into fields. Raises DamagedCode."""
    if not (
        (len(data) == PRE_SIGNED_BYTES and data[0] == PRE_SIGNED)
        or (len(data) == DEVICE_BOUND_BYTES and data[0] == DEVICE_BOUND)
    ):
        raise DamagedCode("unknown kind or wrong length")
    kind, key_id, not_before_s, validity = _CLEAR.unpack_from(data)
    if kind == PRE_SIGNED:
        return Code(
            prefix,
            kind,
            key_id,
            not_before_s,
            validity,
            data[8:16],
            data[16:36],
            body=data[:36],
            signature=data[36:],
        )
    shown_at_s, challenge = _MOMENT.unpack_from(data, CREDENTIAL_BYTES)
    signed = CREDENTIAL_BYTES - SIGNATURE_BYTES
    return Code(
        prefix,
        kind,
        key_id,
        not_before_s,
        validity * 60,
        data[8:16],
        data[16:36],
        body=data[:signed],
        signature=data[signed:CREDENTIAL_BYTES],
        phone_public=data[36:68],
        shown_at_s=shown_at_s,
        challenge=challenge,
        moment_signature=data[CREDENTIAL_BYTES + 8 :],
    )


def issuer_signed(code: Code, *, issuer_public: bytes) -> bool:
    """Whether the issuer's signature holds."""
    return verifies(
        public=issuer_public,
        domain=CODE_DOMAIN + code.prefix.encode(),
        message=code.body,
        signature=code.signature,
    )


def moment_signed(code: Code) -> bool:
    """Whether the phone's signature over the moment holds; True for a pre-signed code, which has none."""
    if code.kind == PRE_SIGNED:
        return True
    message = code.code_id + _MOMENT.pack(code.shown_at_s, code.challenge)
    return verifies(public=code.phone_public, domain=MOMENT_DOMAIN, message=message, signature=code.moment_signature)


def is_own_pre_signed(code: Code, *, grant: Grant, id_key: bytes) -> bool:
    """The server's cheap check of an uploaded pre-signed code: its id is our MAC over its content."""
    expected = pre_signed_code_id(prefix=code.prefix, clear=code.body[:8], grant=grant, id_key=id_key)
    return compare_digest(expected, code.code_id)


def _plain(grant: Grant) -> bytes:
    per_sale, per_sale_rest = divmod(grant.per_sale_minor, LIMIT_UNIT_MINOR)
    offline, offline_rest = divmod(grant.offline_minor, LIMIT_UNIT_MINOR)
    if per_sale_rest or offline_rest:
        raise ValueError(f"limits in a code are whole multiples of {LIMIT_UNIT_MINOR} minor")
    return _SEALED.pack(
        grant.account_ref,
        grant.issued_at_s,
        per_sale,
        offline,
        grant.max_sales,
        grant.price_class,
        grant.rights,
    )


def _keystream(sealing_key: bytes, code_id: bytes) -> bytes:
    return blake2b(code_id, key=sealing_key, digest_size=SEALED_BYTES).digest()


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(SEALED_BYTES, "big")
