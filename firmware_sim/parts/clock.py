"""The clock's hand on the page: a day back, a year forward, right again."""

import msgspec

from firmware_sim.hardware import VirtualClock
from firmware_sim.parts.base import BadPress, read_form


class ClockForm(msgspec.Struct, frozen=True):
    """Move the wall clock against the real one."""

    offset_s: int


class ClockState(msgspec.Struct, frozen=True):
    """How far it is off."""

    offset_s: int


class ClockPart:
    """The switch of a `VirtualClock`."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def state(self) -> ClockState:
        """For the page."""
        return ClockState(self._clock.offset_ms // 1000)

    def press(self, form: bytes) -> None:
        """Raises BadPress beyond a year."""
        try:
            self._clock.set_offset(read_form(form, ClockForm).offset_s * 1000)
        except ValueError as error:
            raise BadPress(str(error)) from error
