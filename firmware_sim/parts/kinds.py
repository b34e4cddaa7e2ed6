"""What the pages show and press of the SDK's kinds: the price of a kilogram, the side of a gate, the stop of a bus."""

import threading
from typing import Literal

import msgspec

from devices.kinds.base import Device
from devices.kinds.bus import Bus
from devices.master.screen import Controls, Outcome
from firmware_sim.parts.base import BadPress, read_form

Way = Literal["in", "out"]


class WeighingState(msgspec.Struct, frozen=True):
    """The price of a kilogram, 0 before the first snapshot."""

    per_kg_minor: int


class WeighingPart:
    """Nothing to press: the scale is a part of its own."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls

    def state(self) -> WeighingState:
        """For the page."""
        given = self._controls.parameters()
        return WeighingState(given.per_kg_minor if given else 0)

    def press(self, _form: bytes) -> None:
        """Raises BadPress always."""
        raise BadPress("a scale has no buttons")


class SideForm(msgspec.Struct, frozen=True):
    """Walk up to the gate from this side."""

    direction: Way


class SideState(msgspec.Struct, frozen=True):
    """`allowed` is what the server set; `direction` the side on which the next person stands."""

    allowed: Literal["in", "out", "both"]
    direction: Way


class Sides:
    """A gate has a reader on each side; the page shows one of them at a time."""

    def __init__(self, controls: Controls, *, inwards: Device, outwards: Device) -> None:
        self._controls, self._devices = controls, {"in": inwards, "out": outwards}
        self._guard, self._way = threading.Lock(), "in"

    def scanned(self, text: str) -> Outcome | None:
        """At the reader of the chosen side."""
        return self._devices[self.state().direction].scanned(text)

    def tapped(self, uid: bytes) -> Outcome | None:
        """At the reader of the chosen side."""
        return self._devices[self.state().direction].tapped(uid)

    def state(self) -> SideState:
        """For the page."""
        given = self._controls.parameters()
        allowed = given.direction if given else "both"
        with self._guard:
            chosen: Way = "out" if self._way == "out" else "in"
        return SideState(allowed, chosen if allowed == "both" else allowed)

    def press(self, form: bytes) -> None:
        """Raises BadPress for a side that this gate does not have."""
        wanted = read_form(form, SideForm).direction
        if self.state().allowed not in ("both", wanted):
            raise BadPress("this gate goes one way", zh="这个闸机只能单向通行")
        with self._guard:
            self._way = wanted


class BusForm(msgspec.Struct, frozen=True):
    """The driver's button."""

    next: Literal[True]


class BusState(msgspec.Struct, frozen=True):
    """The line, all its stops, and the one where the bus stands."""

    line: str
    stops: tuple[str, ...]
    stop: str


class BusPart:
    """The driver's side of a `Bus`."""

    def __init__(self, controls: Controls, bus: Bus) -> None:
        self._controls, self._bus = controls, bus

    def state(self) -> BusState:
        """For the page."""
        given = self._controls.parameters()
        if given is None:
            return BusState("", (), "")
        return BusState(given.line, given.stops, self._bus.stop or (given.stops[0] if given.stops else ""))

    def press(self, form: bytes) -> None:
        """On to the next stop."""
        read_form(form, BusForm)
        self._bus.advance(self._controls)
