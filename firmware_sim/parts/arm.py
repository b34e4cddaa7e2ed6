"""A gate's arm, opened by a relay for a while; somebody goes through, and it closes."""

import threading

import msgspec

from devices.drivers.clock import Clock
from firmware_sim.parts.base import read_form

MAX_OPEN_MS = 30_000


class ArmForm(msgspec.Struct, frozen=True):
    """A hand at the gate: hold the arm fast, or let go."""

    stuck: bool | None = None


class ArmState(msgspec.Struct, frozen=True):
    """`opened` counts how often it has opened."""

    open: bool
    stuck: bool
    opened: int


class VirtualArm:
    """A `devices.drivers.signals.Relay`."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._guard = clock, threading.Lock()
        self._open_until_ms, self._stuck, self._opened = clock.monotonic_ms(), False, 0

    def pulse(self, ms: int) -> None:
        """Open for so long; a stuck arm stays where it is."""
        with self._guard:
            if self._stuck:
                return
            self._opened += 1
            self._open_until_ms = self._clock.monotonic_ms() + min(ms, MAX_OPEN_MS)

    def state(self) -> ArmState:
        """For the page."""
        with self._guard:
            return ArmState(self._clock.monotonic_ms() < self._open_until_ms, self._stuck, self._opened)

    def press(self, form: bytes) -> None:
        """A fault begins or ends."""
        given = read_form(form, ArmForm)
        with self._guard:
            self._stuck = self._stuck if given.stuck is None else given.stuck
