"""The cabinet's side of the line, for the conformance tool and for simulated cabinets: one order at a time.

No input, output or clock. `remember` is called before anything that must not be forgotten is sent or begun; a cabinet
writes it to memory that survives a power cut, and gives it back at the next start.
"""

from collections.abc import Callable, Iterable

import msgspec

from devices.cabinet.frames import Frames, Received, encode
from devices.cabinet.messages import (
    Ask,
    Cancel,
    Dispense,
    Error,
    Fault,
    Goods,
    Hello,
    Message,
    Order,
    Payment,
    Report,
    Settled,
    Slot,
    Status,
    Welcome,
    Wrong,
)

REMEMBERED = 20
OVER = frozenset((Payment.REFUSED, Payment.CANCELLED, Payment.REVERSED, Payment.PAID))
FINAL = frozenset((Goods.DISPENSED, Goods.FAILED))


class Remembered(msgspec.Struct, frozen=True):
    """Where the goods of an order are; `settled` when the terminal has said that it is over."""

    order: str
    goods: Goods
    fault: Fault = Fault.NONE
    settled: bool = False


class CabinetTimes(msgspec.Struct, frozen=True):
    """`order_ms`: an order that nobody paid by then is void."""

    repeat_ms: int = 1_000
    hello_ms: int = 2_000
    order_ms: int = 90_000


class Shown(msgspec.Struct, frozen=True):
    """For the cabinet's own screen: the terminal's word on the order."""

    status: Status


class GiveOut(msgspec.Struct, frozen=True):
    """Move the goods, and call `dispensed` or `failed`."""

    order: Order


class Ended(msgspec.Struct, frozen=True):
    """The order is over; another may begin."""

    order: str
    paid: bool


CabinetEffect = Shown | GiveOut | Ended


class CabinetSide:
    """Not for two threads at once. After each call take `effects` and then `outgoing`."""

    def __init__(
        self,
        *,
        cabinet: str,
        software: str = "",
        remembered: Iterable[Remembered] = (),
        remember: Callable[[Remembered], None] = lambda _each: None,
        times: CabinetTimes | None = None,
    ) -> None:
        self.cabinet, self.software = cabinet, software
        self.times = times or CabinetTimes()
        self.welcome: Welcome | None = None
        self.order: Order | None = None
        self.status: Status | None = None
        self.frames = Frames()
        self._memory: dict[str, Remembered] = {}
        self._remember = remember
        self._effects: list[CabinetEffect] = []
        self._bytes = bytearray()
        self._sequence = 0
        self._ordered_ms = 0
        self._sent_ms: int | None = None
        for each in remembered:
            self._memory[each.order] = each
        self._after_the_cut()

    def _after_the_cut(self) -> None:
        """Nobody stands before it any more; whether goods that were moving fell is not known."""
        for each in list(self._memory.values()):
            if each.goods is Goods.ORDERED:
                self._set(each.order, Goods.VOID)
            elif each.goods is Goods.DISPENSING:
                self._set(each.order, Goods.FAILED, Fault.UNSURE)

    def effects(self) -> list[CabinetEffect]:
        """What is to be done, each once."""
        effects, self._effects = self._effects, []
        return effects

    def outgoing(self) -> bytes:
        """What is to be sent, each once."""
        data = bytes(self._bytes)
        self._bytes.clear()
        return data

    def goods(self, order: str) -> Goods:
        """Where the goods of an order are."""
        kept = self._memory.get(order)
        return kept.goods if kept is not None else Goods.UNKNOWN

    # From the person, and from the motor

    def choose(self, order: str, *, amount_minor: int, slots: tuple[Slot, ...], now_ms: int) -> None:
        """Somebody wants this; `order` is a number never used before. Raises ValueError while another is not over."""
        if self.order is not None or order in self._memory:
            raise ValueError("one order at a time, each under a number of its own")
        self.order, self.status, self._ordered_ms = Order(order, amount_minor, slots), None, now_ms
        self._set(order, Goods.ORDERED)
        if self.welcome is not None:
            self._send(self.order)
            self._sent_ms = now_ms

    def cancel(self) -> None:
        """The person walked away. Nothing happens once the goods move."""
        if self.order is not None and self.goods(self.order.order) is Goods.ORDERED:
            self._send(Cancel(self.order.order))
            self._void(self.order.order)

    def dispensed(self, *, now_ms: int) -> None:
        """The goods came."""
        self._moved(Goods.DISPENSED, Fault.NONE, now_ms)

    def failed(self, fault: Fault, *, now_ms: int) -> None:
        """They did not."""
        self._moved(Goods.FAILED, fault, now_ms)

    def _moved(self, goods: Goods, fault: Fault, now_ms: int) -> None:
        order = self.order
        if order is not None and self.goods(order.order) is Goods.DISPENSING:
            self._set(order.order, goods, fault)
            self._send(self._report(order.order))
            self._sent_ms = now_ms

    # From the line

    def received(self, data: bytes) -> None:
        """Whatever the line gave."""
        for each in self.frames.feed(data):
            if isinstance(each, Received):
                self._heard(each.message, each.sequence)
            else:
                self._send(Error(each.wrong), each.sequence)

    def _heard(self, message: Message, sequence: int) -> None:
        match message:
            case Welcome():
                self.welcome = message
            case Status():
                self._told(message)
            case Dispense():
                self._dispense(message.order, sequence)
            case Ask():
                self._send(self._report(message.order), sequence)
            case Settled():
                self._settled(message)
            case Error():
                if message.wrong is Wrong.HELLO_FIRST and self.welcome is not None:
                    self.welcome = None  # one Hello, and no order before its Welcome: a later Hello would take it back
                    self._send(Hello(self.cabinet, self.software))
            case _:
                self._send(Error(Wrong.TYPE), sequence)

    def _told(self, status: Status) -> None:
        order = self.order
        if order is None or status.order != order.order:
            return
        self.status = status
        self._effects.append(Shown(status))
        if status.payment in OVER and self.goods(order.order) is Goods.ORDERED:
            self._void(order.order)

    def _dispense(self, number: str, sequence: int) -> None:
        """Given out at most once: that it begins is remembered before it does."""
        order = self.order
        if order is not None and order.order == number and self.goods(number) is Goods.ORDERED:
            self._set(number, Goods.DISPENSING)
            self._effects.append(GiveOut(order))
        self._send(self._report(number), sequence)

    def _settled(self, settled: Settled) -> None:
        kept = self._memory.get(settled.order)
        if kept is None or kept.settled:
            return
        if kept.goods is Goods.ORDERED:
            self._void(settled.order)
        elif kept.goods in FINAL:
            self._set(settled.order, kept.goods, kept.fault, settled=True)
            self._end(settled.order, paid=settled.paid)

    def tick(self, *, now_ms: int) -> None:
        """Time has passed; call it at least every 200 ms."""
        every_ms = self.times.hello_ms if self.welcome is None else self.times.repeat_ms
        if self._sent_ms is not None and now_ms - self._sent_ms < every_ms:
            return
        self._sent_ms = now_ms
        if self.welcome is None:
            self._send(Hello(self.cabinet, self.software))
            return
        for each in list(self._memory.values()):
            if each.goods in FINAL and not each.settled:
                self._send(self._report(each.order))
        order = self.order
        if order is not None and self.goods(order.order) is Goods.ORDERED:
            if now_ms - self._ordered_ms >= self.times.order_ms:
                self.cancel()
            else:
                self._send(order)

    # State

    def _void(self, order: str) -> None:
        self._set(order, Goods.VOID)
        self._end(order, paid=False)

    def _end(self, order: str, *, paid: bool) -> None:
        if self.order is not None and self.order.order == order:
            self.order = None
        self._effects.append(Ended(order, paid))

    def _set(self, order: str, goods: Goods, fault: Fault = Fault.NONE, *, settled: bool = False) -> None:
        each = Remembered(order, goods, fault, settled)
        self._remember(each)
        self._memory[order] = each
        over = [name for name, kept in self._memory.items() if kept.settled or kept.goods is Goods.VOID]
        for name in over[: max(0, len(self._memory) - REMEMBERED)]:
            del self._memory[name]

    def _report(self, order: str) -> Report:
        kept = self._memory.get(order)
        return Report(order, kept.goods, kept.fault) if kept is not None else Report(order, Goods.UNKNOWN)

    def _send(self, message: Message, sequence: int | None = None) -> None:
        if sequence is None:
            self._sequence = (self._sequence + 1) % 256
            sequence = self._sequence
        self._bytes += encode(message, sequence=sequence)
