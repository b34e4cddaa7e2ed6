"""Card readers: a card's number (UID) each time it is laid on. Two kinds: a module on a serial line, and PC/SC."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self

from devices.core.card import MAX_UID_BYTES, MIN_UID_BYTES
from devices.drivers.clock import Clock, SystemClock
from devices.drivers.extras import load
from devices.drivers.serial_line import Line, LineGone

logger = logging.getLogger(__name__)

STX, ETX = 0x02, 0x03
AWAY_MS = 700
"""A module repeats the number while the card lies there; silent for so long, the card was taken away."""
PCSC_LOOK_S = 0.2
GET_UID = [0xFF, 0xCA, 0x00, 0x00, 0x00]
_CHUNK = 256
_MAX_FRAME = 2 * (MAX_UID_BYTES + 1) + 2


class ReaderError(Exception):
    """The reader is not there or does not answer: the hardware, or whoever connected it."""


class CardReader(Protocol):
    """Anything that says the numbers of cards. A number can be copied: it names a card and proves little."""

    def uids(self) -> Iterator[bytes]:
        """Block for the next card; each once for each time it is laid on. Ends when the reader is gone."""
        ...


class Laid:
    """Tells a card laid on anew from one that still lies there, by how long its number was not seen.

    Two cards in one wallet are seen by turns: each lies there as long as it is seen.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_ms: dict[bytes, int] = {}

    def anew(self, uid: bytes) -> bool:
        """Whether this sight of the number begins a new laying."""
        now_ms = self._clock.monotonic_ms()
        self._seen_ms = {each: at_ms for each, at_ms in self._seen_ms.items() if now_ms - at_ms < AWAY_MS}
        anew = uid not in self._seen_ms
        self._seen_ms[uid] = now_ms
        return anew


class SerialReader:
    """A module that sends frames by itself, as the RDM6300 family does, usually at 9600 baud.

    A frame is STX (02), the number's 4 to 10 bytes as hex digits, the XOR of those bytes as two hex digits, ETX (03);
    a carriage return and line feed before ETX are allowed. A frame that is cut or whose XOR differs is passed over:
    the module repeats it while the card lies there.
    """

    def __init__(self, line: Line, *, clock: Clock | None = None) -> None:
        self._line, self._laid = line, Laid(clock or SystemClock())

    def uids(self) -> Iterator[bytes]:
        """Each number once for each time the card is laid on."""
        frames = Frames()
        while True:
            try:
                data = self._line.read(_CHUNK)
            except LineGone:
                return
            yield from (uid for uid in frames.feed(data) if self._laid.anew(uid))


class Frames:
    """Finds whole frames in a stream of bytes, wherever it was cut."""

    def __init__(self) -> None:
        self._inside: bytearray | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The numbers that are whole now."""
        uids: list[bytes] = []
        for byte in data:
            if byte == STX:
                self._inside = bytearray()
            elif self._inside is None:
                continue
            elif byte == ETX:
                uid, self._inside = read_frame(bytes(self._inside)), None
                uids += [uid] if uid is not None else []
            elif len(self._inside) < _MAX_FRAME:
                self._inside.append(byte)
            else:
                self._inside = None
        return uids


def read_frame(inside: bytes) -> bytes | None:
    """The number between STX and ETX; None where the frame is cut, garbled or no card's."""
    try:
        data = bytes.fromhex(inside.decode("ascii").rstrip("\r\n"))
    except ValueError:
        return None
    uid, check = data[:-1], data[-1:]
    if not MIN_UID_BYTES <= len(uid) <= MAX_UID_BYTES:
        return None
    found = 0
    for byte in uid:
        found ^= byte
    return uid if check == bytes([found]) else None


class PcscReader:
    """A contactless reader at the operating system's smart-card service, by pyscard (extra `pcsc`). Use `open`.

    The number is asked for as PC/SC part 3 says (FF CA 00 00 00); readers that follow it answer in 4 to 10 bytes. A
    card is looked for by connecting, several times a second: pyscard's own waiting overlooks a reader that was pulled
    out. `ended` says why `uids` came to its end, and what to do; "" before.
    """

    def __init__(
        self, name: str, service: "_Service", *, clock: Clock | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.name, self.ended = name, ""
        self._service, self._sleep = service, sleep
        self._laid, self._stopped = Laid(clock or SystemClock()), False

    @classmethod
    def open(cls, name: str = "", *, clock: Clock | None = None, sleep: Callable[[float], None] = time.sleep) -> Self:
        """The first reader whose name contains `name`. Raises ReaderError or MissingExtra."""
        service = _Service()
        there = service.names()
        found = [each for each in there if name in each]
        if not there:
            raise ReaderError("no card reader is connected: plug it in")
        if not found:
            raise ReaderError(f"no card reader named like {name!r} is connected, only {', '.join(there)}")
        if len(found) > 1:
            logger.warning("several card readers fit, %s: the first is used; name the one you mean", ", ".join(found))
        return cls(found[0], service, clock=clock, sleep=sleep)

    def uids(self) -> Iterator[bytes]:
        """Each number once for each time the card is laid on; it is looked at again while it lies there."""
        while not self._stopped:
            try:
                uid = self._service.uid_at(self.name)
            except ReaderError as error:
                self.ended = str(error)
                logger.warning("%s", error)
                return
            if uid is not None and self._laid.anew(uid):
                yield uid
            self._sleep(PCSC_LOOK_S)

    def close(self) -> None:
        """`uids` ends within a second."""
        self._stopped = True


class _Service:
    """The smart-card service as pyscard shows it: its failures come in two families, told apart here."""

    def __init__(self) -> None:
        system, failures, low = (
            load(f"smartcard.{module}", extra="pcsc", needs="pyscard")
            for module in ("System", "Exceptions", "pcsc.PCSCExceptions")
        )
        self._readers: Callable[[], list[Any]] = system.readers
        self._failures = (failures.SmartcardException, low.BaseSCardException, OSError)

    def names(self) -> list[str]:
        """The readers that are connected. Raises ReaderError."""
        return [str(each) for each in self._list()]

    def uid_at(self, name: str) -> bytes | None:
        """The number of the card that lies there, None for none that can be read. Raises ReaderError."""
        reader = next((each for each in self._list() if str(each) == name), None)
        if reader is None:
            raise ReaderError(f"{name} was pulled out: plug it in, and start the reading again")
        try:
            return _ask(reader.createConnection())
        except self._failures:
            return None  # no card, one that was taken away too soon, or one of another kind

    def _list(self) -> list[Any]:
        try:
            return self._readers()
        except self._failures as error:
            raise ReaderError(
                f"the smart-card service does not answer: start it (pcscd), then again: {error}"
            ) from error


def _ask(connection: Any) -> bytes | None:
    connection.connect()
    try:
        data, sw1, sw2 = connection.transmit(GET_UID)
    finally:
        connection.disconnect()
    return bytes(data) if (sw1, sw2) == (0x90, 0x00) and MIN_UID_BYTES <= len(data) <= MAX_UID_BYTES else None
