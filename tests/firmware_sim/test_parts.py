"""Virtual hardware behaves as the real one behind the same driver: also when it is broken."""

from __future__ import annotations

import json
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.core.card import MIN_UID_BYTES
from devices.core.catalogue import Catalogue, Product
from devices.core.messages import DeviceKind
from devices.core.policy import Text
from devices.drivers.printer import Printer, PrinterError, Receipt
from devices.drivers.reader import CardReader
from devices.drivers.scale import Scale, ScaleError, Weight
from devices.drivers.signals import Relay
from devices.terminal import Terminal
from firmware_sim.hardware import VirtualClock
from firmware_sim.parts.arm import VirtualArm
from firmware_sim.parts.base import BadPress, Part
from firmware_sim.parts.cabinet import VirtualCabinet
from firmware_sim.parts.clock import ClockPart
from firmware_sim.parts.disk import VirtualDisk
from firmware_sim.parts.printer import VirtualPrinter
from firmware_sim.parts.reader import Card, CardFile, VirtualReader
from firmware_sim.parts.scale import SETTLES_MS, VirtualScale
from firmware_sim.parts.wire import VirtualWire
from firmware_sim.terminal.build import KINDS, build
from tests.devices import world
from tests.devices.conftest import Bench, make_bench
from tests.devices.world import FakeClock, FakeRandomness, FakeServer

__all__ = ["make_bench"]


def press(part: Part, **form: object) -> None:
    part.press(json.dumps(form).encode())


def card(number: str, byte: int) -> Card:
    return Card(number, f"name of {number}", bytes([byte] * MIN_UID_BYTES).hex())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_scale_is_at_rest_some_time_after_the_plate_was_put_on_it(clock: FakeClock) -> None:
    virtual = VirtualScale(clock)
    scale: Scale = virtual
    press(virtual, grams=350)
    assert scale.read() == Weight(350, stable=False)
    clock.pass_ms(SETTLES_MS)
    assert scale.read() == Weight(350, stable=True)
    press(virtual, restless=True)
    clock.pass_ms(SETTLES_MS)
    assert scale.read() == Weight(350, stable=False)


def test_an_unplugged_scale_weighs_nothing_but_says_that_it_is_gone(clock: FakeClock) -> None:
    scale = VirtualScale(clock)
    press(scale, plugged=False)
    with pytest.raises(ScaleError):
        scale.read()


def test_a_printer_without_paper_prints_nothing_and_says_so() -> None:
    virtual = VirtualPrinter()
    printer: Printer = virtual
    printer.print(Receipt(("合计", "¥12.00")))
    press(virtual, paper=False)
    with pytest.raises(PrinterError, match="paper"):
        printer.print(Receipt(("lost",)))
    assert virtual.state().slips == (("合计", "¥12.00"),)
    press(virtual, tear=True)
    assert (virtual.state().slips, virtual.state().printed) == ((), 1)


def test_an_arm_opens_for_a_while_unless_it_is_stuck(clock: FakeClock) -> None:
    virtual = VirtualArm(clock)
    relay: Relay = virtual
    relay.pulse(1_000)
    assert virtual.state().open
    clock.pass_ms(1_000)
    assert not virtual.state().open
    press(virtual, stuck=True)
    relay.pulse(1_000)
    assert (virtual.state().open, virtual.state().opened) == (False, 1)


def test_a_card_is_read_once_for_each_time_it_is_laid_on_and_not_by_an_unplugged_reader() -> None:
    virtual = VirtualReader(lambda: [card("P1", 1), card("P2", 2)])
    reader: CardReader = virtual
    read: list[bytes] = []
    thread = threading.Thread(target=lambda: read.extend(reader.uids()))
    thread.start()
    for number in ("P2", "P1", "P2"):
        press(virtual, lay=number)
    press(virtual, plugged=False)
    press(virtual, lay="P1")
    virtual.close()
    thread.join(60)
    assert [uid[0] for uid in read] == [2, 1, 2]
    assert virtual.state().laid == 3
    assert [each.number for each in virtual.state().cards] == ["P1", "P2"]
    with pytest.raises(BadPress):
        press(virtual, lay="nobody")


def test_a_reader_knows_no_cards_until_their_file_is_there(tmp_path: Path) -> None:
    cards = CardFile(tmp_path / "cards.json")
    assert cards() == ()
    (tmp_path / "cards.json").write_text('[{"number":"P1","name":"王","uid":"01020304"}]')
    assert cards() == (Card("P1", "王", "01020304"),)


def test_a_full_disk_refuses_a_sale_before_it_is_accepted_and_sells_again_when_it_is_not(
    clock: FakeClock, tmp_path: Path
) -> None:
    disk, server = VirtualDisk(), FakeServer(clock)
    world.add_people(server, world.row(1))
    terminal = Terminal.open(
        tmp_path,
        server_url="http://x.invalid",
        clock=clock,
        transport=server,
        storage=disk,
        randomness=FakeRandomness(1),
    )
    bench = Bench(tmp_path, clock, server, opened=terminal)
    bench.enrol()
    press(disk, full=True)
    refused = bench.pay(5_00, bench.show(1))
    assert (refused.approved, refused.result.why) == (False, "journal_full")
    press(disk, full=False)
    clock.pass_ms(6_000)
    terminal.control.maintain()
    assert bench.pay(5_00, bench.show(1)).approved
    terminal.close()


def test_the_clock_is_moved_and_put_right() -> None:
    moved = VirtualClock(FakeClock())
    part, right_ms = ClockPart(moved), moved.wall_ms()
    press(part, offset_s=86_400)
    assert moved.wall_ms() - right_ms == 86_400_000
    with pytest.raises(BadPress):
        press(part, offset_s=10**9)
    press(part, offset_s=0)
    assert moved.wall_ms() == right_ms


def test_a_cabinet_shows_the_products_it_was_filled_with_and_refuses_an_empty_slot(
    clock: FakeClock, tmp_path: Path
) -> None:
    milk = Product(7, Text("纯牛奶", "Whole milk"), 3_50)
    cabinet = VirtualCabinet(catalogue=lambda: Catalogue(products=(milk,)), memory=tmp_path / "memory", clock=clock)
    (slot,) = cabinet.state().slots
    assert (slot.number, slot.name.en, slot.price_minor) == (1, "Whole milk", 3_50)
    with pytest.raises(BadPress):
        press(cabinet, order=2)
    press(cabinet, order=1)
    order = cabinet.state().order
    assert order is not None
    assert order.state == "sent"
    with pytest.raises(BadPress, match="not over"):
        press(cabinet, order=1)
    cabinet.stop()


def test_a_wire_closed_while_it_is_read_takes_nothing_of_what_is_opened_next(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = VirtualWire()
    near, far = os.pipe()
    os.write(far, b"a stranger's")

    def closed_meanwhile(_read: object, _write: object, _else: object, _timeout_s: float) -> tuple[list[int], ...]:
        wire.close()
        os.dup2(near, wire._here)
        return [wire._here], [], []

    monkeypatch.setattr(select, "select", closed_meanwhile)
    assert wire.read(timeout_s=1) == b""
    assert os.read(near, 100) == b"a stranger's"
    for each in (near, far, wire._here):
        os.close(each)


@pytest.mark.parametrize("kind", KINDS)
def test_a_device_that_was_stopped_works_no_more_on_its_terminal(
    make_bench: Callable[..., Bench], kind: DeviceKind
) -> None:
    bench = make_bench()
    built = build(kind, bench.control, folder=bench.folder, clock=VirtualClock(bench.clock), cards=list)
    built.start()
    assert built.threads
    built.stop()
    assert not any(each.is_alive() for each in built.threads)


@pytest.mark.parametrize("form", [b"", b"[]", b'{"grams":-1}', b'{"grams":1e9}', b'{"grams":"a"}'])
def test_a_press_that_makes_no_sense_is_refused_in_words(form: bytes, clock: FakeClock) -> None:
    with pytest.raises(BadPress) as refused:
        VirtualScale(clock).press(form)
    assert str(refused.value)
