"""QR text from pixels."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
import qrcode
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from devices.drivers.camera import MAX_IMAGE_BYTES, decode_qr
from tests.bench.scan import Sight, frame
from tests.devices import world
from tests.devices.world import NOON_S, Phone


def _picture(text: str, *, box: int = 6) -> Image.Image:
    drawing = qrcode.QRCode(box_size=box, border=4)
    drawing.add_data(text)
    drawing.make(fit=True)
    pixels = np.array(drawing.get_matrix(), dtype=np.uint8)
    return Image.fromarray(np.kron(255 * (1 - pixels), np.ones((box, box), dtype=np.uint8)))


def _bytes(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


CODE = Phone(1).show(NOON_S)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("text", [CODE, world.pre_signed(1, slot_s=NOON_S)])
def test_both_profiles_are_read_from_every_kind_of_picture(form: str, text: str) -> None:
    assert decode_qr(_bytes(_picture(text), form)) == text


@pytest.mark.parametrize("text", ["C1EC A B  C ", "C1EC%%+//  :", " C1EC", "menu: 面条 ¥8"])
def test_spaces_and_signs_come_out_exactly_as_they_went_in(text: str) -> None:
    assert decode_qr(_bytes(_picture(text))) == text


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_every_pixel_form_is_read(mode: str) -> None:
    assert decode_qr(_bytes(_picture(CODE).convert(mode))) == CODE


def test_a_transparent_screenshot_is_read_on_white() -> None:
    dark = _picture(CODE).point(lambda value: 255 - value)
    clear = Image.new("RGBA", dark.size, (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), mask=dark)
    assert decode_qr(_bytes(clear)) == CODE


@pytest.mark.parametrize("turn", [90, 180, 270, 33])
def test_a_turned_phone_is_read(turn: int) -> None:
    assert decode_qr(_bytes(_picture(CODE).rotate(turn, expand=True, fillcolor=255))) == CODE


def test_a_photograph_lying_on_its_side_is_read() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_qr(_bytes(_picture(CODE), "JPEG", exif=exif)) == CODE


def test_a_huge_photograph_is_read() -> None:
    photo = Image.new("L", (6_000, 4_000), 200)
    photo.paste(_picture(CODE, box=30), (1_000, 700))
    assert decode_qr(_bytes(photo, "JPEG")) == CODE


def test_a_code_beside_a_poster_goes_first() -> None:
    both = Image.new("L", (1_000, 500), 255)
    both.paste(_picture("https://example.org"), (10, 10))
    both.paste(_picture(CODE), (500, 20))
    assert decode_qr(_bytes(both)) == CODE


@pytest.mark.parametrize(
    "sight",
    [Sight(2), Sight(6, blur_px=3), Sight(4, noise=50), Sight(5, tilt_deg=45)],
    ids=["small", "blurred", "noisy", "tilted"],
)
def test_a_poor_frame_is_read(sight: Sight) -> None:
    text, data = frame(CODE, sight, seed=3)
    assert decode_qr(data) == text


def _bomb() -> bytes:
    """A PNG head that claims 60,000 × 60,000 pixels."""
    head = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + head + zlib.crc32(head).to_bytes(4, "big")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"RIFF\0\0\0\0WEBPVP8 ",
        _bomb(),
        bytes(MAX_IMAGE_BYTES + 1),
    ],
    ids=["nothing", "gif", "png head", "jpeg head", "webp head", "bomb", "too large"],
)
def test_what_is_no_picture_is_no_code(data: bytes) -> None:
    assert decode_qr(data) is None


def test_a_picture_without_a_code_is_none() -> None:
    assert decode_qr(_bytes(Image.new("RGB", (640, 480), "teal"))) is None
    assert decode_qr(_bytes(Image.new("L", (1, 1)))) is None


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return [_bytes(_picture(CODE, box=2), form) for form in ("PNG", "JPEG", "WEBP")]


@given(which=st.integers(0, 2), at=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_picture_gives_the_text_or_nothing(
    pictures: list[bytes], which: int, at: int, byte: int, *, cut: bool
) -> None:
    data = bytearray(pictures[which])
    at %= len(data)
    data[at] = byte
    assert decode_qr(bytes(data[:at] if cut else data)) in (CODE, None)
