"""A card reader on which one of the known people's cards is laid."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from firmware_sim.parts.base import BadPress, read_form

MAX_CARDS = 200
MAX_WAITING = 8


class Card(msgspec.Struct, frozen=True):
    """A plastic card that somebody has: whose it is, and its number in hex."""

    number: str
    name: str
    uid: str


class CardShown(msgspec.Struct, frozen=True):
    """A card as the page lists it."""

    number: str
    name: str


class ReaderForm(msgspec.Struct, frozen=True):
    """A hand at the reader: lay on the card of this person; plug the reader out or in."""

    lay: str | None = None
    plugged: bool | None = None


class ReaderState(msgspec.Struct, frozen=True):
    """`laid` counts the cards that were read."""

    cards: tuple[CardShown, ...]
    plugged: bool
    laid: int


class VirtualReader:
    """A `devices.drivers.reader.CardReader`."""

    def __init__(self, cards: Callable[[], Sequence[Card]]) -> None:
        self._known = cards
        self._laid: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING)
        self._guard = threading.Lock()
        self._plugged, self._count = True, 0

    def uids(self) -> Iterator[bytes]:
        """Block for the next card; end when the reader is closed."""
        while (uid := self._laid.get()) is not None:
            yield uid

    def close(self) -> None:
        """End `uids`."""
        self._laid.put(None)

    def state(self) -> ReaderState:
        """For the page."""
        with self._guard:
            shown = tuple(CardShown(each.number, each.name) for each in self._known())
            return ReaderState(shown, self._plugged, self._count)

    def press(self, form: bytes) -> None:
        """Lay a card on it. An unplugged reader reads nothing, and says nothing."""
        given = read_form(form, ReaderForm)
        with self._guard:
            self._plugged = self._plugged if given.plugged is None else given.plugged
            if given.lay is None:
                return
            card = next((each for each in self._known() if each.number == given.lay), None)
            if card is None:
                raise BadPress("nobody here has this card", zh="这里没有人有这张卡")
            if self._plugged:
                self._read(bytes.fromhex(card.uid))

    def _read(self, uid: bytes) -> None:
        try:
            self._laid.put_nowait(uid)
        except queue.Full:
            raise BadPress("the reader is busy", zh="读卡器正忙") from None
        self._count += 1


class CardFile:
    """The cards that a file lists as JSON, read again when it changes; none while there is no file."""

    def __init__(self, path: Path) -> None:
        self._path, self._stamp = path, 0
        self._cards: tuple[Card, ...] = ()

    def __call__(self) -> tuple[Card, ...]:
        """What it lists now."""
        stamp = self._path.stat().st_mtime_ns if self._path.is_file() else 0
        if stamp and stamp != self._stamp:
            self._stamp = stamp
            self._cards = msgspec.json.decode(self._path.read_bytes(), type=tuple[Card, ...])[:MAX_CARDS]
        return self._cards
