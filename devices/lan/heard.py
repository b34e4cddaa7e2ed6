"""What one neighbour told, merged: any order, any repetition and any gap filled later come to the same."""

from collections.abc import Mapping
from typing import TypeVar

from devices.core.funds import Pending
from devices.journal.spending import Spending
from devices.lan.messages import Fact, Told

MAX_SALES = 20_000
"""Sales and codes of one neighbour; beyond it the oldest are forgotten."""
MAX_EPOCHS = 64
MAX_GAPS = 512
MAX_UNDONE = 2_000
KEEP_S = 7 * 24 * 3600
"""So long a sale counts that no snapshot has; none is sold by an older snapshot either."""
AHEAD_S = 24 * 3600
"""A neighbour's clock may be ahead by this much."""

K = TypeVar("K")
V = TypeVar("V")


class Chain:
    """How far one epoch is known without a gap; each fact (after, seq] says that nothing lies between."""

    __slots__ = ("_beyond", "through")

    def __init__(self) -> None:
        self.through = 0
        self._beyond: dict[int, int] = {}

    def cover(self, after: int, seq: int) -> None:
        """Nothing in (after, seq] is lacking any more."""
        if seq <= self.through:
            return
        if after > self.through:
            if len(self._beyond) < MAX_GAPS or seq in self._beyond:
                self._beyond[seq] = min(after, self._beyond.get(seq, after))
            return
        self.through = seq
        while joined := [end for end, start in self._beyond.items() if start <= self.through]:
            self.through = max(self.through, *joined)
            self._beyond = {end: start for end, start in self._beyond.items() if end > self.through}

    def has(self, seq: int) -> bool:
        """Whether this very fact was taken in, or is too old to matter."""
        return seq <= self.through or seq in self._beyond


class Heard:
    """One neighbour. Nothing is kept over a restart: it tells everything again. Not for two threads at once."""

    def __init__(self) -> None:
        self._spending = Spending()
        self._codes: dict[bytes, tuple[int, int]] = {}
        self._chains: dict[int, Chain] = {}
        self._undone: dict[tuple[int, int], None] = {}
        self._posted: Mapping[int, int] = {}

    def take(self, fact: Fact, *, now_s: int) -> None:
        """A sale or a reversal was told, perhaps again."""
        chain = self._chain(fact.epoch)
        if isinstance(fact, Told):
            if now_s - KEEP_S < fact.at_s < now_s + AHEAD_S:
                self._count(fact, known=chain.has(fact.seq))
        else:
            key = (fact.of_epoch, fact.of_seq)
            self._spending.take_back(*key)
            of = self._chains.get(fact.of_epoch)
            if of is None or of.through < fact.of_seq:
                self._undone[key] = None
                _bound(self._undone, MAX_UNDONE)
        chain.cover(fact.after, fact.seq)

    def through(self, epoch: int) -> int:
        """The last fact of the epoch up to which none is lacking."""
        return max(self._chains[epoch].through if epoch in self._chains else 0, self._posted.get(epoch, 0))

    def last_presented_s(self, code_id: bytes) -> int | None:
        """The last moment at which it took this code id."""
        found = self._codes.get(code_id)
        return found[0] if found is not None else None

    def pending(self, account_ref: int) -> Pending:
        """What the person spent there and the snapshot does not contain."""
        return self._spending.of(account_ref)

    def settle(self, posted: Mapping[int, int]) -> None:
        """The snapshot contains its sales up to these."""
        self._posted = posted
        self._spending.settle(posted)

    def forget(self, *, now_s: int) -> None:
        """Let go what is too old to matter."""
        self._spending.forget_before(now_s - KEEP_S)
        self._codes = {code: told for code, told in self._codes.items() if told[1] > now_s - KEEP_S}

    def _count(self, told: Told, *, known: bool) -> None:
        if told.code:
            last_s, at_s = self._codes.get(told.code, (0, 0))
            self._codes[told.code] = (max(last_s, told.moment_s), max(at_s, told.at_s))
            _bound(self._codes, MAX_SALES)
        undone = (told.epoch, told.seq) in self._undone
        if known or undone or told.seq <= self._posted.get(told.epoch, 0):
            return
        self._spending.count(told.account_ref, told.spent)
        self._spending.bound(MAX_SALES)

    def _chain(self, epoch: int) -> Chain:
        chain = self._chains.get(epoch)
        if chain is None:
            chain = self._chains[epoch] = Chain()
            _bound(self._chains, MAX_EPOCHS)
        chain.cover(0, self._posted.get(epoch, 0))
        return chain


def _bound(kept: dict[K, V], most: int) -> None:
    """The oldest go first."""
    while len(kept) > most:
        del kept[next(iter(kept))]
