"""Scales: what lies on it, in whole grams."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

import msgspec

from devices.drivers.clock import Clock, SystemClock
from devices.drivers.serial_line import Line, LineGone, Split

SILENT_MS = 1_000
"""A scale that sends by itself does so several times a second."""
MAX_GRAMS = 1_000_000
_CHUNK = 256
_MAX_LINE = 64
_FRAME = re.compile(r"(ST|US),(?:(?:GS|NT),?)? *([+-]?) *(\d{1,9}(?:\.\d{1,4})?),? *(kg|g)")


class Weight(msgspec.Struct, frozen=True):
    """Below zero where the tare was taken off an empty scale. Only a `stable` one may be charged for."""

    grams: int
    stable: bool


class ScaleError(Exception):
    """The scale is gone, silent or set to another unit: the hardware, or whoever set it; `args[0]` says which."""


class Overload(ScaleError):
    """More lies there than the scale can weigh: whoever put it there."""


class Scale(Protocol):
    """Anything that weighs."""

    def read(self) -> Weight:
        """What lies on it now, within a second. Raises ScaleError."""
        ...


class SerialScale:
    """A scale in the common ASCII format, sending by itself, usually at 9600 baud.

    A line is `ST,GS,+  0.350kg`: ST stable, US moving, OL overload; GS gross or NT net; a sign or a space; the number
    with its point; kg or g. Also read are the form of the A&D manuals without the second field (`ST,+00350.0  g`) and
    that of the Tiger TI-02 with its commas elsewhere (`ST,GS   0.350,kg`). The format has no checksum: a stable weight
    is believed when two lines in a row say the same; one that never does counts as moving. `ask` goes first to scales
    that only answer (A&D: `Q`, CR, LF).
    """

    def __init__(self, line: Line, *, ask: bytes = b"", clock: Clock | None = None) -> None:
        self._line, self._ask, self._clock = line, ask, clock or SystemClock()

    def read(self) -> Weight:
        """The next weight; nothing that came before the call counts. Raises ScaleError."""
        deadline_ms = self._clock.monotonic_ms() + SILENT_MS
        lines, before = Split(ends=b"\r\n", limit=_MAX_LINE), None
        try:
            self._line.discard()
            self._line.write(self._ask)
            while self._clock.monotonic_ms() < deadline_ms:
                for line in lines.feed(self._line.read(_CHUNK)):
                    weight = read_line(line)
                    if weight is None:
                        continue
                    if not weight.stable or weight == before:
                        return weight
                    before = weight
                    self._line.write(self._ask)
        except LineGone as error:
            raise ScaleError("the scale is not connected") from error
        if before is None:
            raise ScaleError("the scale is silent")
        return Weight(before.grams, stable=False)


def read_line(line: bytes) -> Weight | None:
    """One line; None where it is cut or garbled. Raises Overload."""
    text = line.decode("ascii", "replace").strip(" ")
    if text.startswith("OL,"):  # what stands in the place of the number is each maker's own
        raise Overload("there is too much on the scale")
    found = _FRAME.fullmatch(text)
    if found is None:
        return None
    state, sign, number, unit = found.groups()
    exact = Decimal(number) * (1000 if unit == "kg" else 1)
    grams = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return Weight(-grams if sign == "-" else grams, state == "ST") if grams <= MAX_GRAMS else None
