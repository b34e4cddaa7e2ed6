"""Time as the hardware tells it. Nothing above the drivers reads a clock of its own."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: the wall's may be set by anybody, the monotonic one only ever runs forward."""

    def wall_ms(self) -> int:
        """Unix milliseconds, as the device believes."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since some moment before this process began."""
        ...


class SystemClock:
    """The operating system's clocks."""

    def wall_ms(self) -> int:
        """Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds of CLOCK_MONOTONIC."""
        return time.monotonic_ns() // 1_000_000
