"""The terminal's time: both hardware clocks, and the guard that says whether they are to be believed."""

from devices.drivers.clock import Clock
from devices.master.clock import Doubt, Guard, Reading


class Timekeeper:
    """Not for two threads at once; the master control holds its lock."""

    def __init__(self, clock: Clock, *, floor_s: int) -> None:
        self._clock = clock
        self._guard = Guard(self.reading(), floor_s=floor_s)

    def reading(self) -> Reading:
        """Both clocks now."""
        return Reading(self._clock.wall_ms(), self._clock.monotonic_ms())

    def now_ms(self, reading: Reading | None = None) -> int:
        """Unix ms, corrected by what the server signed."""
        return self._guard.now_ms(reading or self.reading())

    def doubt(self, reading: Reading) -> Doubt | None:
        """Why no sale may be made at this reading, or None."""
        return self._guard.doubt(reading)

    def observe(self, reading: Reading) -> bool:
        """Remember a jump; whether anything changed."""
        before, self._guard = self._guard, self._guard.observed(reading)
        return self._guard is not before

    def raise_floor(self, signed_s: int) -> None:
        """A verified time was seen."""
        self._guard = self._guard.raised(signed_s)

    def confirm(self, *, server_s: int, round_trip_ms: int) -> None:
        """The server has just signed the time."""
        self._guard = self._guard.confirmed(self.reading(), server_s=server_s, round_trip_ms=round_trip_ms)

    def vouch(self) -> bool:
        """The cashier says that the time is right; whether that is enough."""
        reading = self.reading()
        self._guard = self._guard.vouched(reading)
        return self._guard.doubt(reading) is None
