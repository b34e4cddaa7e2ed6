"""The makers' test, run on our own two sides over pseudo-terminals, and on cabinets that do one thing wrong each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from devices.cabinet.cabinet_side import CabinetSide, CabinetTimes, GiveOut
from devices.cabinet.conformance.__main__ import main
from devices.cabinet.conformance.probe import Pace
from devices.cabinet.messages import Dispense, Goods, Message, Settled
from devices.cabinet.values import Times
from devices.drivers.clock import SystemClock
from devices.kinds.base import Device
from devices.kinds.cabinet import Cabinet
from tests.cabinet.conftest import COLA, COLA_MINOR, Shop
from tests.devices import world
from tests.devices.world import Phone
from tests.support.wire import Wire

PACE = Pace(answer_s=0.2, none_s=0.15, repeat_s=0.4, goods_s=1, silence_s=5, person_s=2, slack_s=0.8)


class EagerCabinet:
    """Chooses by itself whenever it is idle, as a cabinet's test mode does."""

    def __init__(self, side: CabinetSide) -> None:
        self.side, self.orders = side, 0

    def act(self, wire: Wire) -> Callable[[threading.Event], None]:
        def run(stop: threading.Event) -> None:
            while not stop.is_set():
                self.side.received(wire.received(within_s=0.01))
                now_ms = time.monotonic_ns() // 1_000_000
                if self.side.order is None and self.side.welcome is not None:
                    self.orders += 1
                    self.side.choose(f"A{self.orders}", amount_minor=COLA_MINOR, slots=COLA, now_ms=now_ms)
                self.side.tick(now_ms=now_ms)
                for effect in self.side.effects():
                    if isinstance(effect, GiveOut):
                        self.side.dispensed(now_ms=now_ms)
                data = self.side.outgoing()
                if data:
                    wire.send(data)

        return run


class _Side(CabinetSide):
    def __init__(self) -> None:
        super().__init__(cabinet="tested", times=CabinetTimes(repeat_ms=120, hello_ms=120, order_ms=60_000))


class NeverRepeats(_Side):
    """Says everything once."""

    def tick(self, *, now_ms: int) -> None:
        if self.welcome is None:
            super().tick(now_ms=now_ms)


class GivesOutAgain(_Side):
    """Forgets what it gave out."""

    def _heard(self, message: Message, sequence: int) -> None:
        if isinstance(message, Dispense) and self.goods(message.order) is Goods.DISPENSED:
            self._set(message.order, Goods.DISPENSING)
        super()._heard(message, sequence)


class GivesOutUnpaid(_Side):
    """Does not wait for the money."""

    def choose(self, order: str, **given: object) -> None:
        super().choose(order, **given)  # type: ignore[arg-type]
        self._set(order, Goods.DISPENSING)


class IgnoresTheReversal(_Side):
    """Gives out what was paid back."""

    def _told(self, status: object) -> None:
        pass

    def _settled(self, settled: Settled) -> None:
        if settled.paid:
            super()._settled(settled)


class BelievesDamage(_Side):
    """Does not look at the checksum."""

    def received(self, data: bytes) -> None:
        if len(data) > 6 and data[0] == 0x7E and data[2] == 0x83:
            length = data[5]
            number = data[6 : 6 + length].decode(errors="replace")
            self._heard(Dispense(number), data[3])
        super().received(data)


def _run(side: CabinetSide, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    wire = Wire()
    wire.play(EagerCabinet(side).act(wire))
    code = main(["--port", wire.path], pace=PACE)
    wire.pull()
    lines = capsys.readouterr().out.splitlines()
    return code, [line.removeprefix("FAILED  ").split(":")[0] for line in lines if line.startswith("FAILED")]


def test_our_own_cabinet_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(_Side(), capsys) == (0, [])


@pytest.mark.parametrize(
    ("side", "found"),
    [
        (NeverRepeats, "it sends an order, and again while nobody answers"),
        (GivesOutAgain, "it gives out nothing more when told again"),
        (GivesOutUnpaid, "it gives out nothing while the order waits or was declined"),
        (IgnoresTheReversal, "it gives out nothing any more after the money went back"),
        (BelievesDamage, "it does not take a damaged dispense"),
    ],
)
def test_a_cabinet_that_does_one_thing_wrong_is_found_out(
    side: type[_Side], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, failed = _run(side(), capsys)
    assert code == 1
    assert found in failed


def test_our_own_terminal_passes(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    wire = Wire()
    kind = Cabinet(shop.bench.control, clock=SystemClock(), times=Times(repeat_ms=150, ask_ms=150, silence_ms=1_000))
    device = Device(shop.bench.control, kind)

    def terminal(stop: threading.Event) -> None:
        while not stop.is_set():
            answer = kind.pump(wire.received(within_s=0.01))
            if answer:
                wire.send(answer)

    def payer(stop: threading.Event) -> None:
        while not stop.wait(0.05):
            waits = kind.side.open
            if waits is not None and waits.name.order[-1] in "345":
                shop.bench.clock.pass_ms(6_000)
                device.scanned(Phone(1).show(shop.bench.clock.now_s))

    wire.play(terminal)
    wire.play(payer)
    arguments = ["--as-cabinet", "--amount-minor", str(COLA_MINOR), "--product", str(world.COLA)]
    code = main(["--port", wire.path, *arguments], pace=PACE)
    wire.pull()
    said = capsys.readouterr().out
    assert "FAILED" not in said
    assert code == 0
    assert [word.split()[0] for word in shop.told()] == ["sale", "note", "sale", "reversal", "sale", "reversal", "note"]


def test_a_line_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "/dev/ttyNoCabinet"]) == 2
    assert "ttyNoCabinet" in capsys.readouterr().err
