"""A simulated terminal for the tap benchmark, in a process of its own: the SDK and its page, with a crowd in memory.

`python -m tests.bench.till --data DIR --port P --people N [--ask URL]`. With `--ask` each new code first makes a round
trip to that address before it is decided, as a payment code that must be authorised online does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import httpx
import uvicorn

from devices.core.catalogue import Catalogue
from devices.core.journal import Facts
from devices.core.messages import Mode, Parameters
from devices.master.screen import Controls, Outcome, Phase, Result, Said, Screen
from devices.terminal import Terminal
from firmware_sim.hardware import VirtualClock
from firmware_sim.terminal.app import Host, terminal_app
from tests.devices import world
from tests.devices.world import FakeClock, FakeServer

PRICE_MINOR = 12_50
READY_TIMEOUT_S = 30.0
ASK_TIMEOUT_S = 1.0
"""An online terminal waits this long before it asks again: shorter than any real one, so in its favour."""


class NoonClock:
    """It is noon when the process starts, and time passes."""

    def __init__(self) -> None:
        self._began_ns = time.monotonic_ns()

    def monotonic_ms(self) -> int:
        return (time.monotonic_ns() - self._began_ns) // 1_000_000

    def wall_ms(self) -> int:
        return world.NOON_S * 1000 + self.monotonic_ms()

    @property
    def now_ms(self) -> int:
        """As the server in memory asks for it."""
        return self.wall_ms()


class Online:
    """A terminal that decides no code before somebody far away has answered; otherwise as the one inside."""

    def __init__(self, inner: Controls, *, url: str) -> None:
        self._inner, self._url, self._asked = inner, url, ""
        self._client = httpx.Client(timeout=ASK_TIMEOUT_S, trust_env=False)

    def scan(self, text: str, *, facts: Facts | None = None) -> Outcome:
        """One round trip for a new code, repeated until it is answered; then as ever."""
        while text != self._asked:
            try:
                self._client.get(self._url).raise_for_status()
                self._asked = text
            except httpx.TransportError:
                continue
        return self._inner.scan(text, facts=facts)

    def tap_card(self, uid: bytes, *, facts: Facts | None = None) -> Outcome:
        return self._inner.tap_card(uid, facts=facts)

    def screen(self) -> Screen:
        return self._inner.screen()

    def subscribe(self, callback: Callable[[Screen], None]) -> Callable[[], None]:
        return self._inner.subscribe(callback)

    def set_mode(self, mode: Mode, *, fixed_minor: int = 0) -> None:
        self._inner.set_mode(mode, fixed_minor=fixed_minor)

    def set_amount(self, amount: str | int) -> int:
        return self._inner.set_amount(amount)

    def catalogue(self) -> Catalogue:
        return self._inner.catalogue()

    def set_quantity(self, product: int, quantity: int) -> None:
        self._inner.set_quantity(product, quantity)

    def add(self, product: int, *, quantity: int = 1) -> None:
        self._inner.add(product, quantity=quantity)

    def clear_basket(self) -> None:
        self._inner.clear_basket()

    def explained(self) -> Result | None:
        return self._inner.explained()

    def reverse_last(self, *, reason: str = "cashier") -> Outcome:
        return self._inner.reverse_last(reason=reason)

    def parameters(self) -> Parameters | None:
        return self._inner.parameters()

    def not_yet(self, said: Said) -> None:
        self._inner.not_yet(said)

    def confirm_clock(self) -> bool:
        return self._inner.confirm_clock()


def crowd_name(account_ref: int) -> str:
    """How the terminal names one of the crowd: none like another, so that a screen tells who has paid."""
    return f"张*{account_ref}"


def main() -> None:
    """Enrol with the server in memory, wait until ready, serve the page."""
    parser = argparse.ArgumentParser(prog="tests.bench.till", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--ask", default="")
    given = parser.parse_args()
    clock = NoonClock()
    server = FakeServer(cast(FakeClock, clock))
    rows = [world.row(account_ref, name=crowd_name(account_ref)) for account_ref in range(1, given.people + 1)]
    world.add_people(server, *rows)
    terminal = Terminal.open(given.data, server_url="http://server.invalid", clock=clock, transport=server)
    controls = Online(terminal.control, url=given.ask) if given.ask else terminal.control
    terminal.start()
    try:
        terminal.enrol(world.ENROLMENT_CODE)
        _wait_until_ready(terminal)
        terminal.control.set_mode("fixed", fixed_minor=PRICE_MINOR)
        host = Host(controls=controls, enrol=terminal.enrol, clock=VirtualClock(clock))
        uvicorn.run(
            terminal_app(host), host="127.0.0.1", port=given.port, log_level="warning", timeout_graceful_shutdown=1
        )
    finally:
        terminal.close()


def _wait_until_ready(terminal: Terminal) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while terminal.control.screen().phase is not Phase.READY:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the terminal did not get ready: {terminal.control.screen()}")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
