"""A gate: identity only. A passage is durable before the arm opens; what may pass is `devices.master.passage`.

The gates of one outlet are one hall: over the LAN they share who is inside and which codes were taken.
"""

import contextlib
from typing import Literal

from devices.core.journal import Facts
from devices.drivers.signals import Relay, SignalError
from devices.master.screen import Controls, Outcome

OPEN_MS = 500


class Gate:
    """A `Kind`, one for each reader: `way` is the side it is on, for a gate that goes both ways."""

    def __init__(self, way: Literal["in", "out"] = "in") -> None:
        self._way = way

    def prepare(self, controls: Controls) -> None:
        """A gate asks for nothing but the way through."""
        if controls.screen().mode != "pass":
            controls.set_mode("pass")

    def facts(self) -> Facts:
        """Which reader it was."""
        return Facts(device="gate", way=self._way)

    def after(self, _controls: Controls, _outcome: Outcome) -> None:
        """The arm is a `Signal`."""


class Arm:
    """A `Signal` that opens for whoever may pass. An arm that does not answer stays shut; the passage was recorded."""

    def __init__(self, relay: Relay, *, open_ms: int = OPEN_MS) -> None:
        self._relay, self._open_ms = relay, open_ms

    def tell(self, outcome: Outcome) -> None:
        """Called for new outcomes only, after the record is durable."""
        if outcome.approved:
            with contextlib.suppress(SignalError):
                self._relay.pulse(self._open_ms)
