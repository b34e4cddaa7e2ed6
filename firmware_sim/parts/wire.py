"""A real serial line within this machine: a pseudo-terminal, and faults between its ends."""

import os
import pty
import select
import threading
import tty

CHUNK = 1_024


class VirtualWire:
    """`path` is what a serial driver opens; the other end is read and written here.

    `cut` loses bytes both ways; `garbles` damages every second message sent from here, `repeats` sends each twice, and
    `mute` sends none.
    """

    def __init__(self) -> None:
        self._here, there = pty.openpty()
        tty.setraw(there)
        self.path = os.ttyname(there)
        self._there = there  # held open, so that a driver which comes and goes does not hang up
        self._guard, self._sent, self._open = threading.Lock(), 0, True
        self.cut = self.garbles = self.repeats = self.mute = False

    def read(self, *, timeout_s: float) -> bytes:
        """What has come; b"" after the time-out, and while the line is cut or closed."""
        try:
            if not select.select([self._here], [], [], timeout_s)[0]:
                return b""
            with self._guard:  # closed meanwhile, its number may be that of a stranger's file
                data = os.read(self._here, CHUNK) if self._open else b""
        except (OSError, ValueError):
            return b""
        return b"" if self.cut else data

    def write(self, data: bytes) -> None:
        """Send, as well as the faults let it."""
        if not data or self.cut or self.mute:
            return
        with self._guard:
            if not self._open:
                return
            self._sent += 1
            if self.garbles and self._sent % 2:
                data = data[:-1] + bytes([data[-1] ^ 0x01])
            os.write(self._here, data * 2 if self.repeats else data)

    def close(self) -> None:
        """Both ends; may be repeated."""
        with self._guard:
            if self._open:
                self._open = False
                os.close(self._here)
                os.close(self._there)
