"""Terminals of one site on real sockets of this machine; each has a server in memory, which a test can take away."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from devices.core.funds import PersonRow
from devices.core.messages import Peer, PostedThrough
from devices.lan.neighbours import Lan
from devices.lan.peer import Address
from devices.lan.udp import LanOptions
from devices.master.screen import Outcome
from devices.terminal import Terminal
from ecard.embedded import any_port
from tests.devices import world
from tests.devices.world import FakeClock, FakeRandomness, FakeServer, Phone

FIRST = 11
WAIT_S = 40.0


class RunningClock(FakeClock):
    """Starts at noon and goes on by itself, so that what is timed by it happens."""

    def __init__(self) -> None:
        super().__init__()
        self._began_ns = time.monotonic_ns()

    def wall_ms(self) -> int:
        return self.now_ms + self._ran_ms

    def monotonic_ms(self) -> int:
        return self.since_ms + self._ran_ms

    @property
    def now_s(self) -> int:
        return self.wall_ms() // 1000

    @property
    def _ran_ms(self) -> int:
        return (time.monotonic_ns() - self._began_ns) // 1_000_000


@dataclass
class Till:
    """One terminal in the hands of a test."""

    number: int
    folder: Path
    clock: RunningClock
    server: FakeServer
    options: LanOptions | None
    boots: int = 0
    opened: Terminal | None = None

    @property
    def terminal(self) -> Terminal:
        assert self.opened is not None
        return self.opened

    @property
    def public(self) -> str:
        return self.server.device_public

    def open(self) -> None:
        self.boots += 1
        self.opened = Terminal.open(
            self.folder,
            server_url="http://server.invalid",
            clock=self.clock,
            randomness=FakeRandomness(self.number * 1000 + self.boots),
            transport=self.server,
            lan=self.options,
        )
        self.opened.listen()

    def close(self) -> None:
        self.terminal.close()

    def sync(self) -> None:
        self.server.number += 1
        self.terminal.sync.nudge()
        for _ in range(12):
            if self.terminal.sync.step():
                break

    def pay(self, amount_minor: int, text: str) -> Outcome:
        self.terminal.control.set_amount(amount_minor)
        return self.terminal.control.scan(text)

    @property
    def lan(self) -> Lan:
        assert self.terminal.lan is not None
        return self.terminal.lan

    def knows(self, account_ref: int, *, sales: int) -> bool:
        """Whether it heard of so many sales of this person at neighbours."""
        return self.lan.pending(account_ref).sales == sales

    def heard(self) -> int:
        return self.terminal.control.screen().neighbours


@dataclass
class SiteOfTills:
    """Some terminals that know of each other."""

    tills: list[Till]
    clock: RunningClock
    phones: dict[int, Phone] = field(default_factory=dict)

    def show(self, account_ref: int) -> str:
        """The person's code of this moment; another person's phone shows another."""
        phone = self.phones.setdefault(account_ref, Phone(account_ref))
        return phone.show(self.clock.now_s)

    def introduce(self, *, posted: bool = False) -> None:
        """A snapshot for everybody: who the neighbours are, and, if `posted`, that their sales are in its funds."""
        for till in self.tills:
            till.server.peers = tuple(
                Peer(other.number, other.public, _posted(other.server) if posted else ())
                for other in self.tills
                if other is not till and other.public
            )
            till.sync()

    def go_dark(self) -> None:
        for till in self.tills:
            till.server.down = True

    def meet(self, *tills: Till) -> None:
        """Wait until these hear each other."""
        group = tills or tuple(self.tills)
        until(lambda: all(till.heard() >= len(group) - 1 for till in group))

    def claim_wait(self, wait_ms: int) -> None:
        for till in self.tills:
            till.server.parameters = msgspec.structs.replace(till.server.parameters, claim_wait_ms=wait_ms)
            till.sync()

    def close(self) -> None:
        for till in self.tills:
            till.close()


def _posted(server: FakeServer) -> tuple[PostedThrough, ...]:
    return tuple(PostedThrough(epoch, len(stream.lines)) for epoch, stream in server.streams.items())


def until(done: Callable[[], bool]) -> None:
    """Wait for what other threads bring about; how long it takes is nobody's promise here."""
    deadline = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def free_addresses(count: int) -> list[Address]:
    """UDP ports of this machine that nobody uses, nor is given while a test closes and opens them again."""
    return [("127.0.0.1", any_port(datagrams=True)) for _ in range(count)]


def everybody() -> list[PersonRow]:
    return [world.row(number, name=f"{number}*") for number in range(1, 60)]


def make_site(
    folder: Path, options: Sequence[LanOptions | None], *, people: list[PersonRow] | None = None
) -> SiteOfTills:
    clock = RunningClock()
    tills = []
    for place, each in enumerate(options):
        server = FakeServer(clock)
        server.terminal = FIRST + place
        world.add_people(server, *(people if people is not None else everybody()))
        till = Till(FIRST + place, folder / f"till-{place}", clock, server, each)
        till.open()
        till.terminal.enrol(world.ENROLMENT_CODE)
        tills.append(till)
        till.sync()
    site = SiteOfTills(tills, clock)
    site.introduce()
    return site


def listed(count: int) -> list[LanOptions]:
    """Everybody lists everybody else."""
    addresses = free_addresses(count)
    return [LanOptions(peers=tuple(other for other in addresses if other != own), bind=own) for own in addresses]
