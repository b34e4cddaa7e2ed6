"""Pixels → text: how long, and how often the first frame is read, at stated size, blur, noise and perspective."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, radians, sin
from statistics import median

import numpy as np
import qrcode
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from qrcode.constants import ERROR_CORRECT_M

from devices.drivers.camera import decode_qr
from tests.bench.figures import Figure
from tests.devices.world import NOON_S, Phone

NAME = "scan"
FRAME = (1280, 720)
FRAMES = 60
RUNS = 3
CAMERA_DISTANCE = 2.5
"""In widths of the code."""


@dataclass(frozen=True)
class Sight:
    """One way to see a code: pixels a module, blur radius in pixels, noise as a standard deviation of 255, tilt."""

    module_px: float
    blur_px: float = 0.0
    noise: float = 0.0
    tilt_deg: float = 0.0


SIGHTS = {
    "scan.rate.size_3px": Sight(3),
    "scan.rate.size_2px": Sight(2),
    "scan.rate.size_1.5px": Sight(1.5),
    "scan.rate.blur_2px_at_6px": Sight(6, blur_px=2),
    "scan.rate.blur_3px_at_6px": Sight(6, blur_px=3),
    "scan.rate.blur_4px_at_6px": Sight(6, blur_px=4),
    "scan.rate.noise_25_at_4px": Sight(4, noise=25),
    "scan.rate.noise_50_at_4px": Sight(4, noise=50),
    "scan.rate.noise_80_at_4px": Sight(4, noise=80),
    "scan.rate.tilt_45deg_at_5px": Sight(5, tilt_deg=45),
    "scan.rate.tilt_60deg_at_5px": Sight(5, tilt_deg=60),
    "scan.rate.all_at_5px": Sight(5, blur_px=1.2, noise=15, tilt_deg=20),
}


def run(*, scale: float = 1.0) -> list[Figure]:
    """Rates stand beside a single plain try of the decoder; the time beside the bare decoder on decoded pixels."""
    count = max(5, int(FRAMES * scale))
    figures = [_decode_time(count)]
    for name, sight in SIGHTS.items():
        frames = [frame(text, sight, seed=number) for number, text in enumerate(_texts(count))]
        read = _share(frames, lambda data: decode_qr(data))
        plain = _share(frames, lambda data: decode_qr(data, thorough=False))
        figures.append(Figure(name=name, value=read, unit="share", baseline=plain))
    return figures


def frame(text: str, sight: Sight, *, seed: int) -> tuple[str, bytes]:
    """The text and a JPEG camera frame that shows it, placed and turned at random."""
    chance = np.random.default_rng(seed)
    code = _drawn(text, sight)
    if sight.tilt_deg:
        code = _tilted(code, sight.tilt_deg)
    code = code.rotate(float(chance.uniform(-12, 12)), expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    picture = Image.new("L", FRAME, 205)
    room = (max(1, FRAME[0] - code.width), max(1, FRAME[1] - code.height))
    picture.paste(code, (int(chance.integers(room[0])), int(chance.integers(room[1]))))
    if sight.blur_px:
        picture = picture.filter(ImageFilter.GaussianBlur(sight.blur_px))
    pixels = np.asarray(picture, dtype=np.float32)
    if sight.noise:
        pixels = pixels + chance.normal(0, sight.noise, pixels.shape).astype(np.float32)
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return text, out.getvalue()


def _texts(count: int) -> list[str]:
    return [Phone(account_ref).show(NOON_S + account_ref) for account_ref in range(1, count + 1)]


def _drawn(text: str, sight: Sight) -> Image.Image:
    drawing = qrcode.QRCode(error_correction=ERROR_CORRECT_M, box_size=8, border=4)
    drawing.add_data(text)
    drawing.make(fit=True)
    side = round((drawing.modules_count + 8) * sight.module_px)
    whole = np.array(drawing.get_matrix(), dtype=np.uint8)
    picture = Image.fromarray(np.kron(255 * (1 - whole), np.ones((8, 8), dtype=np.uint8)))
    return picture.resize((side, side), Image.Resampling.BOX)


def _tilted(code: Image.Image, degrees: float) -> Image.Image:
    """Turned about the upright axis, as a phone held askew."""
    side, angle = code.width, radians(degrees)
    corners = []
    for x, y in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        nearer = CAMERA_DISTANCE / (CAMERA_DISTANCE + x * sin(angle))
        corners.append(((x * cos(angle) * nearer + 0.6) * side, (y * nearer + 0.6) * side))
    flat = [(0, 0), (side, 0), (side, side), (0, side)]
    size = (int(1.2 * side), int(1.2 * side))
    return code.transform(
        size,
        Image.Transform.PERSPECTIVE,
        list(_coefficients(corners, flat)),
        resample=Image.Resampling.BICUBIC,
        fillcolor=255,
    )


def _coefficients(there: list[tuple[float, float]], here: list[tuple[int, int]]) -> NDArray[np.float64]:
    """Pillow's eight numbers that map each point of the result back into the picture."""
    rows, values = [], []
    for (x, y), (u, v) in zip(there, here, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.linalg.solve(np.array(rows, dtype=np.float64), np.array(values, dtype=np.float64))


def _share(frames: list[tuple[str, bytes]], read: Callable[[bytes], str | None]) -> float:
    return sum(read(data) == text for text, data in frames) / len(frames)


def _decode_time(count: int) -> Figure:
    frames = [data for _, data in (frame(text, Sight(5), seed=n) for n, text in enumerate(_texts(count)))]
    pixels = [np.asarray(Image.open(io.BytesIO(data)).convert("L")) for data in frames]
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    whole, bare = [], []
    for _ in range(RUNS):
        whole.append(median(_took_ms(lambda data=data: decode_qr(data)) for data in frames))  # type: ignore[misc]
        bare.append(
            median(_took_ms(lambda grey=grey: zxingcpp.read_barcodes(grey, formats=formats)) for grey in pixels)  # type: ignore[misc]
        )
    return Figure(name="scan.decode.median_ms", value=median(whole), unit="ms", baseline=median(bare))


def _took_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
