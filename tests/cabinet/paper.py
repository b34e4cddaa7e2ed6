"""A cabinet made from devices/CABINET.md alone: it imports nothing of ours, so it shows that the page suffices.

Written like firmware: bytes in, bytes out, one order at a time, a small lasting memory. Where it and the page differ,
one of them is to be mended; it is never brought into line with our own cabinet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

HELLO, ORDER, CANCEL, REPORT = 0x01, 0x02, 0x03, 0x04
WELCOME, STATUS, DISPENSE, ASK, SETTLED, ERROR = 0x81, 0x82, 0x83, 0x84, 0x85, 0x7F
REFUSED, CANCELLED, REVERSED, PAID = 4, 5, 6, 7
UNKNOWN, ORDERED, DISPENSING, DISPENSED, FAILED, VOID = range(6)
JAMMED, UNSURE = 2, 6
WRONG_VERSION, WRONG_TYPE, WRONG_PAYLOAD, HELLO_FIRST = 1, 2, 3, 4
REMEMBERED = 20


def crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def frame(kind: int, sequence: int, payload: bytes) -> bytes:
    body = bytes([1, kind, sequence, len(payload)]) + payload
    body += crc16(body).to_bytes(2, "big")
    return b"\x7e" + body.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e")


def text(value: str) -> bytes:
    return bytes([len(value.encode())]) + value.encode()


@dataclass
class Entry:
    """One order in the lasting memory."""

    goods: int
    fault: int = 0
    settled: bool = False


@dataclass
class Lasting:
    """What a power cut leaves: the newest orders, and the counter their numbers are made of."""

    orders: dict[str, Entry] = field(default_factory=dict)
    counter: int = 0


class Bytes:
    """The escapes and the checksum, a byte at a time."""

    def __init__(self) -> None:
        self._body: bytearray | None = None
        self._escaped = False

    def take(self, data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        for byte in data:
            if byte == 0x7E:
                self._body, self._escaped = bytearray(), False
                continue
            if self._body is None:
                continue
            if self._escaped:
                if byte not in (0x5D, 0x5E):
                    self._body = None
                    continue
                self._body.append(byte ^ 0x20)
                self._escaped = False
            elif byte == 0x7D:
                self._escaped = True
                continue
            else:
                self._body.append(byte)
            if len(self._body) >= 4 and len(self._body) == 4 + self._body[3] + 2:
                body, self._body = bytes(self._body), None
                if body[3] <= 240 and crc16(body[:-2]) == int.from_bytes(body[-2:], "big"):
                    yield body[0], body[1], body[2], body[4:-2]


class PaperCabinet:
    """The firmware. `motor_s` is how long goods move; `jams` makes them stick."""

    def __init__(self, memory: Lasting, *, motor_s: float = 1.5) -> None:
        self.memory = memory
        self.given_out: list[str] = []
        self.jams = False
        self._motor_s = motor_s
        self._bytes = Bytes()
        self._out = bytearray()
        self._sequence = 0
        self._welcomed = False
        self._next_hello = 0.0
        self._order = b""
        self._number = ""
        self._next_order = 0.0
        self._give_up = 0.0
        self._moving_until = 0.0
        self._next_report = 0.0
        for entry in memory.orders.values():  # rule 1: after a cut
            if entry.goods == ORDERED:
                entry.goods, entry.settled = VOID, True
            if entry.goods == DISPENSING:
                entry.goods, entry.fault = FAILED, UNSURE

    @property
    def idle(self) -> bool:
        """Another order may begin."""
        entry = self.memory.orders.get(self._number)
        return self._welcomed and (entry is None or entry.settled)

    def choose(self, amount_minor: int, lines: list[tuple[int, int, int]], *, at: float) -> str:
        self.memory.counter += 1
        self._number = f"P{self.memory.counter}"
        self.memory.orders[self._number] = Entry(ORDERED)
        for old in list(self.memory.orders)[:-REMEMBERED]:
            del self.memory.orders[old]
        self._order = text(self._number) + amount_minor.to_bytes(4, "big") + bytes([len(lines)])
        for slot, product, quantity in lines:
            self._order += slot.to_bytes(2, "big") + product.to_bytes(4, "big") + bytes([quantity])
        self._next_order, self._give_up = at, at + 90
        return self._number

    def exchange(self, data: bytes, *, at: float) -> bytes:
        """Bytes that came, and the time; bytes to send."""
        for version, kind, sequence, payload in self._bytes.take(data):
            if version == 1:
                self._hear(kind, sequence, payload, at)
            elif kind != ERROR:
                self._answer(ERROR, sequence, bytes([WRONG_VERSION]))
        self._work(at)
        out, self._out = bytes(self._out), bytearray()
        return out

    def _hear(self, kind: int, sequence: int, payload: bytes, at: float) -> None:
        if kind == ERROR:
            if payload == bytes([HELLO_FIRST]):
                self._welcomed, self._next_hello = False, at
            return
        if kind == WELCOME:
            self._welcomed = True
            return
        if kind not in (STATUS, DISPENSE, ASK, SETTLED):
            self._answer(ERROR, sequence, bytes([WRONG_TYPE]))
            return
        rest = {STATUS: 6, DISPENSE: 0, ASK: 0, SETTLED: 1}[kind]
        length = payload[0] if payload else 0
        number, tail = payload[1 : 1 + length].decode("ascii", "replace"), payload[1 + length :]
        exact = kind != STATUS
        if not 1 <= length <= 32 or len(number) < length or len(tail) < rest or (exact and len(tail) != rest):
            self._answer(ERROR, sequence, bytes([WRONG_PAYLOAD]))
            return
        entry = self.memory.orders.get(number)
        if kind == STATUS and entry and tail[0] in (REFUSED, CANCELLED, REVERSED, PAID):
            self._over(entry)
        if kind == SETTLED and entry:
            self._over(entry)
            entry.settled = True
        if kind == DISPENSE and entry and entry.goods == ORDERED:
            entry.goods = DISPENSING  # lasting, before anything moves
            self.given_out.append(number)
            self._moving_until = at + self._motor_s
        if kind in (DISPENSE, ASK):
            goods, fault = (entry.goods, entry.fault) if entry else (UNKNOWN, 0)
            self._answer(REPORT, sequence, text(number) + bytes([goods, fault]))

    def _over(self, entry: Entry) -> None:
        if entry.goods == ORDERED:
            entry.goods, entry.settled = VOID, True

    def _work(self, at: float) -> None:
        if not self._welcomed:
            if at >= self._next_hello:
                self._say(HELLO, text("paper-1") + text("from the page 1"))
                self._next_hello = at + 2
            return
        entry = self.memory.orders.get(self._number)
        if entry and entry.goods == DISPENSING and at >= self._moving_until:
            entry.goods, entry.fault = (FAILED, JAMMED) if self.jams else (DISPENSED, 0)
            self._next_report = at
        if entry and entry.goods == ORDERED:
            if at >= self._give_up:
                self._over(entry)
                self._say(CANCEL, text(self._number))
            elif at >= self._next_order:
                self._say(ORDER, self._order)
                self._next_order = at + 1
        if at >= self._next_report:
            for number, kept in self.memory.orders.items():
                if kept.goods in (DISPENSED, FAILED) and not kept.settled:
                    self._say(REPORT, text(number) + bytes([kept.goods, kept.fault]))
                    self._next_report = at + 1

    def _say(self, kind: int, payload: bytes) -> None:
        self._sequence = self._sequence % 255 + 1
        self._out += frame(kind, self._sequence, payload)

    def _answer(self, kind: int, sequence: int, payload: bytes) -> None:
        self._out += frame(kind, sequence, payload)
