"""The register's side over a serial line: one ASCII line for each request and each answer, with a checksum.

`$` body `*` four hex digits of the body's CRC-16 CR LF; the body's fields are parted by `|`. A line that is damaged is
not answered: the register asks again. No input or output of its own.
"""

import threading

from devices.core.checksum import crc16
from devices.drivers.serial_line import Split
from devices.till.desk import Desk
from devices.till.sales import BadRequest, RegisterError, RegisterSale

MAX_LINE = 160
_ENDS = b"\r\n"


def encode(*fields: str) -> bytes:
    """A line as it goes on the wire."""
    body = "|".join(fields).encode("ascii")
    return b"$" + body + f"*{crc16(body):04X}\r\n".encode("ascii")


def decode(line: bytes) -> list[str] | None:
    """The fields of a line without its end; None where it is damaged."""
    start = line.rfind(b"$")
    body, star, check = line[start + 1 :].partition(b"*")
    if start < 0 or not star or not line.isascii():
        return None
    if check.upper() != f"{crc16(body):04X}".encode("ascii"):
        return None
    return body.decode("ascii").split("|")


class RegisterLine:
    """`pump` is called with what came and gives what to send, from one thread, also where nothing came."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._split = Split(ends=_ENDS, limit=MAX_LINE)
        self._lock = threading.Lock()
        self._changes: list[RegisterSale] = []
        self._answered: dict[str, int] = {}
        desk.watch(self._changed)

    def pump(self, data: bytes) -> bytes:
        """Answers first, then what changed by itself."""
        self._answered.clear()
        answers = b"".join(self._answer(line) for line in self._split.feed(data))
        with self._lock:
            changes, self._changes = self._changes, []
        news = (sale for sale in changes if sale.version > self._answered.get(sale.order, 0))
        return answers + b"".join(_encode(sale) for sale in news)

    def _changed(self, sale: RegisterSale) -> None:
        with self._lock:
            self._changes.append(sale)

    def _answer(self, line: bytes) -> bytes:
        fields = decode(line)
        if fields is None:
            return b""
        try:
            return self._do(*fields)
        except RegisterError as error:
            order = fields[1] if len(fields) > 1 else ""
            return encode("ERROR", error.code, order)

    def _do(self, command: str, *given: str) -> bytes:
        match command, given:
            case "HELLO", ():
                return encode("READY", "1" if self._desk.ready else "0")
            case "SALE", (order, amount) if amount.isdigit() and len(amount) <= 9:
                return self._state(self._desk.ask(order, int(amount))[0])
            case "ASK", (order,):
                return self._state(self._desk.find(order))
            case "CANCEL", (order,):
                return self._state(self._desk.cancel(order))
            case "REVERSE", (order,):
                return self._state(self._desk.reverse(order))
        raise BadRequest("this line is not understood")

    def _state(self, sale: RegisterSale) -> bytes:
        """An answer tells its own order's change too, and what was before it."""
        self._answered[sale.order] = sale.version
        return _encode(sale)


def _encode(sale: RegisterSale) -> bytes:
    return encode("STATE", sale.order, sale.state, str(sale.amount_minor), str(sale.paid_minor), sale.why)
