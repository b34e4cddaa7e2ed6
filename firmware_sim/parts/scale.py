"""A scale on which dishes are put by hand; it needs a moment to come to rest, as real ones do."""

import threading
from typing import Annotated

import msgspec

from devices.drivers.clock import Clock
from devices.drivers.scale import ScaleError, Weight
from firmware_sim.parts.base import read_form

MAX_GRAMS = 5_000
SETTLES_MS = 500


class ScaleForm(msgspec.Struct, frozen=True):
    """A hand at the scale: all that lies on it in grams, its faults."""

    grams: Annotated[int, msgspec.Meta(ge=0, le=MAX_GRAMS)] | None = None
    restless: bool | None = None
    plugged: bool | None = None


class ScaleState(msgspec.Struct, frozen=True):
    """`restless`: it never comes to rest, as in a draught."""

    grams: int
    stable: bool
    restless: bool
    plugged: bool


class VirtualScale:
    """A `devices.drivers.scale.Scale`."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._guard = clock, threading.Lock()
        self._grams, self._moved_ms = 0, clock.monotonic_ms() - SETTLES_MS
        self._restless, self._plugged = False, True

    def read(self) -> Weight:
        """What lies on it. Raises ScaleError while it is unplugged."""
        state = self.state()
        if not state.plugged:
            raise ScaleError("the scale does not answer")
        return Weight(state.grams, state.stable)

    def state(self) -> ScaleState:
        """For the page."""
        with self._guard:
            rests = not self._restless and self._clock.monotonic_ms() - self._moved_ms >= SETTLES_MS
            return ScaleState(self._grams, rests, self._restless, self._plugged)

    def press(self, form: bytes) -> None:
        """Put something on it or take it off; a fault begins or ends."""
        given = read_form(form, ScaleForm)
        with self._guard:
            if given.grams is not None and given.grams != self._grams:
                self._grams, self._moved_ms = given.grams, self._clock.monotonic_ms()
            self._restless = self._restless if given.restless is None else given.restless
            self._plugged = self._plugged if given.plugged is None else given.plugged
