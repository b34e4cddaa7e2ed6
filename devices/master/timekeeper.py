"""The terminal's time: both hardware clocks, and the guard that says whether they are to be believed."""

from devices.core.accept import Genuine
from devices.core.code import DEVICE_BOUND
from devices.drivers.clock import Clock
from devices.master.clock import Doubt, Guard, Reading
from devices.master.drift import Drift


class Timekeeper:
    """Not for two threads at once; the master control holds its lock."""

    def __init__(self, clock: Clock, *, floor_s: int) -> None:
        self._clock = clock
        reading = self.reading()
        self._guard, self._drift = Guard(reading, floor_s=floor_s), Drift(reading.monotonic_ms)

    def reading(self) -> Reading:
        """Both clocks now."""
        return Reading(self._clock.wall_ms(), self._clock.monotonic_ms())

    def now_ms(self, reading: Reading | None = None) -> int:
        """Unix ms, corrected by what the server signed, and since then by what a crowd of phones shows."""
        return self._guard.now_ms(reading or self.reading()) + self._drift.correction_ms

    def doubt(self, reading: Reading) -> Doubt | None:
        """Why no sale may be made at this reading, or None."""
        return self._guard.doubt(reading)

    def observe(self, reading: Reading) -> bool:
        """Remember a jump; whether anything changed."""
        before, self._guard = self._guard, self._guard.observed(reading)
        if self._guard is not before:
            self._drift = Drift(reading.monotonic_ms)
        return self._guard is not before

    def accepted(self, code: Genuine, *, at_ms: int) -> None:
        """A sale was made by this code at this moment: one voice on how far the crystal has drifted."""
        if code.code.kind != DEVICE_BOUND:
            return
        ahead_ms = code.code.shown_at_s * 1000 - (at_ms - self._drift.correction_ms)
        self._drift = self._drift.accepted(code.account_ref, ahead_ms=ahead_ms, at_ms=self._clock.monotonic_ms())

    def raise_floor(self, signed_s: int) -> None:
        """A verified time was seen."""
        self._guard = self._guard.raised(signed_s)

    def confirm(self, *, server_s: int, round_trip_ms: int) -> None:
        """The server has just signed the time."""
        reading = self.reading()
        self._guard = self._guard.confirmed(reading, server_s=server_s, round_trip_ms=round_trip_ms)
        if self._guard.anchor == reading:
            self._drift = Drift(reading.monotonic_ms)

    def vouch(self) -> bool:
        """The cashier says that the time is right; whether that is enough."""
        reading = self.reading()
        self._guard = self._guard.vouched(reading)
        return self._guard.doubt(reading) is None
