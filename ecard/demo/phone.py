"""A cardholder's phone in the rush: a key and a credential for each day, a fresh picture for each tap."""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass, field

import qrcode
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M

from devices.core.code import show
from devices.core.signing import SEED_BYTES, SigningKey

MODULE_PX = 5
QUIET_MODULES = 4
# Choosing the best of eight masks takes eight times as long, and any mask is read.
MASK = 2


@dataclass(frozen=True, slots=True)
class DayCode:
    """The 132 signed bytes of one day, and the key they were signed for."""

    credential: bytes = field(repr=False)
    not_before_s: int
    key: SigningKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Phone:
    """`days` in order of date, as fetched ahead."""

    institution: str
    days: tuple[DayCode, ...]

    def picture(self, *, at_s: int) -> bytes:
        """The code as this phone draws it at that second, as PNG."""
        day = max((each for each in self.days if each.not_before_s <= at_s), key=lambda each: each.not_before_s)
        return draw(show(day.credential, institution=self.institution, shown_at_s=at_s, phone=day.key))


def new_key() -> SigningKey:
    """A phone's key for one day."""
    return SigningKey(secrets.token_bytes(SEED_BYTES))


def draw(text: str) -> bytes:
    """A QR code of `text` as PNG, error correction M."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, mask_pattern=MASK, border=0)
    code.add_data(text, optimize=0)
    code.make(fit=True)
    rows = code.get_matrix()
    size = len(rows)
    small = Image.frombytes("L", (size, size), bytes(0 if dark else 255 for row in rows for dark in row))
    whole = size + 2 * QUIET_MODULES
    page = Image.new("L", (whole, whole), 255)
    page.paste(small, (QUIET_MODULES, QUIET_MODULES))
    stream = io.BytesIO()
    page.resize((whole * MODULE_PX, whole * MODULE_PX), Image.Resampling.NEAREST).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
