"""Whether the terminal's clock may be believed. Pure: readings come in, a new guard comes out.

The floor is the newest time that the server or the root has signed, or at which a verified code was issued; a
phone's own time never raises it. A divergence of the wall clock from the monotonic one stops sales until the server,
or for a clock above the floor the cashier, confirms the time.
"""

from enum import StrEnum

import msgspec

JUMP_MS = 2_000
DRIFT_PER_MS = 2_000
"""One part in this many (500 ppm) is how fast a clock is slewed by time keeping, and no jump."""
MAX_DRIFT_MS = 30_000
FLOOR_SLACK_S = 30
CORRECT_FROM_MS = 3_000
"""A smaller difference from the server's signed time is not worth a correction: it is signed in whole seconds."""
MAX_ROUND_TRIP_MS = 2_000
"""A slower answer says too little about the present to confirm a clock."""


class Doubt(StrEnum):
    """Why the clock is not believed."""

    BEHIND = "behind"
    JUMPED = "jumped"


class Reading(msgspec.Struct, frozen=True):
    """Both clocks of the hardware, read together."""

    wall_ms: int
    monotonic_ms: int


class Guard(msgspec.Struct, frozen=True):
    """`anchor` is where both clocks were last believed; `offset_ms` corrects the wall clock to the server's."""

    anchor: Reading
    floor_s: int = 0
    offset_ms: int = 0
    jumped: bool = False

    def now_ms(self, reading: Reading) -> int:
        """Unix ms, corrected."""
        return reading.wall_ms + self.offset_ms

    def doubt(self, reading: Reading) -> Doubt | None:
        """Why no sale may be made at this reading, or None."""
        if self.now_ms(reading) // 1000 + FLOOR_SLACK_S < self.floor_s:
            return Doubt.BEHIND
        return Doubt.JUMPED if self.jumped or self._diverges(reading) else None

    def observed(self, reading: Reading) -> "Guard":
        """Remember a jump, even where the clock is set back later."""
        if self.jumped or not self._diverges(reading):
            return self
        return msgspec.structs.replace(self, jumped=True)

    def raised(self, signed_s: int) -> "Guard":
        """A verified time was seen."""
        return self if signed_s <= self.floor_s else msgspec.structs.replace(self, floor_s=signed_s)

    def confirmed(self, reading: Reading, *, server_s: int, round_trip_ms: int) -> "Guard":
        """The server has just signed `server_s`: its time counts from here, a lower one than the floor too."""
        if round_trip_ms > MAX_ROUND_TRIP_MS:
            return self.raised(server_s)
        off_ms = server_s * 1000 + 500 + round_trip_ms // 2 - reading.wall_ms
        return Guard(reading, floor_s=server_s, offset_ms=off_ms if abs(off_ms) >= CORRECT_FROM_MS else 0)

    def vouched(self, reading: Reading) -> "Guard":
        """The cashier says the time is right; below the floor it cannot be."""
        if self.doubt(reading) is Doubt.BEHIND:
            return self
        return msgspec.structs.replace(self, anchor=reading, jumped=False)

    def _diverges(self, reading: Reading) -> bool:
        passed_ms = reading.monotonic_ms - self.anchor.monotonic_ms
        apart_ms = abs(reading.wall_ms - self.anchor.wall_ms - passed_ms)
        return apart_ms > JUMP_MS + min(passed_ms // DRIFT_PER_MS, MAX_DRIFT_MS)
