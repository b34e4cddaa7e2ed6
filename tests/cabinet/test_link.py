"""A serial line of pseudo-terminals that loses, repeats and garbles bytes, and power that is cut at any point."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.cabinet.cabinet_side import CabinetSide, CabinetTimes, GiveOut, Remembered
from devices.cabinet.link import CabinetLink
from devices.cabinet.values import Times
from devices.core.journal import NoteRecord, ReversalRecord, SaleRecord
from devices.drivers.clock import SystemClock
from devices.drivers.serial_line import SerialLine
from devices.kinds.base import Device
from devices.kinds.cabinet import Cabinet
from tests.cabinet.conftest import COLA, COLA_MINOR, Shop
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.test_crash import Killer, StoredServer
from tests.devices.world import FakeClock, Phone
from tests.support.wire import Wire

QUICK = Times(repeat_ms=40, ask_ms=60, silence_ms=4_000, dispense_ms=8_000, recover_ms=4_000)
WITHIN_S = 20.0


class FarCabinet:
    """A cabinet at the far end of a pseudo-terminal, with a motor that works, and a line as bad as `harm` makes it."""

    def __init__(self, wire: Wire, harm: Callable[[bytes], bytes]) -> None:
        self.wire, self.harm = wire, harm
        self.lock = threading.Lock()
        self.fallen: list[str] = []
        self.side = CabinetSide(cabinet="milk-1", times=CabinetTimes(repeat_ms=50, hello_ms=50))
        wire.play(self.act)

    def act(self, stop: threading.Event) -> None:
        while not stop.is_set():
            data = self.wire.received(within_s=0.01)
            with self.lock:
                self.side.received(self.harm(data))
                self.side.tick(now_ms=_now_ms())
                for effect in self.side.effects():
                    if isinstance(effect, GiveOut):
                        self.fallen.append(effect.order.order)
                        self.side.dispensed(now_ms=_now_ms())
                answer = self.side.outgoing()
            if answer:
                self.wire.send(self.harm(answer))

    def choose(self, order: str) -> None:
        with self.lock:
            self.side.choose(order, amount_minor=COLA_MINOR, slots=COLA, now_ms=_now_ms())

    def is_over(self) -> bool:
        with self.lock:
            return self.side.order is None


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.01)


def _bad_line(seed: int) -> Callable[[bytes], bytes]:
    """Loses, flips, repeats and adds bytes, a few in a hundred."""
    luck = random.Random(seed)

    def harm(data: bytes) -> bytes:
        harmed = bytearray()
        for byte in data:
            chance = luck.random()
            if chance < 0.005:
                continue
            harmed.append(byte ^ 1 << luck.randrange(8) if chance < 0.01 else byte)
            if chance > 0.99:
                harmed += bytes([luck.randrange(256)]) * luck.randrange(3)
        return bytes(harmed)

    return harm


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_a_line_that_loses_and_garbles_bytes_each_order_is_paid_and_given_out_once(shop: Shop, seed: int) -> None:
    wire = Wire()
    control = shop.bench.control
    kind = Cabinet(control, clock=SystemClock(), times=QUICK)
    link = CabinetLink(lambda: SerialLine.open(wire.path, timeout_s=0.02), pump=kind.pump)
    far = FarCabinet(wire, _bad_line(seed))
    link.start()
    device = Device(control, kind)
    for number in range(4):
        far.choose(f"A{number}")
        _until(lambda: control.screen().amount_minor == COLA_MINOR)
        shop.bench.clock.pass_ms(6_000)
        outcome = device.scanned(Phone(1).show(shop.bench.clock.now_s))
        assert outcome is not None
        assert outcome.approved
        _until(far.is_over)
        _until(lambda: kind.side.open is None)
    link.stop()
    wire.pull()
    assert far.fallen == ["A0", "A1", "A2", "A3"]
    sales = [each for each in shop.records() if isinstance(each, SaleRecord)]
    notes = [each for each in shop.records() if isinstance(each, NoteRecord)]
    assert [each.facts.order for each in sales if each.facts is not None] == far.fallen
    assert [each.params["seq"] for each in notes] == [each.seq for each in sales]
    assert kind.side.frames.damaged > 0


def test_a_line_pulled_out_after_the_approval_gives_the_money_back_and_a_new_one_is_opened(shop: Shop) -> None:
    wires = [Wire()]
    control = shop.bench.control
    kind = Cabinet(control, clock=SystemClock(), times=msgspec.structs.replace(QUICK, silence_ms=300))
    link = CabinetLink(lambda: SerialLine.open(wires[-1].path, timeout_s=0.02), pump=kind.pump)
    far = FarCabinet(wires[0], lambda data: data)
    link.start()
    far.choose("A0")
    _until(lambda: control.screen().amount_minor == COLA_MINOR)
    wires[0].pull()
    Device(control, kind).scanned(Phone(1).show(shop.bench.clock.now_s))
    _until(lambda: kind.side.open is None)
    wires.append(Wire())
    again = FarCabinet(wires[1], lambda data: data)
    again.choose("A1")
    _until(lambda: control.screen().amount_minor == COLA_MINOR)
    link.stop()
    wires[1].pull()
    assert shop.told() == ["sale 400 A0", "reversal 2 not_dispensed"]
    assert far.fallen == []


def test_a_host_that_stumbles_once_does_not_take_the_line_with_it() -> None:
    wire, heard = Wire(), bytearray()

    def pump(data: bytes) -> bytes:
        heard.extend(data)
        if data == b"stumble":
            raise RuntimeError("a host's own mistake")
        return b"here" if data else b""

    link = CabinetLink(lambda: SerialLine.open(wire.path, timeout_s=0.05), pump=pump)
    link.start()
    _until(lambda: link.connected)
    wire.send(b"stumble")
    _until(lambda: heard.endswith(b"stumble"))
    wire.send(b"again")
    answered = wire.received(within_s=WITHIN_S, until=4)
    link.stop()
    wire.pull()
    assert answered == b"here"


# Power

POINTS = (
    "epoch.done",
    "append.begin",
    "append.commit",
    "append.done",
    "sale.durable",
    "sale.shown",
    "cabinet.paid",
    "cabinet.moves",
    "cabinet.fell",
    "cabinet.came",
    "note.durable",
    "cabinet.noted",
    "cabinet.give_back",
    "reversal.durable",
    "cabinet.given_back",
)


class Powered(Shop):
    """Terminal and cabinet on one supply: what each remembers is in files."""

    def __init__(self, folder: Path, life: int, passing: Callable[[str], None]) -> None:
        self.folder = folder
        clock = FakeClock()
        clock.pass_ms(life * 600_000)
        server = StoredServer(clock, folder / "server.pickle", lambda _: None)
        world.add_people(server, world.row(1))
        server.catalogue = world.catalogue()
        server.parameters = world.parameters(journal=2, device="cabinet")
        bench = Bench(folder / "terminal", clock, server, boots=life)
        bench.open(passing=passing)
        if life == 0:
            bench.enrol()
        super().__init__(bench, passing=passing, memory=_memory(folder))

    def start_cabinet(self) -> None:
        super().start_cabinet()
        self.cabinet = CabinetSide(
            cabinet="milk-1", remembered=tuple(self.memory.values()), remember=lambda each: _remember(self.folder, each)
        )

    def move(self, order: str) -> None:
        self.passing("cabinet.moves")
        if self.motor == "falls":
            with (self.folder / "fallen").open("a") as file:
                file.write(f"{order}\n")
        self.passing("cabinet.fell")
        super().move(order)


def _memory(folder: Path) -> dict[str, Remembered]:
    file = folder / "cabinet.jsonl"
    lines = file.read_bytes().splitlines() if file.exists() else []
    kept = [msgspec.json.decode(line, type=Remembered) for line in lines]
    return {each.order: each for each in kept}


def _remember(folder: Path, each: Remembered) -> None:
    with (folder / "cabinet.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(each) + b"\n")


def _live(folder: Path, life: int, passing: Callable[[str], None]) -> None:
    """Two orders in every life: the goods of the first fall, those of the second stick."""
    shop = Powered(folder, life, passing)
    for motor in ("falls", "sticks"):
        shop.motor = motor
        shop.run(2_000)
        shop.choose(f"{life}-{motor}")
        shop.bench.clock.pass_ms(6_000)
        shop.tap()
        shop.run(3_000)


def _child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001  # the child must end here whatever happens, and say that it failed
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cabinet")
    Powered(folder, 0, lambda _: None).bench.terminal.close()
    return folder


@settings(max_examples=30)
@given(lives=st.lists(st.tuples(st.sampled_from(POINTS), st.integers(1, 2)), min_size=1, max_size=3))
@example(lives=[(point, 1) for point in POINTS])
def test_wherever_the_power_is_cut_money_and_goods_agree(
    enrolled: Path, tmp_path_factory: pytest.TempPathFactory, lives: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("cuts") / "here"
    shutil.copytree(enrolled, folder)
    for life, (point, nth) in enumerate(lives, start=1):
        killer = Killer(point, nth)
        ended = _child(lambda life=life, killer=killer: _live(folder, life, killer))  # type: ignore[misc]
        assert ended in (0, -signal.SIGKILL)
    shop = Powered(folder, len(lives) + 1, lambda _: None)
    for _ in range(30):
        shop.run(5_000)
        if shop.kind.side.open is None:
            break
    assert shop.kind.side.open is None
    records = shop.records()
    shop.bench.terminal.close()
    fallen = (folder / "fallen").read_text().split() if (folder / "fallen").exists() else []
    epochs = {epoch: stream.records for epoch, stream in shop.bench.server.streams.items()}
    undone = {(each.of_epoch, each.of_seq) for each in records if isinstance(each, ReversalRecord)}
    paid = {
        each.facts.order
        for epoch, kept in epochs.items()
        for each in kept
        if isinstance(each, SaleRecord) and each.facts is not None and (epoch, each.seq) not in undone
    }
    sold = {each.facts.order for each in records if isinstance(each, SaleRecord) and each.facts is not None}
    assert len(fallen) == len(set(fallen))
    assert set(fallen) <= sold
    assert paid <= set(fallen)
    shutil.rmtree(folder)


def test_every_point_is_passed_in_a_life_without_a_cut(enrolled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    shutil.copytree(enrolled, folder)
    passed: set[str] = set()
    _live(folder, 1, passed.add)
    assert set(POINTS) <= passed
