"""Card readers: a card's number (UID) each time it is laid on. Two kinds: a module on a serial line, and PC/SC."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self

from devices.core.card import MAX_UID_BYTES, MIN_UID_BYTES
from devices.drivers.clock import Clock, SystemClock
from devices.drivers.extras import load
from devices.drivers.serial_line import Line, LineGone

STX, ETX = 0x02, 0x03
AWAY_MS = 700
"""A module repeats the number while the card lies there; silent for so long, the card was taken away."""
PCSC_WAIT_S, PCSC_LOOK_S = 0.5, 0.2
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
    """Tells a card laid on anew from one that still lies there, by how long its number was not seen."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._uid, self._seen_ms = clock, b"", 0

    def anew(self, uid: bytes) -> bool:
        """Whether this sight of the number begins a new laying."""
        now_ms = self._clock.monotonic_ms()
        anew = uid != self._uid or now_ms - self._seen_ms >= AWAY_MS
        self._uid, self._seen_ms = uid, now_ms
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

    The number is asked for as PC/SC part 3 says (FF CA 00 00 00); readers that follow it answer in 4 to 10 bytes.
    """

    def __init__(
        self, request: Any, *, failures: Any, clock: Clock | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._request, self._failures, self._sleep = request, failures, sleep
        self._laid, self._stopped = Laid(clock or SystemClock()), False

    @classmethod
    def open(cls, name: str = "") -> Self:
        """The first reader whose name contains `name`. Raises ReaderError or MissingExtra."""
        system, failures, kinds, requests = (
            load(f"smartcard.{module}", extra="pcsc", needs="pyscard")
            for module in ("System", "Exceptions", "CardType", "CardRequest")
        )
        try:
            found = [each for each in system.readers() if name in str(each)]
        except failures.SmartcardException as error:
            raise ReaderError(f"the smart-card service does not answer: {error}") from error
        if not found:
            raise ReaderError(f"no card reader named like {name!r} is connected")
        request = requests.CardRequest(timeout=PCSC_WAIT_S, readers=found[:1], cardType=kinds.AnyCardType())
        return cls(request, failures=failures)

    def uids(self) -> Iterator[bytes]:
        """Each number once for each time the card is laid on; it is looked at again while it lies there."""
        failures = self._failures
        while not self._stopped:
            try:
                uid = self._ask(self._request.waitforcard().connection)
            except failures.CardRequestTimeoutException:
                continue
            except (failures.NoCardException, failures.CardConnectionException):
                uid = None  # taken away too soon
            except (failures.SmartcardException, OSError):
                return
            if uid is not None and self._laid.anew(uid):
                yield uid
            self._sleep(PCSC_LOOK_S)

    def close(self) -> None:
        """`uids` ends within a second."""
        self._stopped = True

    def _ask(self, connection: Any) -> bytes | None:
        connection.connect()
        try:
            data, sw1, sw2 = connection.transmit(GET_UID)
        finally:
            connection.disconnect()
        return bytes(data) if (sw1, sw2) == (0x90, 0x00) and MIN_UID_BYTES <= len(data) <= MAX_UID_BYTES else None
