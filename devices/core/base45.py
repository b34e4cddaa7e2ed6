"""Base45 (RFC 9285), strict: one text for one sequence of bytes, so that altered text never decodes."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
_PAIR = [_ALPHABET[low] + _ALPHABET[high] for high in range(45) for low in range(45)]


def encode(data: bytes) -> str:
    """Two bytes become three characters, a last odd byte two."""
    parts = []
    for at in range(0, len(data) - 1, 2):
        high, rest = divmod(data[at] << 8 | data[at + 1], 2025)
        parts.append(_PAIR[rest] + _ALPHABET[high])
    if len(data) % 2:
        parts.append(_PAIR[data[-1]])
    return "".join(parts)


def decode(text: str) -> bytes:
    """The bytes of `text`. Raises ValueError for a foreign character, a dangling one or an overflowing group."""
    if len(text) % 3 == 1:
        raise ValueError("a base45 text cannot end in a single character")
    try:
        values = [_VALUE[character] for character in text]
    except KeyError as error:
        raise ValueError("not a base45 character") from error
    out = bytearray()
    whole = len(values) - len(values) % 3
    for at in range(0, whole, 3):
        number = values[at] + 45 * values[at + 1] + 2025 * values[at + 2]
        if number > 0xFFFF:
            raise ValueError("a base45 group overflows two bytes")
        out += number.to_bytes(2, "big")
    if whole < len(values):
        number = values[whole] + 45 * values[whole + 1]
        if number > 0xFF:
            raise ValueError("a base45 group overflows one byte")
        out.append(number)
    return bytes(out)
