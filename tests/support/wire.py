"""A serial line of this machine: a pair of pseudo-terminals, one end for the driver, the other for a test's device."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable
from contextlib import suppress


class Wire:
    """`path` is what a driver opens; the far end is written to and read from here."""

    def __init__(self) -> None:
        self._far, near = os.openpty()
        tty.setraw(near)
        self.path = os.ttyname(near)
        self._near: int | None = near
        self._threads: list[tuple[threading.Thread, threading.Event]] = []

    def send(self, data: bytes) -> None:
        os.write(self._far, data)

    def received(self, *, within_s: float = 20.0, until: int = 1) -> bytes:
        """At least `until` bytes, or what came within the time."""
        found = b""
        while len(found) < until and select.select([self._far], [], [], within_s)[0]:
            found += os.read(self._far, 4_096)
        return found

    def play(self, act: Callable[[threading.Event], None]) -> None:
        """A device that acts by itself until it is told to stop."""
        stop = threading.Event()
        thread = threading.Thread(target=act, args=(stop,), daemon=True)
        self._threads.append((thread, stop))
        thread.start()

    def repeat(self, data: bytes, *, every_s: float = 0.05) -> None:
        """Send the same again and again."""

        def act(stop: threading.Event) -> None:
            while not stop.wait(every_s):
                self.send(data)

        self.play(act)

    def pull(self) -> None:
        """The plug is out: the driver's end hangs up."""
        for thread, stop in self._threads:
            stop.set()
            thread.join(5)
        self._threads.clear()
        self.hang_up()

    def hang_up(self) -> None:
        """The same by a device that acts by itself: from its own thread."""
        for handle in (self._far, self._near):
            if handle is not None:
                with suppress(OSError):
                    os.close(handle)
        self._far, self._near = -1, None
