"""A terminal and a cabinet on one line that a test cuts, garbles and repeats; no clock but the test's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from devices.cabinet.cabinet_side import CabinetSide, GiveOut, Remembered
from devices.cabinet.frames import Frames, Received
from devices.cabinet.machine import TerminalSide
from devices.cabinet.messages import (
    Ask,
    Cancel,
    Dispense,
    Error,
    Fault,
    Hello,
    Message,
    Order,
    Payment,
    Report,
    Settled,
    Slot,
    Status,
    Welcome,
)
from devices.cabinet.values import Asked, Came, GiveBack, Kept, Name, Phase, Times

MILK = (Slot(7, 31, 1),)
PRICE_MINOR = 350
STEP_MS = 100

Damage = Callable[[bytes], bytes]


def whole(data: bytes) -> bytes:
    return data


def silence(_data: bytes) -> bytes:
    return b""


@dataclass
class Book:
    """What the terminal's journal holds: the orders of its sales by sequence, and what became of each."""

    sales: list[Name] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)
    dispensed: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)

    def kept(self) -> tuple[list[tuple[Name, Kept]], Name | None]:
        kept: list[tuple[Name, Kept]] = []
        unsettled = None
        for seq, name in enumerate(self.sales, start=1):
            payment = Payment.REVERSED if seq in self.given_back else Payment.PAID
            kept.append((name, Kept(payment, PRICE_MINOR, None, 1, seq, seq in self.late)))
            unsettled = name if seq not in self.given_back and seq not in self.dispensed else None
        return kept, unsettled


@dataclass
class Line:
    """`motor` says what becomes of goods told to move: "falls", "sticks" or "hangs"."""

    motor: str = "falls"
    to_cabinet: Damage = whole
    to_terminal: Damage = whole
    times: Times = field(default_factory=Times)
    now_ms: int = 1_000_000
    book: Book = field(default_factory=Book)
    memory: dict[str, Remembered] = field(default_factory=dict)
    fallen: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    storage: bool = True
    cabinet_on: bool = True
    terminal: TerminalSide = field(init=False)
    cabinet: CabinetSide = field(init=False)

    def __post_init__(self) -> None:
        self._ears = {"T": Frames(), "C": Frames()}
        self.start_cabinet()
        self.start_terminal()
        self.run(500)
        self.said.clear()

    def start_terminal(self) -> None:
        self.terminal = TerminalSide(terminal=7, software="test", times=self.times)
        kept, unsettled = self.book.kept()
        self.terminal.start(kept=kept, unsettled=unsettled, now_ms=self.now_ms)

    def start_cabinet(self) -> None:
        self.cabinet = CabinetSide(
            cabinet="milk-1",
            remembered=tuple(self.memory.values()),
            remember=lambda each: self.memory.update({each.order: each}),
        )

    def run(self, duration_ms: int) -> None:
        for _ in range(duration_ms // STEP_MS):
            self.now_ms += STEP_MS
            self.terminal.tick(now_ms=self.now_ms)
            if self.cabinet_on:
                self.cabinet.tick(now_ms=self.now_ms)
            self.exchange()

    def exchange(self) -> None:
        for _ in range(4):
            if self.cabinet_on:
                self._move()
            sent = self.cabinet.outgoing() if self.cabinet_on else b""
            self._note("C", sent)
            self.terminal.received(self.to_terminal(sent), now_ms=self.now_ms)
            self._host()
            answer = self.terminal.outgoing()
            self._note("T", answer)
            if self.cabinet_on:
                self.cabinet.received(self.to_cabinet(answer))

    def choose(self, order: str = "A1", *, amount_minor: int = PRICE_MINOR) -> None:
        self.cabinet.choose(order, amount_minor=amount_minor, slots=MILK, now_ms=self.now_ms)
        self.exchange()

    def pay(self) -> bool:
        """Somebody taps: the sale is durable first, and reversed at once where the order does not wait any more."""
        waits = self.terminal.open
        if waits is None or waits.phase is not Phase.WAITING:
            return False
        return self.pay_for(waits.name)

    def pay_for(self, name: Name) -> bool:
        self.book.sales.append(name)
        seq = len(self.book.sales)
        taken = self.terminal.approved(name, epoch=1, seq=seq, amount_minor=PRICE_MINOR, now_ms=self.now_ms)
        if not taken:
            self.book.given_back.append(seq)
        self.exchange()
        return taken

    def send(self, data: bytes) -> list[Message]:
        """As a cabinet of the test's own would; what the terminal answers."""
        self.terminal.received(data, now_ms=self.now_ms)
        self._host()
        return [each.message for each in Frames().feed(self.terminal.outgoing()) if isinstance(each, Received)]

    def _host(self) -> None:
        for effect in self.terminal.effects():
            match effect:
                case Asked():
                    self.terminal.accept(now_ms=self.now_ms)
                case GiveBack() if self.storage:
                    self.book.given_back.append(effect.seq)
                    self.terminal.given_back(now_ms=self.now_ms)
                case Came():
                    (self.book.late if effect.late else self.book.dispensed).append(effect.seq)
                case _:
                    pass

    def _move(self) -> None:
        for effect in self.cabinet.effects():
            if isinstance(effect, GiveOut):
                self.go_on(effect.order.order)

    def go_on(self, order: str) -> None:
        if self.motor == "falls":
            self.fallen.append(order)
            self.cabinet.dispensed(now_ms=self.now_ms)
        elif self.motor == "sticks":
            self.cabinet.failed(Fault.JAMMED, now_ms=self.now_ms)

    def _note(self, who: str, data: bytes) -> None:
        for each in self._ears[who].feed(data):
            assert isinstance(each, Received)
            self.said.append(f"{who} {words(each.message)}")


def words(message: Message) -> str:
    match message:
        case Order() | Cancel() | Dispense() | Ask():
            return f"{type(message).__name__} {message.order}"
        case Report():
            return f"Report {message.order} {message.goods.name}"
        case Status():
            return f"Status {message.order} {message.payment.name}"
        case Settled():
            return f"Settled {message.order} {'paid' if message.paid else 'not paid'}"
        case Hello() | Welcome():
            return type(message).__name__
        case Error():
            return f"Error {message.wrong.name}"
