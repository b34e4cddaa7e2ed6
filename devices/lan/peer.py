"""One neighbour as it is heard, and what the neighbours of a terminal stand on."""

from typing import Protocol

from devices.core.journal import Record
from devices.lan.heard import Heard
from devices.lan.messages import Want
from devices.store.held import Held, Keys

Address = tuple[str, int]

ASK_AGAIN_MS = 250
MAX_PER_S = 2_000
"""Datagrams of one neighbour that are looked at in a second."""
MAX_WANTS = 16


class Link(Protocol):
    """How datagrams leave; they may be lost."""

    def send(self, data: bytes, to: Address | None) -> None:
        """To one, or to everybody. Never waits and never raises."""
        ...


class OwnJournal(Protocol):
    """What is told over again comes from here."""

    def told_ends(self, *, since_ms: int) -> dict[int, int]:
        """The last sale or reversal of each epoch that has one since then, oldest epoch first. Raises JournalBroken."""
        ...

    def told_after(self, epoch: int, seq: int, *, since_ms: int, limit: int) -> list[Record]:
        """The sales and reversals of an epoch that follow. Raises JournalBroken."""
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


class Peer:
    """One neighbour as heard: its facts, where it speaks from, and how far it says it has come."""

    def __init__(self, public: bytes) -> None:
        self.public = public
        self.facts = Heard()
        self.address: Address | None = None
        self.heard_ms: int | None = None
        self.ends: dict[int, int] = {}
        self.asked: dict[int, tuple[int, int]] = {}
        self.second, self.in_second = 0, 0

    def admits(self, now_ms: int) -> bool:
        """Whether another datagram of this second is looked at."""
        if now_ms // 1000 != self.second:
            self.second, self.in_second = now_ms // 1000, 0
        self.in_second += 1
        return self.in_second <= MAX_PER_S

    def wants(self, now_ms: int) -> list[Want]:
        """What to ask for: where it came further than is known here, and no question is open."""
        found = []
        for epoch, end in self.ends.items():
            through = self.facts.through(epoch)
            after, asked_ms = self.asked.get(epoch, (-1, 0))
            if through < end and (after != through or now_ms - asked_ms >= ASK_AGAIN_MS):
                self.asked[epoch] = (through, now_ms)
                found.append(Want(epoch, through))
        return found[:MAX_WANTS]
