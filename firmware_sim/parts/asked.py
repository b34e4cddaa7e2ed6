"""Which answer on the screen the server was asked about, whether it said something in time, and how long that took."""

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec

from devices.drivers.clock import Clock
from devices.drivers.network import Answer, Transport
from devices.master.screen import Result
from firmware_sim.parts.base import BadPress


class AskedState(msgspec.Struct, frozen=True):
    """`number` is the result's; without an answer the offline rules decided it after `took_ms`. 0 before the first."""

    number: int = 0
    answered: bool = False
    took_ms: int = 0


class AskedPart:
    """Listens at the SDK's own marks (`passing`) and carries its questions over `line` (`Terminal.open`'s `asking`)."""

    def __init__(self, line: Transport, clock: Clock) -> None:
        self._line, self._clock = line, clock
        self._guard = threading.Lock()
        self._began_ms = self._took_ms = 0
        self._under_way = self._answered = self._in_time = False
        self._state = AskedState()
        self._result: Callable[[], Result | None] = lambda: None

    def shows(self, result: Callable[[], Result | None]) -> None:
        """Where the newest result is to be seen."""
        self._result = result

    def passing(self, mark: str) -> None:
        """One presentation comes after another, so the result shown next is the one that was asked about."""
        if mark == "sale.asked":
            with self._guard:
                self._began_ms, self._under_way, self._answered = self._clock.monotonic_ms(), True, False
        elif mark == "sale.answered":
            with self._guard:
                self._took_ms, self._in_time = self._clock.monotonic_ms() - self._began_ms, self._answered
        elif mark == "sale.shown" and self._under_way:
            result = self._result()
            with self._guard:
                self._under_way = False
                self._state = AskedState(result.number if result is not None else 0, self._in_time, self._took_ms)

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        """See Transport."""
        answer = self._line.request(method, target, body=body, headers=headers, limit_bytes=limit_bytes)
        if method == "POST" and answer.status == HTTPStatus.OK:
            with self._guard:
                self._answered = True
        return answer

    def close(self) -> None:
        """See Transport."""
        self._line.close()

    def state(self) -> AskedState:
        """For the page."""
        with self._guard:
            return self._state

    def press(self, _form: bytes) -> None:
        """Raises BadPress always."""
        raise BadPress("nobody presses the server")
