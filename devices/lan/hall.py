"""What one gate of this hall told, merged: any order, any repetition and any gap filled later come to the same."""

from devices.journal.values import DAY_MS
from devices.journal.walked import MAX_PEOPLE, Clearing, Seen, Step, Walked
from devices.lan.chains import Chains, bound
from devices.lan.messages import PassageFact, Passed

KEEP_MS = 2 * DAY_MS
"""So far back passages are told and heard: the business day, and what a wrong clock adds."""
AHEAD_MS = DAY_MS


class HeardPassages:
    """One gate, as far as it stands at hall `outlet`. Nothing is kept over a restart. Not for two threads at once."""

    def __init__(self, outlet: int) -> None:
        self.outlet = outlet
        self._walked = Walked()
        self._codes: dict[bytes, tuple[int, int]] = {}
        self._chains = Chains()

    def take(self, fact: PassageFact, *, now_ms: int) -> None:
        """A passage or a clearing was told, perhaps again; that of another hall only fills the chain."""
        if fact.outlet == self.outlet and now_ms - KEEP_MS < fact.at_ms < now_ms + AHEAD_MS:
            if isinstance(fact, Passed):
                self._count(fact)
            else:
                self._walked.cleared(Clearing(fact.at_ms, fact.epoch, fact.seq))
        self._chains.of(fact.epoch).cover(fact.after, fact.seq)

    def through(self, epoch: int) -> int:
        """The last fact of the epoch up to which none is lacking."""
        return self._chains.through(epoch)

    def last_presented_s(self, name: bytes) -> int | None:
        """The last moment at which it took this code, by its `passing_name`."""
        found = self._codes.get(name)
        return found[0] if found is not None else None

    def of(self, account_ref: int, *, business_date: str) -> Seen:
        """What it saw of one person."""
        return self._walked.of(account_ref, business_date=business_date)

    def forget(self, *, now_ms: int) -> None:
        """Let go what is too old to matter."""
        self._walked.forget_before(now_ms - KEEP_MS)
        self._codes = {name: told for name, told in self._codes.items() if told[1] > now_ms - KEEP_MS}

    def _count(self, told: Passed) -> None:
        step = Step(told.at_ms, told.epoch, told.seq, told.inwards)
        self._walked.passed(step, account_ref=told.account_ref, business_date=told.business_date)
        if told.code:
            last_s, at_ms = self._codes.get(told.code, (0, 0))
            self._codes[told.code] = (max(last_s, told.moment_s), max(at_ms, told.at_ms))
            bound(self._codes, MAX_PEOPLE)
