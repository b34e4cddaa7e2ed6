"""Who is inside a hall, by what each of its gates saw: any order and any repetition come to the same.

Of one person each gate has the last passage of every epoch (by sequence, whatever its clock did), and when everybody
was last let in again. Of all these the newest by time decides; at the same millisecond the way out does. A time later
than `AHEAD_MS` from now is of a clock that is not to be believed, and counts when it is reached.
"""

from collections.abc import Iterable

import msgspec

AHEAD_MS = 60_000
MAX_PEOPLE = 20_000
"""People of a business day, of one gate; beyond it the oldest are forgotten."""
MAX_EPOCHS = 16


class Step(msgspec.Struct, frozen=True):
    """Somebody's last passage in one epoch."""

    at_ms: int
    epoch: int
    seq: int
    inwards: bool


class Clearing(msgspec.Struct, frozen=True):
    """Everybody was let in again: the last of one epoch."""

    at_ms: int
    epoch: int
    seq: int


class Seen(msgspec.Struct, frozen=True):
    """What one gate has of one person's business day."""

    steps: tuple[Step, ...]
    clearings: tuple[Clearing, ...]


def inside(gates: Iterable[Seen], *, now_ms: int) -> bool:
    """Whether the person is in the hall, by what all its gates saw."""
    gates = tuple(gates)
    last: tuple[int, bool] | None = None
    for gate in gates:
        for step in gate.steps:
            if step.at_ms <= now_ms + AHEAD_MS and not _cleared(step, gate, gates, now_ms=now_ms):
                last = max(last or (step.at_ms, False), (step.at_ms, not step.inwards))
    return last is not None and not last[1]


def _cleared(step: Step, gate: Seen, gates: tuple[Seen, ...], *, now_ms: int) -> bool:
    """In one epoch the sequence says what came first, between two the time."""
    for other in gates:
        for clearing in other.clearings:
            if other is gate and clearing.epoch == step.epoch:
                if clearing.seq > step.seq:
                    return True
            elif step.at_ms <= clearing.at_ms <= now_ms + AHEAD_MS:
                return True
    return False


class Walked:
    """One gate's passages. In memory only: the records are the truth. Not for two threads at once."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, int], tuple[Step, ...]] = {}
        self._clearings: dict[int, Clearing] = {}

    def passed(self, step: Step, *, account_ref: int, business_date: str) -> None:
        """Somebody went through, perhaps heard again."""
        key = (business_date, account_ref)
        steps = {each.epoch: each for each in self._steps.pop(key, ())}
        known = steps.get(step.epoch)
        if known is None or known.seq < step.seq:
            steps[step.epoch] = step
        newest = sorted(steps.values(), key=lambda each: (each.at_ms, each.epoch))[-MAX_EPOCHS:]
        self._steps[key] = tuple(newest)
        if len(self._steps) > MAX_PEOPLE:
            del self._steps[next(iter(self._steps))]

    def cleared(self, clearing: Clearing) -> None:
        """Everybody was let in again, perhaps heard again."""
        known = self._clearings.pop(clearing.epoch, None)
        if known is not None and known.seq > clearing.seq:
            clearing = known
        self._clearings[clearing.epoch] = clearing
        if len(self._clearings) > MAX_EPOCHS:
            del self._clearings[next(iter(self._clearings))]

    def of(self, account_ref: int, *, business_date: str) -> Seen:
        """What is known of one person."""
        return Seen(self._steps.get((business_date, account_ref), ()), tuple(self._clearings.values()))

    def forget_before(self, at_ms: int) -> None:
        """Let go what was before this moment."""
        self._steps = {key: steps for key, steps in self._steps.items() if steps[-1].at_ms >= at_ms}
        self._clearings = {epoch: each for epoch, each in self._clearings.items() if each.at_ms >= at_ms}
