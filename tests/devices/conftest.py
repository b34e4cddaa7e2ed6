"""A terminal on a temporary folder, enrolled with the server in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.journal.values import Limits, Passing, unwatched
from devices.master.control import MasterControl
from devices.master.screen import Outcome
from devices.terminal import Terminal
from tests.devices import world
from tests.devices.world import FakeClock, FakeRandomness, FakeServer, Phone


@dataclass
class Bench:
    """One terminal in the hands of a test."""

    folder: Path
    clock: FakeClock
    server: FakeServer
    limits: Limits | None = None
    boots: int = 0
    opened: Terminal | None = None

    @property
    def terminal(self) -> Terminal:
        assert self.opened is not None
        return self.opened

    @property
    def control(self) -> MasterControl:
        return self.terminal.control

    def open(self, *, passing: Passing = unwatched) -> None:
        self.boots += 1
        self.opened = Terminal.open(
            self.folder,
            server_url="http://server.invalid",
            clock=self.clock,
            randomness=FakeRandomness(self.boots),
            transport=self.server,
            limits=self.limits,
            passing=passing,
        )

    def restart(self, *, passing: Passing = unwatched) -> None:
        self.terminal.close()
        self.open(passing=passing)

    def enrol(self) -> None:
        self.terminal.enrol(world.ENROLMENT_CODE)
        self.sync()

    def sync(self, *, steps: int = 8) -> None:
        """Let the worker do what is due, without a thread."""
        self.terminal.sync.nudge()
        for _ in range(steps):
            if self.terminal.sync.step():
                break

    def pay(self, amount_minor: int, text: str) -> Outcome:
        self.control.set_amount(amount_minor)
        return self.control.scan(text)

    def show(self, account_ref: int) -> str:
        return Phone(account_ref).show(self.clock.now_s)


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*, limits: Limits | None = None, enrolled: bool = True) -> Bench:
        clock = FakeClock()
        server = FakeServer(clock)
        world.add_people(server, world.row(1), world.row(2, name="李*"))
        bench = Bench(tmp_path / f"terminal-{len(made)}", clock, server, limits)
        bench.open()
        if enrolled:
            bench.enrol()
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.terminal.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
