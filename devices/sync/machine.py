"""When to ask the server for what, and what to make of its answers. No input, no output, no clock, no randomness.

One exchange at a time. The host calls `next`, does as told, reports with `handle`, carries out the effects, and
calls `next` again. Times are monotonic ms. A line or server that fails is tried again after a random part (full
jitter) of a doubling delay, so that a building's terminals do not come back all at once.
"""

from collections.abc import Callable

from devices.core.messages import MAX_BATCH_RECORDS, Ack
from devices.sync.protocol import (
    Acknowledge,
    AskNews,
    Command,
    Effect,
    Enrol,
    Event,
    Failed,
    FetchKeys,
    FetchSnapshot,
    HasIdentity,
    HasKeys,
    HasNews,
    HasSnapshot,
    NotEnrolled,
    NotKept,
    Refused,
    Rewind,
    SendBatch,
    Sent,
    SignBy,
    Standing,
    Tell,
    Wait,
    Withdraw,
)

BACKOFF_FIRST_MS = 1_000
BACKOFF_CAP_MS = 30_000
BACKOFF_LEAST_MS = 100
HELD_MS = 60_000
"""An upload that only a person can set right is tried this seldom."""
REVOKED_MS = 10 * 60_000
KEYS_EVERY_MS = 60 * 60_000
KEYS_AGAIN_MS = 60_000
"""Where keys are held but new ones cannot be had: uploads and snapshots go on meanwhile."""
IDLE_MS = 60_000
MAX_GAPS = 4
NEWS_EVERY_MS = 1_000
MIN_SYNC_S, MAX_SYNC_S = 1, 3_600
BUSY_WORDS = frozenset({"not_ready", "throttled"})


def backoff_ms(failures: int, *, fraction: float) -> int:
    """The delay after that many failures in a row; `fraction` is even in [0, 1)."""
    most_ms = min(BACKOFF_CAP_MS, BACKOFF_FIRST_MS << min(failures - 1, 16))
    return max(BACKOFF_LEAST_MS, int(most_ms * fraction))


class SyncMachine:
    """Not for two threads at once."""

    def __init__(self, *, enrolled: bool, key_list_number: int | None, fraction: Callable[[], float]) -> None:
        self._enrolled = enrolled
        self._fraction = fraction
        self._code = ""
        self._keys_number = key_list_number
        self._keys_due_ms = 0
        self._snapshot_due_ms = 0
        self._upload_due_ms = 0
        self._news_due_ms: int | None = None
        self._line_due_ms = 0
        self._sync_every_ms = 5_000
        self._full = False
        self._failures = 0
        self._gaps = 0
        self._clock_refused = False
        self._limit = MAX_BATCH_RECORDS
        self._sent_last = False
        self._hand_in = False
        self.online = False
        """Whether the last exchange brought an answer of any kind."""

    def enrol(self, code: str) -> None:
        """A person gave a code: try it at once."""
        self._code, self._line_due_ms, self._failures = code, 0, 0

    def nudge(self) -> None:
        """The line may be back, or a person asks: try everything at once."""
        self._line_due_ms = self._upload_due_ms = self._snapshot_due_ms = 0

    def next(self, now_ms: int, *, unsent: int) -> Command:
        """What to do now."""
        if self._hand_in and unsent:
            return SendBatch(self._limit)
        if now_ms < self._line_due_ms:
            return Wait(self._line_due_ms)
        if self._code:
            return Enrol(self._code)
        if not self._enrolled:
            return Wait(now_ms + IDLE_MS)
        if self._keys_number is None or now_ms >= self._keys_due_ms:
            return FetchKeys()
        upload = bool(unsent) and now_ms >= self._upload_due_ms
        snapshot = now_ms >= self._snapshot_due_ms
        if upload and not (snapshot and self._sent_last):
            self._sent_last = True
            return SendBatch(self._limit)
        self._sent_last = False
        if snapshot:
            return FetchSnapshot(self._full)
        due_ms = min(self._keys_due_ms, self._snapshot_due_ms)
        if self._news_due_ms is not None:
            if now_ms >= self._news_due_ms:
                return AskNews()
            due_ms = min(due_ms, self._news_due_ms)
        return Wait(min(due_ms, self._upload_due_ms) if unsent else due_ms)

    def handle(self, event: Event, now_ms: int) -> tuple[Effect, ...]:
        """Take in what came of a command; the effects are for the host to carry out, in order."""
        if isinstance(event, Failed | Refused):
            self._hand_in = False
            if isinstance(event.command, FetchKeys):
                self._keys_due_ms = now_ms + KEYS_AGAIN_MS
        if isinstance(event, Failed):
            return self._fail(event, now_ms)
        if isinstance(event, NotKept):
            return self._hold(now_ms)
        if isinstance(event, Refused):
            self.online = True
            return self._refused(event, now_ms)
        self.online, self._failures, self._clock_refused = True, 0, False
        if isinstance(event, Sent):
            return self._sent(event, now_ms)
        self._learn(event, now_ms)
        return ()

    def _learn(self, event: HasKeys | HasSnapshot | HasNews | HasIdentity, now_ms: int) -> None:
        if isinstance(event, HasKeys):
            self._keys_number, self._keys_due_ms = event.number, now_ms + KEYS_EVERY_MS
        elif isinstance(event, HasIdentity):
            self._enrolled, self._code = True, ""
            self._keys_due_ms = self._snapshot_due_ms = 0
        elif isinstance(event, HasNews):
            self._news_due_ms = now_ms + NEWS_EVERY_MS
            if event.there:
                self._snapshot_due_ms = now_ms
        else:
            self._full = False
            self._news_due_ms = now_ms + NEWS_EVERY_MS if event.tells_news else None
            self._sync_every_ms = 1_000 * min(max(event.sync_every_s, MIN_SYNC_S), MAX_SYNC_S)
            self._snapshot_due_ms = now_ms + self._sync_every_ms
            if self._keys_number is not None and event.key_list_number > self._keys_number:
                self._keys_due_ms = now_ms

    def _fail(self, event: Failed, now_ms: int) -> tuple[Effect, ...]:
        self.online = event.bad
        if event.bad and isinstance(event.command, Enrol):
            self._code = ""
            return (NotEnrolled("answer"),)
        if event.bad and isinstance(event.command, AskNews):
            self._news_due_ms = None
            return ()
        if event.bad and isinstance(event.command, FetchSnapshot):
            self._full, self._keys_due_ms = True, now_ms
        self._back_off(now_ms)
        return ()

    def _back_off(self, now_ms: int) -> None:
        self._failures += 1
        self._line_due_ms = now_ms + backoff_ms(self._failures, fraction=self._fraction())

    def _refused(self, event: Refused, now_ms: int) -> tuple[Effect, ...]:
        refusal, command = event.refusal, event.command
        if refusal.error == "clock" and refusal.server_time_ms > 0:
            return self._clock(refusal.server_time_ms, now_ms)
        if refusal.error in BUSY_WORDS:
            self._back_off(now_ms)
            return ()
        if isinstance(command, Enrol):
            self._code = ""
            return (NotEnrolled(refusal.error),)
        if refusal.error == "revoked":
            # Keys and snapshots are refused for ever; what is in the journal is still taken.
            self._hand_in = not isinstance(command, SendBatch)
            self._line_due_ms = now_ms + REVOKED_MS
            return (Withdraw(),)
        if isinstance(command, SendBatch):
            if refusal.error == "too_large" and command.limit > 1:
                self._limit = command.limit // 2
                return ()
            return self._hold(now_ms)
        self._back_off(now_ms)
        return ()

    def _clock(self, server_time_ms: int, now_ms: int) -> tuple[Effect, ...]:
        """Once at once by the server's clock; if that too is refused, like any failure."""
        if self._clock_refused:
            self._back_off(now_ms)
        self._clock_refused = True
        return (SignBy(server_time_ms),)

    def _sent(self, event: Sent, now_ms: int) -> tuple[Effect, ...]:
        ack = event.ack
        if ack.status == "gap":
            return self._gap(ack, now_ms)
        # Of what was not sent now no answer says that it is the same there.
        kept = Acknowledge(ack.epoch, min(ack.acknowledged, event.last_seq))
        if ack.acknowledged < event.first_seq:
            return self._hold(now_ms)
        if ack.status == "quarantined":
            return kept, *self._hold(now_ms)
        self._gaps, self._limit = 0, min(MAX_BATCH_RECORDS, self._limit * 2)
        return kept, Tell(Standing.FLOWS)

    def _gap(self, ack: Ack, now_ms: int) -> tuple[Effect, ...]:
        """The server lost something, or never had it: go back to where it stands."""
        self._gaps += 1
        if self._gaps > MAX_GAPS:
            self._gaps = 0
            return self._hold(now_ms)
        return (Rewind(ack.need_epoch, 0) if ack.need_epoch else Rewind(ack.epoch, ack.acknowledged),)

    def _hold(self, now_ms: int) -> tuple[Effect, ...]:
        self._hand_in = False
        self._upload_due_ms = now_ms + HELD_MS
        return (Tell(Standing.HELD),)
