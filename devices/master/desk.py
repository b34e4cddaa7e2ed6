"""What the supervisor's menu may do beyond what a host may: a room of the master control, under its lock."""

import threading
from collections.abc import Mapping
from typing import Protocol

import msgspec

from devices.core.funds import age_step
from devices.core.journal import Record
from devices.core.messages import Parameters, Supervisor
from devices.core.notes import CLEARED, EXTENDED
from devices.core.policy import in_force
from devices.journal.journal import Journal
from devices.journal.looking import Written
from devices.journal.values import JournalBroken
from devices.master.clock import Doubt
from devices.master.counter import Counter
from devices.master.extension import HOUR_S, MAX_EXTENSION_H
from devices.master.timekeeper import Timekeeper
from devices.store.snapshots import SnapshotStore, StoreBroken

MAX_GRANT_H = 24
"""One grant; then two people must look again."""
_EARLY_S = 24 * HOUR_S
"""An extension may be granted this long before the age table ends, for a night nobody is there."""


class _Note(Protocol):
    def __call__(self, what: str, *, by: tuple[str, ...] = (), params: Mapping[str, int] | None = None) -> bool: ...


class OfflineTime(msgspec.Struct, frozen=True):
    """How old the snapshot is, when sales without a line end, and what may still be granted; hours are for it alone."""

    age_s: int
    ends_at_age_s: int
    granted_h: int
    grantable_h: int


class Health(msgspec.Struct, frozen=True):
    """For diagnostics. `broken` and `doubt` are "" where all is well; times are unix ms by the terminal's clock."""

    at_ms: int
    broken: str
    has_room: bool
    unsent: int
    epoch: int
    seq: int
    doubt: str
    generation: int
    snapshot: int
    made_s: int
    policy: int
    key_list: int
    journal_format: int


class Desk:
    """Made by the master control; every method may be called from any thread."""

    def __init__(
        self,
        *,
        journal: Journal,
        store: SnapshotStore,
        time: Timekeeper,
        counter: Counter,
        lock: threading.RLock,
        note: _Note,
    ) -> None:
        self._journal, self._store, self._time, self._counter = journal, store, time, counter
        self._lock, self.note = lock, note

    def now_ms(self) -> int:
        """Unix ms, corrected by what the server signed."""
        with self._lock:
            return self._time.now_ms()

    def monotonic_ms(self) -> int:
        """For how long somebody has been away."""
        with self._lock:
            return self._time.reading().monotonic_ms

    def doubt(self) -> Doubt | None:
        """Why the clock is not to be believed."""
        with self._lock:
            return self._time.doubt(self._time.reading())

    @property
    def parameters(self) -> Parameters | None:
        """What the server has set."""
        held = self._store.held
        return None if held is None else held.parameters

    @property
    def supervisors(self) -> tuple[Supervisor, ...]:
        """Who may open the menu here."""
        parameters = self.parameters
        return () if parameters is None else parameters.supervisors

    def written(self, *kinds: type[Record], since_ms: int) -> list[Written]:
        """What this terminal wrote. Raises JournalBroken."""
        return self._journal.written(*kinds, since_ms=since_ms)

    def name_of(self, account_ref: int) -> str:
        """Masked, "" where the snapshot does not tell."""
        try:
            row = self._store.find(account_ref)[1]
        except StoreBroken:
            return ""
        return row.name if row is not None else ""

    def offline_time(self) -> OfflineTime | None:
        """None before a snapshot and a policy. Raises JournalBroken."""
        with self._lock:
            held, now_s = self._store.held, self._time.now_ms() // 1000
            policy = in_force(held.policies, at_s=now_s) if held is not None else None
            if held is None or policy is None or not policy.ages:
                return None
            granted_h, age_s = self._counter.extension.hours_of(held.made_s), max(0, now_s - held.made_s)
            ends_s = policy.ages[-1].up_to_s
            soon = age_step(policy.ages, age_s=age_s + _EARLY_S) is None
            return OfflineTime(
                age_s=age_s,
                ends_at_age_s=ends_s + granted_h * HOUR_S,
                granted_h=granted_h,
                grantable_h=min(MAX_GRANT_H, MAX_EXTENSION_H - granted_h) if soon else 0,
            )

    def extend(self, hours: int, *, by: tuple[str, str]) -> bool:
        """Sell so much longer under this snapshot; False where that is not to be granted, or not journaled."""
        held = self._store.held
        try:
            offline = self.offline_time()
        except JournalBroken:
            return False
        if held is None or offline is None or not 0 < hours <= offline.grantable_h or by[0] == by[1]:
            return False
        params = {"hours": hours, "total_hours": offline.granted_h + hours, "snapshot_made_s": held.made_s}
        if not self.note(EXTENDED, by=by, params=params):
            return False
        with self._lock:
            self._counter.extension.granted()
        return True

    def let_in_again(self, *, by: str) -> bool:
        """Nobody counts as inside this hall any more; False where it cannot be journaled."""
        held = self._store.held
        return held is not None and self.note(CLEARED, by=(by,), params={"outlet": held.parameters.outlet})

    def health(self) -> Health:
        """As things stand."""
        with self._lock:
            held, keys, tail = self._store.held, self._store.keys, self._journal.tail
            doubt, now_ms = self._time.doubt(self._time.reading()), self._time.now_ms()
            return Health(
                at_ms=now_ms,
                broken=self._journal.broken,
                has_room=self._journal.has_room,
                unsent=self._journal.unsent,
                epoch=tail.epoch,
                seq=tail.seq,
                doubt=doubt.value if doubt is not None else "",
                generation=held.generation if held is not None else 0,
                snapshot=held.number if held is not None else 0,
                made_s=held.made_s if held is not None else 0,
                policy=held.decides_by(at_s=now_ms // 1000) if held is not None else 0,
                key_list=keys.key_list.number if keys is not None else 0,
                journal_format=held.parameters.journal if held is not None else 0,
            )
