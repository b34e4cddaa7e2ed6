"""A serial line: RS-232, RS-485, a USB adapter or a device that pretends to be one. Over pyserial (extra `serial`)."""

import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self

from devices.drivers.extras import load

if TYPE_CHECKING:
    import serial

DEFAULT_BAUD = 9_600
READ_TIMEOUT_S = 0.2
WRITE_TIMEOUT_S = 1.0


class LineGone(Exception):
    """The line cannot be opened, was pulled out, or takes nothing more: the hardware, or whoever set its name."""


class Line(Protocol):
    """What a driver needs of a serial line; one thread reads, any one may write."""

    def read(self, limit: int) -> bytes:
        """What has come, at least one byte and at most `limit`; b"" after a short silence. Raises LineGone."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of it. Raises LineGone."""
        ...

    def discard(self) -> None:
        """Forget what came and was not read. Raises LineGone."""
        ...

    def close(self) -> None:
        """Give the line back; a read under way ends with LineGone or b""."""
        ...


class SerialLine:
    """Use `open`. 8 data bits, no parity, one stop bit."""

    def __init__(self, port: "serial.Serial", *, errors: tuple[type[Exception], ...]) -> None:
        self._port, self._errors = port, errors

    @classmethod
    def open(
        cls,
        path: str,
        *,
        baud: int = DEFAULT_BAUD,
        timeout_s: float = READ_TIMEOUT_S,
        write_timeout_s: float = WRITE_TIMEOUT_S,
    ) -> Self:
        """`path` is like /dev/ttyUSB0; nobody else may hold it. Raises LineGone or MissingExtra."""
        module = load("serial", extra="serial", needs="pyserial")
        errors = (module.SerialException, termios.error, OSError, TypeError, ValueError)
        try:
            port = module.Serial(path, baudrate=baud, timeout=timeout_s, write_timeout=write_timeout_s, exclusive=True)
        except errors as error:
            raise LineGone(f"{path}: {error}") from error
        return cls(port, errors=errors)

    def read(self, limit: int) -> bytes:
        """What has come, b"" after the time-out. Raises LineGone."""
        try:
            first: bytes = self._port.read(1)
            waiting = min(limit - 1, self._port.in_waiting) if first else 0
            return first + self._port.read(waiting) if waiting else first
        except self._errors as error:  # pyserial lets a TypeError out where the port is closed under a read
            raise LineGone(str(error)) from error

    def write(self, data: bytes) -> None:
        """Send all of it, within the time-out. Raises LineGone."""
        try:
            self._port.write(data)
            self._port.flush()
        except self._errors as error:
            raise LineGone(str(error)) from error

    def discard(self) -> None:
        """Forget what came and was not read. Raises LineGone."""
        try:
            self._port.reset_input_buffer()
        except self._errors as error:
            raise LineGone(str(error)) from error

    def close(self) -> None:
        """May be repeated."""
        with suppress(*self._errors):
            self._port.close()


class Split:
    """Cuts a stream of bytes into pieces at any of the `ends`; what is longer than `limit` is given up whole."""

    def __init__(self, *, ends: bytes, limit: int) -> None:
        self._ends, self._limit = frozenset(ends), limit
        self._piece = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that are whole now, without their ends and without empty ones."""
        pieces: list[bytes] = []
        for byte in data:
            if byte in self._ends:
                piece = self.rest()
                if piece:
                    pieces.append(piece)
            elif len(self._piece) >= self._limit:
                self._too_long = True
            else:
                self._piece.append(byte)
        return pieces

    def rest(self) -> bytes:
        """What has come since the last end; the next piece begins anew. b"" where it grew too long."""
        piece = b"" if self._too_long else bytes(self._piece)
        self._piece.clear()
        self._too_long = False
        return piece
