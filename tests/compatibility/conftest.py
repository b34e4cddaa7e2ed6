from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from devices.core.signing import SigningKey
from devices.master.screen import Outcome
from devices.terminal import Terminal
from tests.compatibility.kept import DEVICE_SEED, Kept, kept
from tests.devices import world
from tests.devices.world import FakeClock, FakeRandomness, FakeServer, Phone


@dataclass
class Counter:
    """A terminal of the present release in the hands of a test; codes are of key 1, as in what was kept."""

    folder: Path
    clock: FakeClock
    server: FakeServer
    terminal: Terminal

    def sync(self) -> None:
        self.terminal.sync.nudge()
        for _ in range(12):
            if self.terminal.sync.step():
                break

    def pay(self, account_ref: int, amount_minor: int) -> Outcome:
        self.clock.pass_ms(30_000)
        self.terminal.control.set_amount(amount_minor)
        return self.terminal.control.scan(self.shows(account_ref))

    def shows(self, account_ref: int) -> str:
        return Phone(account_ref, key_id=world.KEY_ID).show(self.clock.now_s)


def start(folder: Path, clock: FakeClock, server: FakeServer, *, boot: int = 90) -> Counter:
    terminal = Terminal.open(
        folder,
        server_url="http://server.invalid",
        clock=clock,
        randomness=FakeRandomness(boot),
        transport=server,
        asking=server,
    )
    return Counter(folder, clock, server, terminal)


@pytest.fixture(autouse=True)
def code_key_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "KEY_ID", 1)


@pytest.fixture
def woken(tmp_path: Path) -> Iterator[Callable[[int], tuple[Kept, Counter]]]:
    """A kept device, started by the present release while the line is down; its server has what was sent."""
    opened: list[Counter] = []

    def wake(release: int) -> tuple[Kept, Counter]:
        was = kept(release)
        clock = FakeClock(now_ms=was.ended_ms + 1_000)
        server = FakeServer(clock)
        server.device_public = SigningKey(DEVICE_SEED).public.hex()
        world.add_people(server, world.row(1), world.row(2, name="李*"))
        for batch in was.sent:
            server.receive(batch)
        server.down = True
        counter = start(was.device(tmp_path / f"release-{release}"), clock, server)
        opened.append(counter)
        return was, counter

    yield wake
    for each in opened:
        each.terminal.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[FakeServer], Counter]]:
    """A new terminal of the present release, enrolled with this server."""
    opened: list[Counter] = []

    def begin(server: FakeServer) -> Counter:
        world.add_people(server, world.row(1), msgspec.structs.replace(world.row(2, name="李*")))
        counter = start(tmp_path / f"new-{len(opened)}", server.clock, server)
        opened.append(counter)
        counter.terminal.enrol(world.ENROLMENT_CODE)
        counter.sync()
        return counter

    yield begin
    for each in opened:
        each.terminal.close()
