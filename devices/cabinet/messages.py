"""What a cabinet and a terminal tell each other, and each message's payload.

Integers are big-endian; a text is one byte of length and UTF-8; a name is a text of printable ASCII without spaces.
"""

import struct
from collections.abc import Callable
from enum import IntEnum

import msgspec

MAX_LINES = 16
MAX_NAME = 32
MAX_TEXT_BYTES = 120
MAX_AMOUNT_MINOR = 100_000_000
MAX_QUANTITY = 99


class Payment(IntEnum):
    """Where the money of an order is. From REFUSED on nothing more comes of it."""

    WAITING = 1
    DECLINED = 2
    APPROVED = 3
    REFUSED = 4
    CANCELLED = 5
    REVERSED = 6
    PAID = 7


class Refusal(IntEnum):
    """Why an order was refused, or 0."""

    NONE = 0
    BUSY = 1
    OTHER_CONTENT = 2
    NOT_SOLD = 3
    PRICE = 4
    NOT_READY = 5
    TOO_LARGE = 6


class Goods(IntEnum):
    """Where the goods of an order are. DISPENSED and FAILED never change again; VOID may not be dispensed any more."""

    UNKNOWN = 0
    ORDERED = 1
    DISPENSING = 2
    DISPENSED = 3
    FAILED = 4
    VOID = 5


class Fault(IntEnum):
    """Why the goods did not come, or 0."""

    NONE = 0
    EMPTY = 1
    JAMMED = 2
    DOOR = 3
    NOT_TAKEN = 4
    STOPPED = 5
    UNSURE = 6
    OTHER = 7


class Wrong(IntEnum):
    """What was the matter with a frame that arrived whole."""

    VERSION = 1
    TYPE = 2
    PAYLOAD = 3
    HELLO_FIRST = 4


class Slot(msgspec.Struct, frozen=True):
    """So many of a product from a slot; `product` is its number in the terminal's catalogue, 0 for none."""

    slot: int
    product: int
    quantity: int = 1


class Hello(msgspec.Struct, frozen=True):
    """Cabinet: here I am. Order numbers are unique under `cabinet`."""

    cabinet: str
    software: str = ""


class Order(msgspec.Struct, frozen=True):
    """Cabinet: somebody wants this. Repeated while it waits; the answer is a Status."""

    order: str
    amount_minor: int
    slots: tuple[Slot, ...]


class Cancel(msgspec.Struct, frozen=True):
    """Cabinet: nobody wants it any more. The answer is a Status, which may say that it was too late."""

    order: str


class Report(msgspec.Struct, frozen=True):
    """Cabinet: where the goods are. The answer to Dispense and Ask, and sent by itself when it changes."""

    order: str
    goods: Goods
    fault: Fault = Fault.NONE


class Welcome(msgspec.Struct, frozen=True):
    """Terminal: its answer to Hello, and sent by itself when it starts. `ready`: it can sell."""

    terminal: int
    ready: bool
    software: str = ""


class Status(msgspec.Struct, frozen=True):
    """Terminal: where the money is. `amount_minor` is what the person pays once approved, else what was ordered."""

    order: str
    payment: Payment
    refusal: Refusal
    amount_minor: int
    text: str = ""


class Dispense(msgspec.Struct, frozen=True):
    """Terminal: it is paid, give it out. Repeated until a Report answers; it is given out once."""

    order: str


class Ask(msgspec.Struct, frozen=True):
    """Terminal: where are the goods? Changes nothing."""

    order: str


class Settled(msgspec.Struct, frozen=True):
    """Terminal: it is over. Not `paid`: the money was given back, and the goods must not come any more."""

    order: str
    paid: bool


class Error(msgspec.Struct, frozen=True):
    """Either: a frame came whole and is not understood. Never answered."""

    wrong: Wrong


Message = Hello | Order | Cancel | Report | Welcome | Status | Dispense | Ask | Settled | Error
FROM_CABINET: dict[type[Message], int] = {Hello: 0x01, Order: 0x02, Cancel: 0x03, Report: 0x04}
FROM_TERMINAL: dict[type[Message], int] = {Welcome: 0x81, Status: 0x82, Dispense: 0x83, Ask: 0x84, Settled: 0x85}
TYPES: dict[type[Message], int] = {**FROM_CABINET, **FROM_TERMINAL, Error: 0x7F}

_LINE = struct.Struct(">HIB")


class PayloadError(ValueError):
    """A payload that is not what its type says: the sender's fault."""


def pack(message: Message) -> bytes:
    """The payload. Raises PayloadError for values that do not fit."""
    try:
        payload = _pack(message)
    except (struct.error, UnicodeEncodeError) as error:
        raise PayloadError(str(error)) from error
    if unpack(TYPES[type(message)], payload) != message:
        raise PayloadError("a value is out of its bounds")
    return payload


def _pack(message: Message) -> bytes:
    match message:
        case Hello():
            return _text(message.cabinet) + _text(message.software)
        case Order():
            lines = b"".join(_LINE.pack(each.slot, each.product, each.quantity) for each in message.slots)
            return _text(message.order) + struct.pack(">IB", message.amount_minor, len(message.slots)) + lines
        case Report():
            return _text(message.order) + bytes([message.goods, message.fault])
        case Welcome():
            return struct.pack(">IB", message.terminal, message.ready) + _text(message.software)
        case Status():
            numbers = struct.pack(">BBI", message.payment, message.refusal, message.amount_minor)
            return _text(message.order) + numbers + _text(message.text)
        case Settled():
            return _text(message.order) + bytes([message.paid])
        case Cancel() | Dispense() | Ask():
            return _text(message.order)
        case Error():
            return bytes([message.wrong])


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">B", len(data)) + data


class _Reader:
    """Takes a payload apart from its front; every shortage raises."""

    def __init__(self, payload: bytes) -> None:
        self._rest = payload

    def take(self, size: int) -> bytes:
        if len(self._rest) < size:
            raise PayloadError("the payload is too short")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def number(self, size: int, *, least: int = 0, most: int | None = None) -> int:
        value = int.from_bytes(self.take(size), "big")
        if value < least or (most is not None and value > most):
            raise PayloadError("a number is out of its bounds")
        return value

    def text(self, most: int = MAX_TEXT_BYTES) -> str:
        return self.take(self.number(1, most=most)).decode()

    def name(self) -> str:
        name = self.text(MAX_NAME)
        if not name or not all("!" <= each <= "~" for each in name):
            raise PayloadError("a name is 1 to 32 printable ASCII characters")
        return name

    def end(self) -> None:
        if self._rest:
            raise PayloadError("the payload is too long")


def unpack(kind: int, payload: bytes) -> Message:
    """The message. Raises PayloadError, and KeyError for a type that is not known."""
    reader = _Reader(payload)
    unpacker = _UNPACK[kind]
    try:
        message = unpacker(reader)
        reader.end()
    except ValueError as error:
        raise PayloadError(str(error)) from error
    return message


def _order(reader: _Reader) -> Order:
    order, amount_minor = reader.name(), reader.number(4, least=1, most=MAX_AMOUNT_MINOR)
    count = reader.number(1, least=1, most=MAX_LINES)
    slots = tuple(
        Slot(reader.number(2), reader.number(4, most=(1 << 31) - 1), reader.number(1, least=1, most=MAX_QUANTITY))
        for _ in range(count)
    )
    return Order(order, amount_minor, slots)


def _status(reader: _Reader) -> Status:
    return Status(reader.name(), Payment(reader.number(1)), Refusal(reader.number(1)), reader.number(4), reader.text())


_UNPACK: dict[int, Callable[[_Reader], Message]] = {
    0x01: lambda reader: Hello(reader.name(), reader.text()),
    0x02: _order,
    0x03: lambda reader: Cancel(reader.name()),
    0x04: lambda reader: Report(reader.name(), Goods(reader.number(1)), Fault(reader.number(1))),
    0x81: lambda reader: Welcome(reader.number(4), bool(reader.number(1, most=1)), reader.text()),
    0x82: _status,
    0x83: lambda reader: Dispense(reader.name()),
    0x84: lambda reader: Ask(reader.name()),
    0x85: lambda reader: Settled(reader.name(), bool(reader.number(1, most=1))),
    0x7F: lambda reader: Error(Wrong(reader.number(1))),
}
