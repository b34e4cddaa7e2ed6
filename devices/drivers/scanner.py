"""Code readers that give text: keyboard-wedge and serial scanners end each code with a line break."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from io import TextIOWrapper
from typing import BinaryIO, Protocol, Self, TextIO

from devices.drivers.serial_line import Line, LineGone, Split

MAX_TEXT = 4_096
"""No code is near this long; a longer line is cut, so that it cannot fill the memory."""
_CHUNK = 512


class Scanner(Protocol):
    """Anything that yields scanned texts; spaces inside and at the ends are part of the code."""

    def texts(self) -> Iterator[str]:
        """Block for the next text; end when the device is gone."""
        ...


class ScannerError(Exception):
    """The scanner cannot be opened or kept for ourselves: the hardware, or whoever set its name."""


class LineScanner:
    """A scanner that types into a text stream: a keyboard wedge at a console, or a program's output.

    A byte that is no text becomes U+FFFD, so that a garbled code stays a wrong one and ends nothing.
    """

    def __init__(self, stream: TextIO) -> None:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
        self._stream = stream

    def texts(self) -> Iterator[str]:
        """Each line without its line break, which is all that is taken away."""
        while line := self._stream.readline(MAX_TEXT):
            text = line.rstrip("\r\n")
            if text:
                yield text


class SerialScanner:
    """A scanner at a serial line or in its USB-COM mode.

    A code ends with CR, LF, or a silence of one read's time-out: so one whose line break is switched off works as
    well, and the half of a code that was cut never becomes the start of the next.
    """

    def __init__(self, line: Line) -> None:
        self._line = line

    def texts(self) -> Iterator[str]:
        """Each code as sent; a byte that is no ASCII becomes U+FFFD, so that a garbled code stays a wrong one."""
        lines = Split(ends=b"\r\n", limit=MAX_TEXT)
        while True:
            try:
                data = self._line.read(_CHUNK)
            except LineGone:
                return
            rest = lines.rest() if not data else b""
            for text in [rest] if rest else lines.feed(data):
                yield text.decode("ascii", "replace")


class WedgeScanner:
    """A keyboard-wedge scanner at Linux's input device, taken for ourselves so that it types nowhere else. Use `open`.

    The scanner must be set to a US keyboard, which is how they are delivered.
    """

    def __init__(self, events: BinaryIO) -> None:
        self._events = events

    @classmethod
    def open(cls, path: str) -> Self:
        """`path` is like /dev/input/by-id/usb-…-event-kbd. Raises ScannerError."""
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise ScannerError(f"{path}: {error.strerror}") from error
        try:
            fcntl.ioctl(handle, _EVIOCGRAB, 1)
        except OSError as error:
            os.close(handle)
            raise ScannerError(f"{path}: {error.strerror}; is it an input device?") from error
        return cls(os.fdopen(handle, "rb", buffering=0))

    def texts(self) -> Iterator[str]:
        """Each text up to Enter; a key that has no character in a code becomes U+FFFD."""
        keys = _Keys()
        while event := self._event():
            text = keys.pressed(*event)
            if text is not None:
                yield text

    def close(self) -> None:
        """Give the keyboard back."""
        with suppress(OSError):
            self._events.close()

    def _event(self) -> tuple[int, int, int] | None:
        """Type, key and value of the next event; None where the device is gone."""
        try:
            data = self._events.read(_EVENT.size)
        except (OSError, ValueError):
            return None
        if len(data) < _EVENT.size:
            return None
        _, _, kind, key, value = _EVENT.unpack(data)
        return kind, key, value


class _Keys:
    """Turns presses and releases into text."""

    def __init__(self) -> None:
        self._shift = False
        self._text: list[str] = []

    def pressed(self, kind: int, key: int, value: int) -> str | None:
        """The text that Enter ends."""
        if kind != _EV_KEY:
            return None
        if key in _SHIFTS:
            self._shift = value != _UP
        if key in _SHIFTS or value != _DOWN:
            return None
        if key in _ENTERS:
            text, self._text = "".join(self._text), []
            return text or None
        if len(self._text) < MAX_TEXT:
            self._text.append((_SHIFTED if self._shift else _PLAIN).get(key, "\ufffd"))
        return None


_EVENT = struct.Struct("llHHi")
"""The kernel's `struct input_event`: a time in two longs, then type, key and value."""
_EVIOCGRAB = 0x40044590
_EV_KEY = 1
_UP, _DOWN = 0, 1
_SHIFTS, _ENTERS = (42, 54), (28, 96)
_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
)
"""First key number of each row of a US keyboard, its characters, and those with Shift."""
_PLAIN = {first + place: each for first, plain, _ in _ROWS for place, each in enumerate(plain)}
_SHIFTED = {first + place: each for first, _, shifted in _ROWS for place, each in enumerate(shifted)}
