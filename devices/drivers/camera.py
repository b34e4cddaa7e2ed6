"""QR text from the pixels of a camera frame, a screenshot or a photograph (extra `camera`)."""

import io
import struct
import zlib
from collections.abc import Iterator

from devices.core.code import FORMAT
from devices.drivers.extras import MissingExtra
from devices.drivers.scanner import MAX_TEXT

try:
    import zxingcpp
    from PIL import Image, ImageFilter, ImageOps
except ImportError as error:
    raise MissingExtra("camera", needs="zxing-cpp or pillow") from error

MAX_IMAGE_BYTES = 16 * 1024 * 1024
MAX_PIXELS = 50_000_000
WORK_SIDE = 1_800
"""A picture is worked on at no more than this: a code that fills a tenth of it still has 3 pixels a module."""
SMALL_SIDE = 900
READABLE = ("PNG", "JPEG", "WEBP")

_FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_BAD_PICTURE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    OverflowError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow is known to raise for damaged files."""


def decode_qr(image_bytes: bytes, *, thorough: bool = True) -> str | None:
    """The text of the QR code in a PNG, JPEG or WebP, exactly as encoded; None where there is no picture or no code.

    Of several codes a payment code goes first. `thorough` False skips the costly tries, for one frame of many.
    """
    if not 0 < len(image_bytes) <= MAX_IMAGE_BYTES:
        return None
    try:
        picture = _open(image_bytes)
    except _BAD_PICTURE:
        return None
    if picture is None:
        return None
    tries = _tries(picture)
    for attempt, binarizer in tries if thorough else [next(tries)]:
        text = _read(attempt, binarizer)
        if text is not None:
            return text
    return None


def _open(data: bytes) -> Image.Image | None:
    """Upright, grey, on white, and no larger than useful."""
    with Image.open(io.BytesIO(data), formats=READABLE) as found:
        width, height = found.size
        if width * height > MAX_PIXELS:
            return None
        found.draft("L", (WORK_SIDE, WORK_SIDE))
        upright = ImageOps.exif_transpose(found)
        if "A" in upright.getbands() or "transparency" in upright.info:
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        grey = upright.convert("L")
    grey.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BILINEAR)
    return grey


def _tries(picture: Image.Image) -> Iterator[tuple[Image.Image, zxingcpp.Binarizer]]:
    """From the cheapest to the most patient: as it is, evenly lit, smoothed of noise, enlarged, sharpened."""
    yield picture, zxingcpp.Binarizer.LocalAverage
    yield picture, zxingcpp.Binarizer.GlobalHistogram
    yield picture.filter(ImageFilter.MedianFilter(3)), zxingcpp.Binarizer.LocalAverage
    if max(picture.size) <= SMALL_SIDE:
        picture = picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.BICUBIC)
        yield picture, zxingcpp.Binarizer.LocalAverage
    sharp = ImageOps.autocontrast(picture, cutoff=1).filter(ImageFilter.UnsharpMask(radius=3, percent=250))
    yield sharp, zxingcpp.Binarizer.LocalAverage


def _read(picture: Image.Image, binarizer: zxingcpp.Binarizer) -> str | None:
    found = zxingcpp.read_barcodes(
        picture,
        formats=_FORMATS,
        binarizer=binarizer,
        text_mode=zxingcpp.TextMode.Plain,
    )
    texts = [code.text for code in found if code.text and len(code.text) <= MAX_TEXT]
    return next((text for text in texts if text.startswith(FORMAT)), texts[0] if texts else None)
