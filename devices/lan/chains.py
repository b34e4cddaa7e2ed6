"""How far the facts of one neighbour are known: by epoch, with the gaps."""

from typing import TypeVar

MAX_EPOCHS = 64
MAX_GAPS = 512

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


class Chains:
    """One neighbour's epochs."""

    def __init__(self) -> None:
        self._chains: dict[int, Chain] = {}

    def of(self, epoch: int) -> Chain:
        """The epoch's chain, begun where there is none."""
        chain = self._chains.get(epoch)
        if chain is None:
            chain = self._chains[epoch] = Chain()
            bound(self._chains, MAX_EPOCHS)
        return chain

    def through(self, epoch: int) -> int:
        """The last fact of the epoch up to which none is lacking."""
        chain = self._chains.get(epoch)
        return chain.through if chain is not None else 0


def bound(kept: dict[K, V], most: int) -> None:
    """The oldest go first."""
    while len(kept) > most:
        del kept[next(iter(kept))]
