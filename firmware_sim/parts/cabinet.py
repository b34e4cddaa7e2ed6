"""A milk cabinet at the other end of a serial line: slots with products, a motor, a tray, and what may go wrong."""

import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from devices.cabinet.cabinet_side import CabinetSide, Ended, GiveOut, Remembered, Shown
from devices.cabinet.messages import Fault, Goods, Order, Payment, Slot
from devices.core.catalogue import Catalogue, Product
from devices.drivers.clock import Clock
from devices.master.screen import Said
from firmware_sim.parts.base import BadPress, read_form
from firmware_sim.parts.wire import VirtualWire

SLOTS_MAX = 12
STOCK = 6
MOTOR_MS = 1_200
TICK_S = 0.1
OrderState = Literal["sent", "waiting", "dispensing", "dispensed", "failed", "refused", "cancelled"]
_TOLD: dict[Payment, OrderState] = {
    Payment.WAITING: "waiting",
    Payment.DECLINED: "waiting",
    Payment.APPROVED: "dispensing",
    Payment.REFUSED: "refused",
    Payment.CANCELLED: "cancelled",
    Payment.REVERSED: "failed",
    Payment.PAID: "dispensed",
}


class CabinetForm(msgspec.Struct, frozen=True):
    """A hand at the cabinet: press a slot, walk away, fill it up, take what fell; a fault begins or ends."""

    order: int | None = None
    cancel: bool = False
    refill: bool = False
    take: bool = False
    cut: bool | None = None
    jams: bool | None = None
    silent: bool | None = None
    garbles: bool | None = None
    repeats: bool | None = None


class SlotShown(msgspec.Struct, frozen=True):
    """One slot: what is in it and how many are left."""

    number: int
    name: Said
    price_minor: int
    left: int


class OrderShown(msgspec.Struct, frozen=True):
    """The newest order."""

    slot: int
    name: Said
    state: OrderState


class CabinetState(msgspec.Struct, frozen=True):
    """For the page. `text` is the terminal's word on the order."""

    slots: tuple[SlotShown, ...]
    order: OrderShown | None
    tray: tuple[Said, ...]
    text: str
    cut: bool
    jams: bool
    silent: bool
    garbles: bool
    repeats: bool


class VirtualCabinet:
    """Its memory is the file at `memory`: a power cut in the middle of an order is one for the cabinet, too."""

    def __init__(self, *, catalogue: Callable[[], Catalogue], memory: Path, clock: Clock, name: str = "milk-1") -> None:
        self.wire = VirtualWire()
        self._catalogue, self._memory, self._clock = catalogue, memory, clock
        self._guard, self._stopping = threading.RLock(), threading.Event()
        self._kept: dict[str, Remembered] = {each.order: each for each in _remembered(memory)}
        self._side = CabinetSide(
            cabinet=name, software="virtual-cabinet", remembered=tuple(self._kept.values()), remember=self._remember
        )
        self._left: dict[int, int] = {}
        self._tray: list[Said] = []
        self._slot, self._text = 0, ""
        self._state: OrderState | None = None
        self._motor: tuple[Order, int] | None = None
        self._jams = False

    def run(self) -> None:
        """Its inside, until it is stopped: to be called in a thread of its own."""
        data = b""
        while not self._stopping.is_set():
            with self._guard:
                # It says hello before it listens: who it is, no terminal can know.
                self._side.tick(now_ms=self._clock.monotonic_ms())
                self._side.received(data)
                self._turn()
                self._exchange()
            data = self.wire.read(timeout_s=TICK_S)

    def stop(self) -> None:
        """Switch it off."""
        self._stopping.set()
        self.wire.close()

    def state(self) -> CabinetState:
        """For the page."""
        with self._guard:
            products, wire = self._products(), self.wire
            chosen = products.get(self._slot)
            order = OrderShown(self._slot, _name(chosen), self._state) if chosen and self._state else None
            slots = tuple(
                SlotShown(slot, _name(each), each.price_minor, self._left.get(slot, STOCK))
                for slot, each in products.items()
            )
            return CabinetState(
                slots=slots,
                order=order,
                tray=tuple(self._tray),
                text=self._text,
                cut=wire.cut,
                jams=self._jams,
                silent=wire.mute,
                garbles=wire.garbles,
                repeats=wire.repeats,
            )

    def press(self, form: bytes) -> None:
        """Raises BadPress while another order is not over, and for an empty slot."""
        given = read_form(form, CabinetForm)
        with self._guard:
            self._break(given)
            if given.refill:
                self._left.clear()
            if given.take:
                self._tray.clear()
            if given.cancel:
                self._side.cancel()
            if given.order is not None:
                self._choose(given.order)
            self._exchange()

    def _break(self, given: CabinetForm) -> None:
        wire = self.wire
        wire.cut = wire.cut if given.cut is None else given.cut
        wire.mute = wire.mute if given.silent is None else given.silent
        wire.garbles = wire.garbles if given.garbles is None else given.garbles
        wire.repeats = wire.repeats if given.repeats is None else given.repeats
        self._jams = self._jams if given.jams is None else given.jams

    def _choose(self, slot: int) -> None:
        product = self._products().get(slot)
        if product is None or not self._left.get(slot, STOCK):
            raise BadPress("there is nothing in this slot", zh="这个货道是空的")
        try:
            self._side.choose(
                secrets.token_hex(8),
                amount_minor=product.price_minor,
                slots=(Slot(slot, product.id),),
                now_ms=self._clock.monotonic_ms(),
            )
        except ValueError as error:
            raise BadPress("the order before is not over yet", zh="上一笔订单还没有结束") from error
        self._slot, self._state, self._text = slot, "sent", ""

    # Its inside

    def _exchange(self) -> None:
        for effect in self._side.effects():
            match effect:
                case Shown(status):
                    self._text = status.text
                    self._see(_TOLD[status.payment])
                case GiveOut(order):
                    self._motor = (order, self._clock.monotonic_ms())
                    self._see("dispensing")
                case Ended(_order, paid):
                    self._see("dispensed" if paid else "failed" if self._state == "dispensing" else "cancelled")
        self.wire.write(self._side.outgoing())

    def _see(self, state: OrderState) -> None:
        """What is over stays so until the next order."""
        if self._state in ("sent", "waiting", "dispensing"):
            self._state = state

    def _turn(self) -> None:
        """The motor has turned for long enough: the goods fell, or they did not."""
        now_ms = self._clock.monotonic_ms()
        if self._motor is None or now_ms - self._motor[1] < MOTOR_MS:
            return
        order, self._motor = self._motor[0], None
        if self._jams:
            self._side.failed(Fault.JAMMED, now_ms=now_ms)
            self._see("failed")
            return
        for each in order.slots:
            self._left[each.slot] = max(0, self._left.get(each.slot, STOCK) - each.quantity)
            product = self._products().get(each.slot)
            self._tray += [_name(product)] * each.quantity if product else []
        self._side.dispensed(now_ms=now_ms)
        self._see("dispensed")

    def _products(self) -> dict[int, Product]:
        return dict(enumerate(self._catalogue().products[:SLOTS_MAX], start=1))

    def _remember(self, each: Remembered) -> None:
        self._kept[each.order] = each
        settled = [name for name, kept in self._kept.items() if kept.settled or kept.goods is Goods.VOID]
        for name in settled[:-SLOTS_MAX]:
            del self._kept[name]
        fresh = self._memory.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(list(self._kept.values())))
        fresh.rename(self._memory)


def _name(product: Product) -> Said:
    return Said(product.name.zh, product.name.en or product.name.zh)


def _remembered(memory: Path) -> list[Remembered]:
    if not memory.is_file():
        return []
    return msgspec.json.decode(memory.read_bytes(), type=list[Remembered])
