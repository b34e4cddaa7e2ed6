"""The thread that talks to the server. A sale never waits for it."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from devices.core.messages import Enrolled, MessageError, Refusal
from devices.drivers.clock import Clock
from devices.drivers.files import ON_DISK, Files
from devices.drivers.network import NoAnswer
from devices.journal.journal import Journal
from devices.journal.values import JournalBroken, JournalFull, Passing, unwatched
from devices.master import texts
from devices.master.control import MasterControl
from devices.master.online import JOURNAL_LEAST
from devices.store.identity import save_identity
from devices.store.snapshots import SnapshotStore, StoreBroken
from devices.sync.machine import SyncMachine
from devices.sync.protocol import (
    Acknowledge,
    AskNews,
    Effect,
    Enrol,
    Event,
    Exchange,
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
    Sent,
    SignBy,
    Standing,
    Tell,
    Wait,
)
from devices.sync.server import Server

logger = logging.getLogger(__name__)

LOOK_MS = 1_000
"""The clock is looked at this often."""
UPKEEP_MS = 60_000


class SigningClock:
    """The wall clock as the server wants it in signed requests; never used to decide a sale."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ms = 0

    def now_ms(self) -> int:
        """Unix ms."""
        return self._clock.wall_ms() + self._offset_ms

    def set_to(self, server_time_ms: int) -> None:
        """The server's clock shows this now."""
        self._offset_ms = server_time_ms - self._clock.wall_ms()


class SyncWorker:
    """`step` does one thing and says how long to rest; `start` repeats it in a thread until `stop`."""

    def __init__(
        self,
        *,
        folder: Path,
        identity: Enrolled | None,
        journal: Journal,
        store: SnapshotStore,
        control: MasterControl,
        server: Server,
        machine: SyncMachine,
        clock: Clock,
        signing_clock: SigningClock,
        move: Callable[[], None],
        passing: Passing = unwatched,
        files: Files = ON_DISK,
    ) -> None:
        self._folder, self._identity, self._passing, self._files = folder, identity, passing, files
        self._move = move
        self._journal, self._store, self._control, self._server = journal, store, control, server
        self._machine, self._clock, self._signing_clock = machine, clock, signing_clock
        self._machine_lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._upkeep_due_ms = 0
        self._thread: threading.Thread | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def identity(self) -> Enrolled | None:
        """Who this terminal is, once it is enrolled."""
        return self._identity

    def start(self) -> None:
        """Begin; once."""
        self._unsubscribe = self._control.subscribe(lambda _screen: self._wake.set())
        self._thread = threading.Thread(target=self._run, name="ecard-sync", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """End after the exchange under way, or leave it to its own time limit."""
        self._stopping = True
        self._unsubscribe()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._server.close()

    def enrol(self, code: str) -> None:
        """Try an enrolment code; the screen tells what came of it."""
        with self._machine_lock:
            self._machine.enrol(code)
        self._control.tell(texts.ENROLLING)
        self._wake.set()

    def nudge(self) -> None:
        """Try everything now: the line may be back."""
        with self._machine_lock:
            self._machine.nudge()
        self._wake.set()

    def step(self) -> int:
        """One exchange, or none; how many ms until there may be another."""
        now_ms = self._clock.monotonic_ms()
        self._look_after(now_ms)
        with self._machine_lock:
            command = self._machine.next(now_ms, unsent=self._journal.unsent)
        if isinstance(command, Wait):
            return max(0, command.until_ms - now_ms)
        self._server.unsent = self._journal.unsent
        self._server.policy, self._server.newer_policy = self._control.policies()
        self._server.neighbours = self._control.neighbours()
        try:
            event = self._carry_out(command)
            if event is not None:
                self._report(event)
        except NoAnswer:
            self._report(Failed(command))
        except (MessageError, StoreBroken, JournalBroken):
            self._report(Failed(command, bad=True))
        return 0

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            rest_ms = self._step_whatever_happens()
            if rest_ms and not self._stopping:
                self._wake.wait(min(rest_ms, LOOK_MS) / 1000)

    def _step_whatever_happens(self) -> int:
        """A fault nobody foresaw, or a host's callback that raises, must not end the upload while sales go on."""
        try:
            return self.step()
        except Exception:
            logger.exception("the sync stumbled, and goes on")
            return LOOK_MS

    def _look_after(self, now_ms: int) -> None:
        self._control.look_at_clock()
        if now_ms >= self._upkeep_due_ms:
            self._upkeep_due_ms = now_ms + UPKEEP_MS
            try:
                self._control.maintain()
            except JournalBroken:
                self._control.tell(texts.STORAGE)

    def _report(self, event: Event) -> None:
        with self._machine_lock:
            effects = self._machine.handle(event, self._clock.monotonic_ms())
            online = self._machine.online
        self._control.line(online=online)
        for effect in effects:
            self._bring_about(effect)

    def _carry_out(self, command: Exchange) -> Event | None:
        if isinstance(command, Enrol):
            return self._enrol(command)
        identity = self._identity
        if identity is None:
            raise NoAnswer("not enrolled")
        if isinstance(command, FetchKeys):
            return self._fetch_keys(command, identity)
        if isinstance(command, FetchSnapshot):
            return self._fetch_snapshot(command, identity)
        if isinstance(command, AskNews):
            held = self._store.held
            return HasNews(there=held is None or self._server.news(held))
        run = self._journal.unacknowledged(command.limit)
        if run is None:
            return None
        self._passing("upload.send")
        ack = self._server.send(identity, run)
        self._passing("upload.answered")
        return Refused(command, ack) if isinstance(ack, Refusal) else Sent(ack, run.first_seq, run.last_seq)

    def _enrol(self, command: Enrol) -> Event:
        enrolled = self._server.enrol(command.code)
        if isinstance(enrolled, Refusal):
            return Refused(command, enrolled)

        def keep(moved: bool) -> None:
            if moved:
                self._move()
            save_identity(self._folder, enrolled, files=self._files)

        try:
            self._control.enrolled(enrolled.terminal, keep=keep)
        except (JournalFull, JournalBroken, OSError) as error:
            raise NoAnswer("the disk refused who this terminal is; asked again") from error
        self._identity = enrolled
        return HasIdentity()

    def _fetch_keys(self, command: FetchKeys, identity: Enrolled) -> Event:
        held = self._store.keys
        keys = self._server.keys(identity, held_number=held.key_list.number if held is not None else 0)
        if isinstance(keys, Refusal):
            return Refused(command, keys)
        self._store.keep_keys(keys)
        self._control.keys_came()
        return HasKeys(keys.key_list.number)

    def _fetch_snapshot(self, command: FetchSnapshot, identity: Enrolled) -> Event:
        keys = self._store.keys
        if keys is None:
            raise MessageError("no keys to verify a snapshot with")
        held = self._store.held
        anew = held is not None and (held.of_an_older_release or held.terminal != identity.terminal)
        if command.full or anew:
            held = None
        found = self._server.snapshot(identity, keys=keys, held=held)
        if isinstance(found, Refusal):
            return Refused(command, found)
        applied = self._store.apply(found.head, found.rows, policies=found.policies, newer=found.newer)
        self._control.snapshot_came(applied, round_trip_ms=found.round_trip_ms)
        parameters = applied.parameters
        return HasSnapshot(applied.key_list_number, parameters.sync_every_s, parameters.journal >= JOURNAL_LEAST)

    def _bring_about(self, effect: Effect) -> None:
        if isinstance(effect, Acknowledge):
            self._journal.acknowledge(effect.epoch, effect.upto)
            self._control.uploaded()
        elif isinstance(effect, Rewind):
            if not self._journal.rewind(effect.epoch, effect.upto):
                self._report(NotKept())
        elif isinstance(effect, SignBy):
            self._signing_clock.set_to(effect.server_time_ms)
        elif isinstance(effect, NotEnrolled):
            self._control.tell(texts.enrolment_refused(effect.error))
        elif isinstance(effect, Tell):
            self._control.tell(texts.UPLOAD_HELD if effect.standing is Standing.HELD else None)
        else:
            self._control.withdrawn()
