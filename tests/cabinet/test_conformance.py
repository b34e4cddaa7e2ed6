"""The makers' test, run on our own two sides over pseudo-terminals, and on cabinets that do one thing wrong each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import msgspec
import pytest

from devices.cabinet.cabinet_side import CabinetSide, CabinetTimes, GiveOut, Remembered
from devices.cabinet.conformance.__main__ import main
from devices.cabinet.conformance.of_cabinet import CHOOSE, CUT, CUT_AS_GOODS_MOVE, OfCabinet
from devices.cabinet.conformance.probe import Pace, Probe, run_all
from devices.cabinet.messages import Cancel, Dispense, Error, Goods, Message, Settled, Wrong
from devices.cabinet.values import Times
from devices.drivers.clock import SystemClock
from devices.drivers.serial_line import SerialLine
from devices.kinds.base import Device
from devices.kinds.cabinet import Cabinet
from tests.cabinet.conftest import COLA, COLA_MINOR, Shop
from tests.cabinet.paper import Lasting, PaperCabinet
from tests.devices import world
from tests.devices.world import Phone
from tests.support.wire import Wire

PACE = Pace(
    answer_s=0.5,
    none_s=0.5,
    repeat_s=0.5,
    unanswered_s=0.5,
    goods_s=1,
    silence_s=10,
    lapse_s=15,
    keeps_s=2,
    person_s=10,
    slack_s=2,
)
IN_VAIN = msgspec.structs.replace(PACE, none_s=2, lapse_s=2, person_s=2, unanswered_s=10, keeps_s=60)
"""For cabinets that will not do it however long one waits."""
LAPSES = "it takes back an order that nobody paid for 90 s"
ORDERS = "it sends an order, and again while nobody answers"
BEFORE = {
    "it keeps an order that is not answered yet": (ORDERS,),
    "it takes no order back before": (LAPSES,),
    "it gives out nothing while the order waits or was declined": (ORDERS,),
    "it does not take a damaged dispense": (ORDERS,),
    "it gives out nothing more when told again": (ORDERS, "it gives out when it is told to, and says so"),
    "it gives out nothing any more after the money went back": ("it takes a new number for the next order",),
}
"""What has to be done first for a check to say anything."""


class EagerCabinet:
    """Does by itself what a person is asked to: chooses once it is idle, and cuts its power."""

    def __init__(self, made: type[_Side]) -> None:
        self._made, self.orders = made, 0
        self._memory: dict[str, Remembered] = {}
        self._cut, self._choose = threading.Event(), threading.Event()
        self._cut_as_goods_move = False
        self.side = self._start()

    def _start(self) -> CabinetSide:
        return self._made(tuple(self._memory.values()), lambda each: self._memory.update({each.order: each}))

    def notice(self, what: str) -> None:
        """What a person would be told."""
        if what == CHOOSE:
            self._choose.set()
        if what == CUT:
            self._cut.set()
        self._cut_as_goods_move = what == CUT_AS_GOODS_MOVE

    def act(self, wire: Wire) -> Callable[[threading.Event], None]:
        def run(stop: threading.Event) -> None:
            while not stop.is_set():
                if self._cut.is_set():
                    self._cut.clear()
                    self.side = self._start()
                self.side.received(wire.received(within_s=0.01))
                now_ms = time.monotonic_ns() // 1_000_000
                if self._choose.is_set() and self.side.order is None and self.side.welcome is not None:
                    self._choose.clear()
                    self.orders += 1
                    self.side.choose(f"A{self.orders}", amount_minor=COLA_MINOR, slots=COLA, now_ms=now_ms)
                self.side.tick(now_ms=now_ms)
                for effect in self.side.effects():
                    if isinstance(effect, GiveOut):
                        self._give_out(now_ms)
                data = self.side.outgoing()
                if data:
                    wire.send(data)

        return run

    def _give_out(self, now_ms: int) -> None:
        if self._cut_as_goods_move:
            self._cut_as_goods_move = False
            self._cut.set()
        else:
            self.side.dispensed(now_ms=now_ms)


class _Side(CabinetSide):
    ORDER_MS = 6_000

    def __init__(
        self, remembered: Iterable[Remembered] = (), remember: Callable[[Remembered], None] = lambda _each: None
    ) -> None:
        times = CabinetTimes(repeat_ms=120, hello_ms=120, order_ms=self.ORDER_MS)
        super().__init__(cabinet="tested", remembered=remembered, remember=remember, times=times)


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


class AnswersErrors(_Side):
    """Answers whatever it does not understand."""

    def received(self, data: bytes) -> None:
        if data[1:3] == b"\x09\x7f":
            self._send(Error(Wrong.VERSION), data[3])
        super().received(data)


class BelievesDamage(_Side):
    """Does not look at the checksum."""

    def received(self, data: bytes) -> None:
        if len(data) > 6 and data[0] == 0x7E and data[2] == 0x83:
            length = data[5]
            number = data[6 : 6 + length].decode(errors="replace")
            self._heard(Dispense(number), data[3])
        super().received(data)


class NeverTakesBack(_Side):
    """An order waits for ever."""

    ORDER_MS = 600_000


class TakesBackTooSoon(_Side):
    """Leaves nobody the time to find their phone."""

    ORDER_MS = 300


class GivesUpUnanswered(_Side):
    """Takes an order back where the terminal needs a moment."""

    def tick(self, *, now_ms: int) -> None:
        super().tick(now_ms=now_ms)
        if self.order is not None and self.status is None and now_ms - self._ordered_ms >= 300:
            self.cancel()


class TakesBackInWordsOnly(_Side):
    """Says Cancel, and would still give out."""

    ORDER_MS = 300

    def cancel(self) -> None:
        if self.order is not None:
            self._send(Cancel(self.order.order))


class ForgetsWithThePower(_Side):
    """Its memory does not last."""

    def __init__(self, _remembered: object, remember: Callable[[Remembered], None]) -> None:
        super().__init__((), remember)


class ForgetsThatItWasNotHeard(_Side):
    """Believes after a power cut that the terminal knows all."""

    def __init__(self, remembered: Iterable[Remembered], remember: Callable[[Remembered], None]) -> None:
        super().__init__([msgspec.structs.replace(each, settled=True) for each in remembered], remember)


class GoesOnAfterThePower(_Side):
    """Takes up an order again where the power left it."""

    def _after_the_cut(self) -> None:
        pass


def _run(side: type[_Side], capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[str]]:
    wire, cabinet = Wire(), EagerCabinet(side)
    wire.play(cabinet.act(wire))
    code = main(["--port", wire.path, *more], pace=PACE, notice=cabinet.notice)
    wire.pull()
    return code, _failed(capsys.readouterr().out.splitlines())


def _failed(lines: list[str]) -> list[str]:
    return [line.removeprefix("FAILED  ").split(":")[0] for line in lines if line.startswith("FAILED")]


def test_our_own_cabinet_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(_Side, capsys, "--slow", "--power") == (0, [])


def test_a_cabinet_made_from_the_page_alone_passes(capsys: pytest.CaptureFixture[str]) -> None:
    wire, memory = Wire(), Lasting()
    cut = threading.Event()

    def act(stop: threading.Event) -> None:
        cabinet = PaperCabinet(memory)
        while not stop.is_set():
            at = time.monotonic() * 10  # ten times as fast
            if cut.is_set() and (CUT_AS_GOODS_MOVE not in told or cabinet.given_out):
                cut.clear()
                cabinet = PaperCabinet(memory)
            if cabinet.idle:
                cabinet.choose(COLA_MINOR, [(7, 31, 1)], at=at)
            data = cabinet.exchange(wire.received(within_s=0.01), at=at)
            if data:
                wire.send(data)

    told: list[str] = []

    def notice(what: str) -> None:
        told.append(what)
        if what.startswith("cut"):
            cut.set()

    wire.play(act)
    code = main(["--port", wire.path, "--power"], pace=PACE, notice=notice)
    wire.pull()
    assert (code, _failed(capsys.readouterr().out.splitlines())) == (0, [])


@pytest.mark.parametrize(
    ("side", "found"),
    [
        (NeverRepeats, "it sends an order, and again while nobody answers"),
        (GivesOutAgain, "it gives out nothing more when told again"),
        (GivesOutUnpaid, "it gives out nothing while the order waits or was declined"),
        (IgnoresTheReversal, "it gives out nothing any more after the money went back"),
        (BelievesDamage, "it does not take a damaged dispense"),
        (AnswersErrors, "it never answers an error"),
        (NeverTakesBack, LAPSES),
        (TakesBackInWordsOnly, LAPSES),
        (TakesBackTooSoon, "it takes no order back before"),
        (GivesUpUnanswered, "it keeps an order that is not answered yet"),
        (ForgetsWithThePower, "it remembers after a power cut what it gave out, and repeats it"),
        (ForgetsThatItWasNotHeard, "it remembers after a power cut what it gave out, and repeats it"),
        (GoesOnAfterThePower, "it makes an order void that waited while the power was cut"),
        (GoesOnAfterThePower, "it gives out nothing twice when the power was cut in between"),
    ],
)
def test_a_cabinet_that_does_one_thing_wrong_is_found_out(side: type[_Side], found: str) -> None:
    """Only what leads to it is run."""
    needed = {found, "it says hello when it is told to", *BEFORE.get(found, ())}
    checks = [each for each in OfCabinet().checks(slow=True, power=True) if each.name in needed]
    wire, cabinet = Wire(), EagerCabinet(side)
    wire.play(cabinet.act(wire))
    line = SerialLine.open(wire.path, timeout_s=0.02)
    said: list[str] = []
    run_all(checks, Probe(line, pace=IN_VAIN, notice=cabinet.notice), tell=said.append)
    line.close()
    wire.pull()
    assert len(checks) == len(needed)
    assert found in _failed(said)


def test_our_own_terminal_passes(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    wire = Wire()
    kind = Cabinet(shop.bench.control, clock=SystemClock(), times=Times(repeat_ms=150, ask_ms=150, silence_ms=3_000))
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
