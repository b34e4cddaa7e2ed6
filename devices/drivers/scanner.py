"""Code readers that give text: keyboard-wedge and serial scanners end each code with a line break."""

from collections.abc import Iterator
from typing import Protocol, TextIO

MAX_TEXT = 4_096
"""No code is near this long; a longer line is cut, so that it cannot fill the memory."""


class Scanner(Protocol):
    """Anything that yields scanned texts; spaces inside and at the ends are part of the code."""

    def texts(self) -> Iterator[str]:
        """Block for the next text; end when the device is gone."""
        ...


class LineScanner:
    """A scanner that types: a keyboard wedge, or a serial port opened as a text stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def texts(self) -> Iterator[str]:
        """Each line without its line break, which is all that is taken away."""
        while line := self._stream.readline(MAX_TEXT):
            text = line.rstrip("\r\n")
            if text:
                yield text
