"""What every simulated device has: a clock that can be set, and a plug that can be pulled."""

import os
import signal

from devices.drivers.clock import Clock, SystemClock

MAX_OFFSET_MS = 366 * 24 * 3600 * 1000


class VirtualClock:
    """The machine's clock with a wall offset that can be set, as a flat battery or a bad hand would."""

    def __init__(self, base: Clock | None = None) -> None:
        self._base: Clock = base or SystemClock()
        self._offset_ms = 0

    def set_offset(self, offset_ms: int) -> None:
        """Move the wall clock against the real one, by a year at most either way."""
        if abs(offset_ms) > MAX_OFFSET_MS:
            raise ValueError("the clock moves by a year at most")
        self._offset_ms = offset_ms

    @property
    def offset_ms(self) -> int:
        """How far the wall clock is off."""
        return self._offset_ms

    def wall_ms(self) -> int:
        """Unix ms as the virtual hardware believes."""
        return self._base.wall_ms() + self._offset_ms

    def monotonic_ms(self) -> int:
        """The real monotonic clock: nobody can set that one."""
        return self._base.monotonic_ms()


def pull_the_plug() -> None:
    """End this process as a power cut would: no handler, no flush, no goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)
