"""The way through a gate: who may pass which way. No money, and nothing is evaluated.

In: a genuine code or known card, not denied or stopped, of one of the gate's groups where it has some, under a snapshot
no older than the age table allows. Out: a genuine code or known card is enough, since nobody is to be held in.

With anti-passback the same person does not enter twice without leaving, by whichever gate of the hall: these are the
gates of one outlet. It is remembered by account, over codes and cards, from this gate's own records of the business day
and what the others told over the LAN; with the day it begins anew, and a supervisor may clear it, for the whole hall.
Without a LAN, or while it is cut, each gate goes by what it knows.

A code is taken once here, and nobody enters by one that another gate of the hall took; the way out does not ask there.
A sale elsewhere does not use it up for a gate, nor a passage for a sale.
"""

from typing import Literal

import msgspec

from devices.core import accept
from devices.core.accept import Genuine
from devices.core.declines import Decline, Why
from devices.core.funds import age_step
from devices.core.journal import Facts, NoteRecord, PassRecord
from devices.core.messages import Parameters
from devices.core.notes import CLEARED
from devices.core.policy import AgeStep, in_force
from devices.journal.journal import Journal
from devices.journal.values import DAY_MS, Presented
from devices.journal.walked import Clearing, Step, Walked, inside
from devices.master import texts
from devices.master.around import Neighbours
from devices.master.decide import Declined, Memory, Tapped, here, remembered, stopped
from devices.master.results import plain
from devices.store.held import Held

PASSES_FORMAT = 2
"""The journal format that knows passages and notes."""
_LOOK_BACK_MS = 2 * DAY_MS

Way = Literal["in", "out"]


class Passed(msgspec.Struct, frozen=True):
    """Somebody may pass, once this is journaled."""

    record: PassRecord
    name: str
    presented: Presented | None


class Passage:
    """Not for two threads at once; the master control holds its lock."""

    def __init__(self, journal: Journal, neighbours: Neighbours) -> None:
        self._journal, self._neighbours = journal, neighbours
        self._walked = Walked()
        self._day, self._outlet = "", 0

    def decide(
        self,
        text: str,
        *,
        code: Genuine | Tapped,
        memory: Memory,
        at_ms: int,
        facts: Facts | None,
    ) -> Passed | Declined:
        """Whether this code or card may pass here and now. Raises StoreBroken or JournalBroken."""
        genuine, now_s = code if isinstance(code, Genuine) else None, at_ms // 1000
        used = self._used_here(genuine, now_s)
        if used is not None:
            return Declined(used)
        held, row = memory.find(code.account_ref)
        policy = in_force(held.policies, at_s=now_s)
        if held.parameters.journal < PASSES_FORMAT:
            return plain(Why.NOT_READY, said=texts.NOT_A_GATE_YET)
        if policy is None:
            return plain(Why.NOT_READY)
        name, way = row.name if row is not None else "", _way(held.parameters, facts)
        tap = here(held.parameters, zone=memory.zone, policy=policy, now_s=now_s)
        self._begin(tap.business_date, tap.outlet, at_ms)
        if way == "in":
            groups = row.groups if row is not None and not row.gone else ()
            ages = memory.ages(policy.ages, held.made_s, now_s)
            refused = self._refused(code, held, ages, groups=groups, at_ms=at_ms)
            if refused is not None:
                return Declined(refused, name)
        record = PassRecord(
            seq=self._journal.next_seq,
            at_ms=at_ms,
            account_ref=code.account_ref,
            evidence=text,
            direction=way,
            tap=tap,
            snapshot=(held.generation, held.number),
            snapshot_made_s=held.made_s,
            facts=facts,
        )
        return Passed(record, name, remembered(genuine))

    def passed(self, epoch: int, record: PassRecord) -> None:
        """It is durable."""
        self._follow(epoch, record)
        self._neighbours.passed(epoch, record)

    def cleared(self, epoch: int, record: NoteRecord) -> None:
        """Nobody counts as inside the hall: a supervisor said so, and it is durable."""
        self._walked.cleared(Clearing(record.at_ms, epoch, record.seq))
        self._neighbours.cleared(epoch, record)

    def _used_here(self, genuine: Genuine | None, now_s: int) -> Decline | None:
        if genuine is None:
            return None
        last_s = self._journal.last_presented_s(genuine.code.code_id)
        return accept.used_before(genuine.code, last_s=last_s, now_s=now_s)

    def _refused(
        self, code: Genuine | Tapped, held: Held, ages: tuple[AgeStep, ...], *, groups: tuple[int, ...], at_ms: int
    ) -> Decline | None:
        used = self._used_next_door(code, at_ms // 1000)
        denied = used or stopped(code, held)
        if denied is not None:
            return denied
        age_s = at_ms // 1000 - held.made_s
        if age_step(ages, age_s=age_s) is None:
            return Decline(Why.SNAPSHOT_TOO_OLD, {"age_s": max(0, age_s)})
        allowed = held.parameters.groups
        if allowed and not set(groups) & set(allowed):
            return Decline(Why.NO_PASSAGE)
        if held.parameters.anti_passback and self._is_inside(code.account_ref, at_ms):
            return Decline(Why.ALREADY_INSIDE)
        return None

    def _used_next_door(self, code: Genuine | Tapped, now_s: int) -> Decline | None:
        if isinstance(code, Tapped):
            return None
        last_s = self._neighbours.last_passed_s(code.code.code_id, outlet=self._outlet)
        return accept.used_before(code.code, last_s=last_s, now_s=now_s)

    def _is_inside(self, account_ref: int, at_ms: int) -> bool:
        here = self._walked.of(account_ref, business_date=self._day)
        return inside([here, *self._neighbours.seen(account_ref, business_date=self._day)], now_ms=at_ms)

    def _begin(self, day: str, outlet: int, at_ms: int) -> None:
        """With a new business day, at another hall or after a start, the day is read from the records."""
        if (day, outlet) == (self._day, self._outlet):
            return
        self._walked = Walked()
        for each in self._journal.written(PassRecord, NoteRecord, since_ms=at_ms - _LOOK_BACK_MS):
            if isinstance(each.record, PassRecord):
                if (each.record.tap.business_date, each.record.tap.outlet) == (day, outlet):
                    self._follow(each.epoch, each.record)
            elif isinstance(each.record, NoteRecord) and hall_cleared(each.record, here=outlet) == outlet:
                self._walked.cleared(Clearing(each.record.at_ms, each.epoch, each.record.seq))
        self._day, self._outlet = day, outlet

    def _follow(self, epoch: int, record: PassRecord) -> None:
        step = Step(record.at_ms, epoch, record.seq, record.direction == "in")
        self._walked.passed(step, account_ref=record.account_ref, business_date=record.tap.business_date)


def hall_cleared(record: NoteRecord, *, here: int) -> int | None:
    """The hall that a note lets everybody into again; one of before halls were named is of this terminal's."""
    return record.params.get("outlet", here) if record.what == CLEARED else None


def _way(parameters: Parameters, facts: Facts | None) -> Way:
    """The server says it; where the gate goes both ways, the reader that was used."""
    if parameters.direction != "both":
        return parameters.direction
    return "out" if facts is not None and facts.way == "out" else "in"
