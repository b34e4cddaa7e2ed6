"""One neighbour as it is heard, and what the neighbours of a terminal stand on."""

from collections.abc import Callable
from typing import Protocol

from devices.core.journal import Record
from devices.journal.telling import Topic
from devices.lan.hall import HeardPassages
from devices.lan.heard import Heard
from devices.lan.messages import Want, WantPassed
from devices.store.held import Held, Keys

Address = tuple[str, int]

ASK_AGAIN_MS = 250
MAX_PER_S = 2_000
"""Datagrams in one neighbour's name that are looked at in a second; as many from where it is known to speak, and from
elsewhere: whoever forges its name does not silence it.
"""
MAX_ANSWERS_PER_S = 100
"""Times in a second that the journal is read for one neighbour."""
MAX_WANTS = 16
STAYS_MS = 7_000
"""So long after it was heard a neighbour is believed to speak from there: a replay from elsewhere does not move it."""


class Link(Protocol):
    """How datagrams leave; they may be lost."""

    def send(self, data: bytes, to: Address | None) -> None:
        """To one, or to everybody. Never waits and never raises."""
        ...


class OwnJournal(Protocol):
    """What is told over again comes from here: sales and reversals, or passages and clearings."""

    def told_ends(self, topic: Topic, *, since_ms: int) -> dict[int, int]:
        """The last record of each epoch that has one since then, oldest epoch first. Raises JournalBroken."""
        ...

    def told_after(self, topic: Topic, epoch: int, seq: int, *, since_ms: int, limit: int) -> list[Record]:
        """The records of an epoch that follow. Raises JournalBroken."""
        ...


class Store(Protocol):
    """The signed snapshot and the keys."""

    @property
    def held(self) -> Held | None:
        """The present snapshot's head."""
        ...

    @property
    def keys(self) -> Keys | None:
        """The present keys."""
        ...


class Ends:
    """How far a neighbour says that it has come, and what it was asked for."""

    def __init__(self) -> None:
        self._said: dict[int, int] = {}
        self._asked: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        """How many epochs are kept."""
        return len(self._said.keys() | self._asked.keys())

    def say(self, ends: tuple[tuple[int, int], ...]) -> None:
        """It said so; only what it names now is kept."""
        self._said = dict(ends)
        self._asked = {epoch: asked for epoch, asked in self._asked.items() if epoch in self._said}

    def lacking(self, through: Callable[[int], int], now_ms: int) -> list[tuple[int, int]]:
        """Epochs of which it has more than is known here, and up to where it is; newest first, no question twice."""
        found = []
        for epoch, end in reversed(self._said.items()):
            known = through(epoch)
            after, asked_ms = self._asked.get(epoch, (-1, 0))
            if known < end and (after != known or now_ms - asked_ms >= ASK_AGAIN_MS):
                self._asked[epoch] = (known, now_ms)
                found.append((epoch, known))
                if len(found) == MAX_WANTS:
                    break
        return found


class Peer:
    """One neighbour as heard: its facts, where it speaks from, and how far it says it has come.

    `passages` are heard by the gates of a hall alone; else None.
    """

    def __init__(self, public: bytes) -> None:
        self.public = public
        self.facts, self.ends = Heard(), Ends()
        self.passages: HeardPassages | None = None
        self.passage_ends = Ends()
        self.address: Address | None = None
        self.heard_ms: int | None = None
        self._here_ms = 0
        self._second, self._in_second = 0, {"here": 0, "elsewhere": 0, "answers": 0}

    def admits(self, now_ms: int, source: Address) -> bool:
        """Whether another datagram of this second is looked at."""
        return self._counted("here" if source == self.address else "elsewhere", now_ms) <= MAX_PER_S

    def may_be_answered(self, now_ms: int) -> bool:
        """Whether the journal is read once more for it in this second."""
        return self._counted("answers", now_ms) <= MAX_ANSWERS_PER_S

    def spoke(self, source: Address, now_ms: int) -> None:
        """A datagram was its own."""
        if source == self.address or self.address is None or now_ms - self._here_ms >= STAYS_MS:
            self.address, self._here_ms = source, now_ms
        self.heard_ms = now_ms

    def at_hall(self, outlet: int | None) -> None:
        """This terminal is a gate of that hall, or of none."""
        if outlet is None:
            self.passages = None
        elif self.passages is None or self.passages.outlet != outlet:
            self.passages, self.passage_ends = HeardPassages(outlet), Ends()

    def questions(self, now_ms: int) -> list[Want | WantPassed]:
        """What it said that it has, and is lacking here."""
        found: list[Want | WantPassed] = [Want(*each) for each in self.ends.lacking(self.facts.through, now_ms)]
        if self.passages is not None:
            found += [WantPassed(*each) for each in self.passage_ends.lacking(self.passages.through, now_ms)]
        return found

    def _counted(self, what: str, now_ms: int) -> int:
        if now_ms // 1000 != self._second:
            self._second, self._in_second = now_ms // 1000, dict.fromkeys(self._in_second, 0)
        self._in_second[what] += 1
        return self._in_second[what]
