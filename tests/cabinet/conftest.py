"""A terminal with a cabinet in memory beside it, on the journal and the master control that sell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devices.cabinet.cabinet_side import CabinetSide, GiveOut, Remembered
from devices.cabinet.messages import Fault, Slot
from devices.core.journal import NoteRecord, Record, ReversalRecord, SaleRecord, decode_record
from devices.journal.values import Passing, unwatched
from devices.kinds.base import Device
from devices.kinds.cabinet import Cabinet
from devices.master.screen import Outcome
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import FakeClock, FakeServer, Phone

COLA = (Slot(7, world.COLA, 1),)
COLA_MINOR = 4_00
STEP_MS = 100


@dataclass
class Shop:
    """`motor` says what becomes of goods told to move: "falls", "sticks" or "hangs"."""

    bench: Bench
    motor: str = "falls"
    connected: bool = True
    passing: Passing = unwatched
    memory: dict[str, Remembered] = field(default_factory=dict)
    fallen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start_cabinet()
        self.start()

    def start(self) -> None:
        """The terminal's side, on whatever its journal holds."""
        self.kind = Cabinet(self.bench.control, clock=self.bench.clock, passing=self.passing)
        self.device = Device(self.bench.control, self.kind)
        self.run(300)

    def start_cabinet(self) -> None:
        self.cabinet = CabinetSide(
            cabinet="milk-1",
            remembered=tuple(self.memory.values()),
            remember=lambda each: self.memory.update({each.order: each}),
        )

    def restart(self) -> None:
        """The terminal loses its power."""
        self.bench.restart()
        self.start()

    def run(self, duration_ms: int) -> None:
        for _ in range(duration_ms // STEP_MS):
            self.bench.clock.pass_ms(STEP_MS)
            self.cabinet.tick(now_ms=self.bench.clock.since_ms)
            self.exchange()

    def exchange(self) -> None:
        for _ in range(4):
            for effect in self.cabinet.effects():
                if isinstance(effect, GiveOut):
                    self.move(effect.order.order)
            sent = self.cabinet.outgoing()
            answer = self.kind.pump(sent if self.connected else b"")
            self.cabinet.received(answer if self.connected else b"")

    def move(self, order: str) -> None:
        if self.motor == "falls":
            self.fallen.append(order)
            self.cabinet.dispensed(now_ms=self.bench.clock.since_ms)
        elif self.motor == "sticks":
            self.cabinet.failed(Fault.JAMMED, now_ms=self.bench.clock.since_ms)

    def choose(self, order: str = "A1", *, slots: tuple[Slot, ...] = COLA, amount_minor: int = COLA_MINOR) -> None:
        self.cabinet.choose(order, amount_minor=amount_minor, slots=slots, now_ms=self.bench.clock.since_ms)
        self.exchange()

    def tap(self, account_ref: int = 1) -> Outcome | None:
        outcome = self.device.scanned(Phone(account_ref).show(self.bench.clock.now_s))
        self.exchange()
        return outcome

    def records(self) -> list[Record]:
        """What the journal tells the server: sales, reversals and notes."""
        for _ in range(50):
            self.bench.sync(steps=12)
            if not self.bench.control.screen().unsent:
                break
        lines = [line for stream in self.bench.server.streams.values() for line in stream.lines]
        return [
            each for each in map(decode_record, lines) if isinstance(each, SaleRecord | ReversalRecord | NoteRecord)
        ]

    def told(self) -> list[str]:
        """The same in words."""
        return [_word(each) for each in self.records()]


def _word(record: Record) -> str:
    match record:
        case SaleRecord():
            return f"sale {record.shown_minor} {record.facts.order if record.facts else ''}"
        case ReversalRecord():
            return f"reversal {record.of_seq} {record.reason}"
        case NoteRecord():
            return f"note {record.what} {record.params['seq']}"
        case _:
            return ""


@pytest.fixture
def make_shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    benches: list[Bench] = []

    def make(*, notes: bool = True, motor: str = "falls") -> Shop:
        clock = FakeClock()
        server = FakeServer(clock)
        world.add_people(server, world.row(1), world.row(2, name="李*", purse_minor=1_00))
        server.catalogue = world.catalogue()
        server.parameters = world.parameters(journal=2 if notes else 1, device="cabinet")
        bench = Bench(tmp_path / "terminal", clock, server)
        bench.open()
        bench.enrol()
        benches.append(bench)
        return Shop(bench, motor)

    yield make
    for bench in benches:
        bench.terminal.close()


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    return make_shop()
