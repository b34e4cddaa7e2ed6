"""The terminal's side of the line to a cabinet: one order at a time, from its arrival until the money fits the goods.

No input, output or clock: bytes and the time go in, bytes and effects come out. What an effect asks for is done before
the bytes after it are sent.
"""

from collections import OrderedDict

import msgspec

from devices.cabinet.frames import Frames, Received, encode
from devices.cabinet.messages import (
    Ask,
    Cancel,
    Dispense,
    Error,
    Goods,
    Hello,
    Message,
    Order,
    Payment,
    Refusal,
    Report,
    Settled,
    Status,
    Welcome,
    Wrong,
)
from devices.cabinet.values import (
    Asked,
    Came,
    Effect,
    GiveBack,
    Kept,
    Name,
    Open,
    Phase,
    Times,
    Withdrawn,
    cut,
    wanted_by,
)

KEPT_ORDERS = 20_000
"""Orders that are over are remembered this many; a repeat of an older one is a new order."""
GONE = frozenset((Goods.UNKNOWN, Goods.FAILED, Goods.VOID))
"""After these no goods come any more."""


class TerminalSide:
    """Not for two threads at once. After each call take `effects` and then `outgoing`."""

    def __init__(self, *, terminal: int = 0, software: str = "", times: Times | None = None) -> None:
        self.terminal, self.software, self.ready = terminal, software, True
        self.times = times or Times()
        self.open: Open | None = None
        self.cabinet = ""
        self.frames = Frames()
        self._kept: OrderedDict[Name, Kept] = OrderedDict()
        self._effects: list[Effect] = []
        self._bytes = bytearray()
        self._sequence = 0
        self._settled: tuple[Settled, int, int] | None = None

    def effects(self) -> list[Effect]:
        """What is to be done, each once."""
        effects, self._effects = self._effects, []
        return effects

    def outgoing(self) -> bytes:
        """What is to be sent, each once."""
        data = bytes(self._bytes)
        self._bytes.clear()
        return data

    # Starting

    def start(self, *, kept: list[tuple[Name, Kept]], unsettled: Name | None, now_ms: int) -> None:
        """What the journal holds, oldest first; `unsettled` names the sale whose goods are not known to have come."""
        for name, each in kept:
            self._keep(name, each)
        if unsettled is not None:
            each = self._kept.pop(unsettled)
            self.open = Open(
                unsettled,
                Phase.RECOVERING,
                now_ms,
                now_ms,
                now_ms,
                each.amount_minor,
                each.wanted,
                each.epoch,
                each.seq,
            )
        self._send(Welcome(self.terminal, self.ready, self.software))
        if self.open is not None:
            self._send(Ask(self.open.name.order))

    # From the line

    def received(self, data: bytes, *, now_ms: int) -> None:
        """Whatever the line gave."""
        for each in self.frames.feed(data):
            if isinstance(each, Received):
                self._heard(each.message, each.sequence, now_ms)
            else:
                self._send(Error(each.wrong), each.sequence)

    def _heard(self, message: Message, sequence: int, now_ms: int) -> None:
        match message:
            case Hello():
                self._hello(message, sequence)
            case Order() | Cancel() if not self.cabinet:
                self._send(Error(Wrong.HELLO_FIRST), sequence)
            case Order():
                self._order(message, sequence, now_ms)
            case Cancel():
                self._cancel(message, sequence)
            case Report():
                self._report(message, sequence, now_ms)
            case Error():
                pass
            case _:
                self._send(Error(Wrong.TYPE), sequence)

    def _hello(self, hello: Hello, sequence: int) -> None:
        """The cabinet has just started: nobody stands before it with an order that waits."""
        self.cabinet = hello.cabinet
        self._send(Welcome(self.terminal, self.ready, self.software), sequence)
        waits = self.open
        if waits is not None and waits.phase in (Phase.CHECKING, Phase.WAITING):
            self._withdraw(waits)
        elif waits is not None:
            self._send(Ask(waits.name.order))

    def _order(self, order: Order, sequence: int, now_ms: int) -> None:
        name, wanted = Name(self.cabinet, order.order), wanted_by(order)
        kept, waits = self._kept.get(name), self.open
        if kept is not None:
            if kept.wanted not in (None, wanted):
                self._refused(order, Refusal.OTHER_CONTENT, sequence)
            else:
                self._status(name, kept.payment, kept.amount_minor, sequence=sequence)
        elif waits is None:
            self.open = Open(
                name, Phase.CHECKING, now_ms, now_ms, now_ms, order.amount_minor, wanted, sequence=sequence
            )
            self._effects.append(Asked(name, order))
        elif waits.name != name:
            self._refused(order, Refusal.BUSY, sequence)
        elif waits.wanted not in (None, wanted):
            self._refused(order, Refusal.OTHER_CONTENT, sequence)
        elif waits.phase is not Phase.CHECKING:
            self._status(name, _payment(waits), waits.amount_minor, sequence=sequence)

    def _cancel(self, cancel: Cancel, sequence: int) -> None:
        name = Name(self.cabinet, cancel.order)
        kept, waits = self._kept.get(name), self.open
        if kept is not None:
            self._status(name, kept.payment, kept.amount_minor, sequence=sequence)
        elif waits is not None and waits.name == name and waits.phase not in (Phase.CHECKING, Phase.WAITING):
            self._status(name, _payment(waits), waits.amount_minor, sequence=sequence)
        else:
            if waits is not None and waits.name == name:
                self._withdraw(waits)
            else:
                self._keep(name, Kept(Payment.CANCELLED))
            self._status(name, Payment.CANCELLED, 0, sequence=sequence)

    def _report(self, report: Report, sequence: int, now_ms: int) -> None:
        waits = self.open
        if waits is None or waits.name.order != report.order or self.cabinet not in ("", waits.name.cabinet):
            self._report_later(report, sequence)
        elif waits.phase in (Phase.CHECKING, Phase.WAITING):
            if report.goods in GONE or report.goods is Goods.DISPENSED:
                self._withdraw(waits)
                self._status(waits.name, Payment.CANCELLED, 0, sequence=sequence)
        else:
            waits.heard_ms = now_ms
            self._report_open(waits, report, now_ms)

    def _report_open(self, waits: Open, report: Report, now_ms: int) -> None:
        if report.goods is Goods.DISPENSED:
            self._close(waits, Payment.PAID)
            self._effects.append(Came(waits.name, waits.epoch, waits.seq, late=False))
            self._send(Settled(waits.name.order, paid=True))
        elif waits.phase is Phase.GIVING_BACK:
            return
        elif report.goods is Goods.DISPENSING:
            if waits.phase is not Phase.DISPENSING:
                waits.phase, waits.since_ms, waits.sent_ms = Phase.DISPENSING, now_ms, now_ms
        elif report.goods in GONE or waits.phase is not Phase.DISPENSE:
            self._give_back(waits, now_ms)

    def _report_later(self, report: Report, sequence: int) -> None:
        """Of an order that is over: the cabinet repeats it until it is told so."""
        if report.goods in (Goods.UNKNOWN, Goods.ORDERED, Goods.DISPENSING):
            return
        name = next(
            (
                each
                for each in reversed(self._kept)
                if each.order == report.order and self.cabinet in ("", each.cabinet)
            ),
            None,
        )
        kept = self._kept[name] if name is not None else Kept(Payment.CANCELLED)
        if name is not None and report.goods is Goods.DISPENSED and kept.payment is Payment.REVERSED and not kept.late:
            self._kept[name] = msgspec.structs.replace(kept, late=True)
            self._effects.append(Came(name, kept.epoch, kept.seq, late=True))
        self._send(Settled(report.order, paid=kept.payment is Payment.PAID), sequence)

    # From the host

    def accept(self, *, now_ms: int) -> None:
        """The order just asked for is offered for payment."""
        waits = self.open
        if waits is not None and waits.phase is Phase.CHECKING:
            waits.phase, waits.since_ms = Phase.WAITING, now_ms
            self._status(waits.name, Payment.WAITING, waits.amount_minor, sequence=waits.sequence)

    def refuse(self, refusal: Refusal, *, text: str = "") -> None:
        """The order asked for, or one that waits, cannot be paid here. Not remembered: it may be tried again."""
        waits = self.open
        if waits is not None and waits.phase in (Phase.CHECKING, Phase.WAITING):
            self.open = None
            sequence = waits.sequence if waits.phase is Phase.CHECKING else None
            self._send(Status(waits.name.order, Payment.REFUSED, refusal, waits.amount_minor, cut(text)), sequence)

    def approved(self, name: Name, *, epoch: int, seq: int, amount_minor: int, text: str = "", now_ms: int) -> bool:
        """A durable sale pays for this order. False: it does not wait any more, and the sale must be reversed."""
        waits = self.open
        if waits is None or waits.name != name or waits.phase is not Phase.WAITING:
            return False
        waits.phase, waits.since_ms, waits.heard_ms, waits.sent_ms = Phase.DISPENSE, now_ms, now_ms, now_ms
        waits.epoch, waits.seq, waits.amount_minor = epoch, seq, amount_minor
        self._status(name, Payment.APPROVED, amount_minor, text=text)
        self._send(Dispense(name.order))
        return True

    def declined(self, *, text: str) -> None:
        """Whoever tapped cannot pay; the order goes on waiting."""
        waits = self.open
        if waits is not None and waits.phase is Phase.WAITING:
            self._status(waits.name, Payment.DECLINED, waits.amount_minor, text=text)

    def given_back(self, *, now_ms: int) -> None:
        """The reversal is durable."""
        waits = self.open
        if waits is None or waits.phase is not Phase.GIVING_BACK:
            return
        self._close(waits, Payment.REVERSED)
        self._status(waits.name, Payment.REVERSED, waits.amount_minor)
        self._send_settled(Settled(waits.name.order, paid=False), self.times.settled_sends, now_ms)

    def tick(self, *, now_ms: int) -> None:
        """Time has passed; call it at least every 200 ms."""
        if self._settled is not None and now_ms - self._settled[2] >= self.times.repeat_ms:
            self._send_settled(self._settled[0], self._settled[1], now_ms)
        waits = self.open
        if waits is None:
            return
        times, in_phase_ms = self.times, now_ms - waits.since_ms
        if waits.phase is Phase.WAITING and in_phase_ms >= times.pay_ms:
            self._withdraw(waits)
            self._status(waits.name, Payment.CANCELLED, waits.amount_minor)
        elif waits.phase is Phase.GIVING_BACK and now_ms - waits.sent_ms >= times.repeat_ms:
            waits.sent_ms = now_ms
            self._effects.append(GiveBack(waits.name, waits.epoch, waits.seq))
        elif waits.phase in (Phase.DISPENSE, Phase.DISPENSING, Phase.RECOVERING):
            self._chase(waits, in_phase_ms, now_ms)

    def _chase(self, waits: Open, in_phase_ms: int, now_ms: int) -> None:
        """Until it is known what became of the goods, or nobody says so for too long."""
        times = self.times
        if waits.phase is Phase.RECOVERING:
            over = times.recover_ms is not None and in_phase_ms >= times.recover_ms
        else:
            over = now_ms - waits.heard_ms >= times.silence_ms or in_phase_ms >= times.dispense_ms
        if over:
            self._give_back(waits, now_ms)
            return
        every_ms = times.repeat_ms if waits.phase is Phase.DISPENSE else times.ask_ms
        if now_ms - waits.sent_ms >= every_ms:
            waits.sent_ms = now_ms
            order = waits.name.order
            self._send(Dispense(order) if waits.phase is Phase.DISPENSE else Ask(order))

    # State

    def _withdraw(self, waits: Open) -> None:
        self._close(waits, Payment.CANCELLED)
        self._effects.append(Withdrawn(waits.name))

    def _give_back(self, waits: Open, now_ms: int) -> None:
        waits.phase, waits.since_ms, waits.sent_ms = Phase.GIVING_BACK, now_ms, now_ms
        self._effects.append(GiveBack(waits.name, waits.epoch, waits.seq))

    def _close(self, waits: Open, payment: Payment) -> None:
        self.open = None
        self._keep(waits.name, Kept(payment, waits.amount_minor, waits.wanted, waits.epoch, waits.seq))

    def _keep(self, name: Name, kept: Kept) -> None:
        self._kept[name] = kept
        self._kept.move_to_end(name)
        if len(self._kept) > KEPT_ORDERS:
            self._kept.popitem(last=False)

    def _refused(self, order: Order, refusal: Refusal, sequence: int) -> None:
        self._send(Status(order.order, Payment.REFUSED, refusal, order.amount_minor), sequence)

    def _status(
        self, name: Name, payment: Payment, amount_minor: int, *, text: str = "", sequence: int | None = None
    ) -> None:
        self._send(Status(name.order, payment, Refusal.NONE, amount_minor, cut(text)), sequence)

    def _send_settled(self, settled: Settled, left: int, now_ms: int) -> None:
        self._send(settled)
        self._settled = (settled, left - 1, now_ms) if left > 1 else None

    def _send(self, message: Message, sequence: int | None = None) -> None:
        if sequence is None:
            self._sequence = (self._sequence + 1) % 256
            sequence = self._sequence
        self._bytes += encode(message, sequence=sequence)


def _payment(waits: Open) -> Payment:
    return Payment.WAITING if waits.phase in (Phase.CHECKING, Phase.WAITING) else Payment.APPROVED
