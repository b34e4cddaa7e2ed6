"""A second reader of the code format, written from its layout and the RFCs alone.

It shares no code with devices/: its own base45 (RFC 9285) by arithmetic, its own slicing, its own Ed25519 (RFC 8032,
section 5.1) in plain integers. Slow and simple on purpose: a mistake shared by encoder and decoder of the product
would survive a round trip, but not this. From the standard library it takes SHA-512 and BLAKE2b.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

# --- base45 ---------------------------------------------------------------------------------------------------------

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def base45_to_bytes(text: str) -> bytes:
    """Decode by the RFC's rule: groups of three characters are two bytes, a last pair is one."""
    result: list[int] = []
    position = 0
    while position < len(text):
        group = text[position : position + 3]
        if len(group) == 1:
            raise ValueError("dangling character")
        number = 0
        for power, character in enumerate(group):
            number += ALPHABET.index(character) * 45**power
        width = len(group) - 1
        if number >= 256**width:
            raise ValueError("group too large")
        result.extend(number.to_bytes(width, "big"))
        position += 3
    return bytes(result)


def bytes_to_base45(data: bytes) -> str:
    """Encode by the RFC's rule."""
    text = ""
    for position in range(0, len(data), 2):
        chunk = data[position : position + 2]
        number = int.from_bytes(chunk, "big")
        for _digit in range(len(chunk) + 1):
            text += ALPHABET[number % 45]
            number //= 45
    return text


# --- Ed25519 --------------------------------------------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
"""Extended homogeneous coordinates: X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z."""

NEUTRAL: Point = (0, 1, 1, 0)


def _add(left: Point, right: Point) -> Point:
    a = (left[1] - left[0]) * (right[1] - right[0]) % P
    b = (left[1] + left[0]) * (right[1] + right[0]) % P
    c = 2 * left[3] * right[3] * D % P
    d = 2 * left[2] * right[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(scalar: int, point: Point) -> Point:
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _same(left: Point, right: Point) -> bool:
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def _recover_x(y: int, sign: int) -> int:
    if y >= P:
        raise ValueError("y is not reduced")
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        if sign:
            raise ValueError("no such point")
        return 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P:
        raise ValueError("no such point")
    return P - x if x & 1 != sign else x


def _decompress(data: bytes) -> Point:
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _recover_x(y, number >> 255)
    return x, y, 1, x * y % P


def _compress(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = _recover_x(BASE_Y, 0)
BASE: Point = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def _hash_to_scalar(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def _expand(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    scalar &= (1 << 254) - 8
    scalar |= 1 << 254
    return scalar, digest[32:]


def ed25519_public(seed: bytes) -> bytes:
    """The public key of a 32-byte seed."""
    return _compress(_multiply(_expand(seed)[0], BASE))


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte signature."""
    scalar, prefix = _expand(seed)
    public = _compress(_multiply(scalar, BASE))
    nonce = _hash_to_scalar(prefix, message)
    commitment = _compress(_multiply(nonce, BASE))
    answer = (nonce + _hash_to_scalar(commitment, public, message) * scalar) % ORDER
    return commitment + answer.to_bytes(32, "little")


def ed25519_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is that key's over the message."""
    try:
        key, commitment = _decompress(public), _decompress(signature[:32])
    except ValueError:
        return False
    answer = int.from_bytes(signature[32:], "little")
    if answer >= ORDER:
        return False
    challenge = _hash_to_scalar(signature[:32], public, message)
    return _same(_multiply(answer, BASE), _add(commitment, _multiply(challenge, key)))


# --- the code -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decoded:
    """Every field of a code, in units a reader of the layout would expect: seconds and minor units."""

    kind: int
    key_id: int
    not_before_s: int
    valid_s: int
    code_id: bytes
    account_ref: int
    issued_at_s: int
    per_sale_minor: int
    offline_minor: int
    max_sales: int
    price_class: int
    rights: int
    phone_public: bytes
    shown_at_s: int
    challenge: int
    id_is_own: bool


def decode_code(text: str, *, institution: str, issuer_public: bytes, sealing_key: bytes, id_key: bytes) -> Decoded:
    """Read and verify a code; ValueError for anything that does not hold."""
    prefix = text[:4]
    if prefix != "C1" + institution:
        raise ValueError("prefix")
    data = base45_to_bytes(text[4:])
    kind = data[0]
    if (kind, len(data)) not in {(0xE1, 100), (0xE2, 204)}:
        raise ValueError("kind or length")
    body_length = 36 if kind == 0xE1 else 68
    body, signature = data[:body_length], data[body_length : body_length + 64]
    if not ed25519_holds(issuer_public, b"ecard/code/1/issuer\x00" + prefix.encode("ascii") + body, signature):
        raise ValueError("issuer's signature")
    code_id = data[8:16]
    stream = hashlib.blake2b(code_id, key=sealing_key, digest_size=20).digest()
    plain = bytes(left ^ right for left, right in zip(data[16:36], stream, strict=True))
    phone_public, shown_at_s, challenge, own = b"", 0, 0, False
    if kind == 0xE2:
        phone_public, moment = data[36:68], data[132:140]
        if not ed25519_holds(phone_public, b"ecard/code/1/moment\x00" + code_id + moment, data[140:204]):
            raise ValueError("phone's signature")
        shown_at_s, challenge = int.from_bytes(moment[:4], "big"), int.from_bytes(moment[4:], "big")
    else:
        named = b"ecard/code/1/id\x00" + prefix.encode("ascii") + data[:8] + plain
        own = hashlib.blake2b(named, key=id_key, digest_size=8).digest() == code_id
    return Decoded(
        kind=kind,
        key_id=data[1],
        not_before_s=int.from_bytes(data[2:6], "big"),
        valid_s=int.from_bytes(data[6:8], "big") * (1 if kind == 0xE1 else 60),
        code_id=code_id,
        account_ref=int.from_bytes(plain[0:8], "big"),
        issued_at_s=int.from_bytes(plain[8:12], "big"),
        per_sale_minor=int.from_bytes(plain[12:14], "big") * 100,
        offline_minor=int.from_bytes(plain[14:16], "big") * 100,
        max_sales=plain[16],
        price_class=plain[17],
        rights=int.from_bytes(plain[18:20], "big"),
        phone_public=phone_public,
        shown_at_s=shown_at_s,
        challenge=challenge,
        id_is_own=own,
    )
