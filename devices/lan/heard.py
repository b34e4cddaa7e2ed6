"""What one neighbour told, merged: any order, any repetition and any gap filled later come to the same."""

from collections.abc import Mapping

import msgspec

from devices.core.funds import Pending
from devices.journal.spending import Spending
from devices.lan.chains import Chain, Chains, bound
from devices.lan.messages import Fact, Told

MAX_SALES = 20_000
"""Sales and codes of one neighbour; beyond it the oldest are forgotten."""
MAX_UNDONE = 2_000
KEEP_S = 7 * 24 * 3600
"""So long a sale counts that no snapshot has; none is sold by an older snapshot either."""
AHEAD_S = 24 * 3600
"""A neighbour's clock may be ahead by this much; what it sold then was sold now."""


class Heard:
    """One neighbour. Nothing is kept over a restart: it tells everything again. Not for two threads at once."""

    def __init__(self) -> None:
        self._spending = Spending()
        self._codes: dict[bytes, tuple[int, int]] = {}
        self._chains = Chains()
        self._undone: dict[tuple[int, int], None] = {}
        self._posted: Mapping[int, int] = {}

    def take(self, fact: Fact, *, now_s: int) -> None:
        """A sale or a reversal was told, perhaps again."""
        chain = self._chain(fact.epoch)
        if isinstance(fact, Told):
            if now_s - KEEP_S < fact.at_s < now_s + AHEAD_S:
                self._count(fact, known=chain.has(fact.seq), now_s=now_s)
        else:
            key = (fact.of_epoch, fact.of_seq)
            self._spending.take_back(*key)
            if self._chains.through(fact.of_epoch) < fact.of_seq:
                self._undone[key] = None
                bound(self._undone, MAX_UNDONE)
        chain.cover(fact.after, fact.seq)

    def through(self, epoch: int) -> int:
        """The last fact of the epoch up to which none is lacking."""
        return max(self._chains.through(epoch), self._posted.get(epoch, 0))

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

    def _count(self, told: Told, *, known: bool, now_s: int) -> None:
        if told.code:
            last_s, at_s = self._codes.get(told.code, (0, 0))
            self._codes[told.code] = (max(last_s, told.moment_s), max(at_s, told.at_s))
            bound(self._codes, MAX_SALES)
        undone = (told.epoch, told.seq) in self._undone
        if known or undone or told.seq <= self._posted.get(told.epoch, 0):
            return
        spent = msgspec.structs.replace(told.spent, at_s=min(told.at_s, now_s))
        self._spending.count(told.account_ref, spent)
        self._spending.bound(MAX_SALES)

    def _chain(self, epoch: int) -> Chain:
        chain = self._chains.of(epoch)
        chain.cover(0, self._posted.get(epoch, 0))
        return chain
