"""The decode SDK: who shows this code and what they may do here, or why not. For gates and other makers' devices.

    decoder = Decoder.enrol(folder, server_url, typed_code)  # once; from then on Decoder.open(folder)
    decoder.start()                                          # keys, people and stops come by themselves
    verdict = decoder.verify(text, at_s)                     # with or without a line

It takes no money and keeps no sales: who does that uses `devices.terminal`.
"""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from devices.core import accept, enrolment
from devices.core.accept import Genuine
from devices.core.declines import Decline, Why
from devices.core.funds import Pending, PersonRow, age_step, person_state
from devices.core.messages import Enrolled, MessageError, Refusal
from devices.core.policy import AgeStep, in_force
from devices.core.quote import Person
from devices.core.sentences import decline_sentence
from devices.core.signing import SEED_BYTES
from devices.drivers import vault
from devices.drivers.clock import Clock, SystemClock
from devices.drivers.database import SqliteStorage, Storage, StorageError
from devices.drivers.folder import hold
from devices.drivers.keyfile import read_or_make, write_whole
from devices.drivers.network import NoAnswer, Transport
from devices.drivers.randomness import Randomness, SystemRandomness
from devices.drivers.vault import Vault
from devices.master.clock import FLOOR_SLACK_S
from devices.master.texts import enrolment_refused
from devices.store.held import Held
from devices.store.identity import load_identity, save_identity
from devices.store.snapshots import SnapshotStore, StoreBroken
from devices.store.taken import Taken
from devices.sync.http import HttpTransport
from devices.sync.machine import KEYS_EVERY_MS, MAX_SYNC_S, MIN_SYNC_S, backoff_ms
from devices.sync.server import Server
from devices.sync.worker import SigningClock

logger = logging.getLogger(__name__)

SOFTWARE = "ecard-decode/0.2.0"
DEVICE_KEY, STORAGE_KEY, SERVER = "device.key", "storage.key", "server"
WITHOUT_POLICY = (AgeStep(7 * 24 * 3600, 0, 0),)

T = TypeVar("T")


class NotEnrolled(Exception):
    """The folder belongs to no enrolled device, or the server refused the code: whoever sets the device up.

    `args[0]` says which; a refusal's is the server's word (PROTOCOL.md section 1), and `args[1]` what to do.
    """

    def __str__(self) -> str:
        return ": ".join(self.args)


class Drivers(msgspec.Struct, frozen=True):
    """What a device may bring of its own; `transport` None is HTTP."""

    software: str = SOFTWARE
    clock: Clock = msgspec.field(default_factory=SystemClock)
    randomness: Randomness = msgspec.field(default_factory=SystemRandomness)
    storage: Storage = msgspec.field(default_factory=SqliteStorage)
    transport: Transport | None = None


class Verdict(msgspec.Struct, frozen=True):
    """`accepted`: genuine, of this moment, not used before, not stopped, and allowed here; then it counts as used.

    `name` is masked, "" for somebody whom the snapshot does not know. `groups` are the server's numbers. `rights` are
    sixteen bits that the institution gives meaning to. `pay_up_to_minor` is what a terminal might sell them at once
    without the network; verifying takes nothing of it. `why` is "accepted" or a stable word of `core.declines`;
    the sentence is for the person there.
    """

    accepted: bool
    why: str
    zh: str
    en: str
    account_ref: int = 0
    name: str = ""
    price_class: int = 0
    groups: tuple[int, ...] = ()
    rights: int = 0
    pay_up_to_minor: int = 0

    def sentence(self, language: str) -> str:
        """For "zh…" or any other language code."""
        return self.zh if language.startswith("zh") else self.en


class Decoder:
    """Use `enrol` once, `open` from then on. `verify` may be called from any thread, and never waits for the line."""

    def __init__(
        self,
        *,
        folder: Path,
        lock: int,
        identity: Enrolled | None,
        server: Server,
        signing: SigningClock,
        store: SnapshotStore,
        taken: Taken,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._folder, self._lock, self._identity = folder, lock, identity
        self._server, self._signing, self._clock, self._randomness = server, signing, clock, randomness
        self._store, self._taken = store, taken
        self._turn, self._line = threading.Lock(), threading.Lock()
        self._floor_s = 0
        self._withdrawn, self._full, self._keys_due_ms = False, False, 0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def enrol(cls, folder: Path, server_url: str, code: str, drivers: Drivers | None = None) -> Self:
        """Exchange the one-time code, typed or scanned, for an identity of this device, and fetch what is needed.

        Raises NotAnEnrolmentCode, NotEnrolled, NoAnswer or MessageError (an answer that is not the institution's).
        """
        typed = enrolment.read(code)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        decoder = cls._open(folder, server_url, drivers or Drivers())
        try:
            decoder._enrol(typed, server_url)
        except BaseException:
            decoder.close()
            raise
        return decoder

    @classmethod
    def open(cls, folder: Path, drivers: Drivers | None = None) -> Self:
        """Go on with what the folder holds. Raises NotEnrolled, InUse, KeyFileError or StoreBroken."""
        if load_identity(folder) is None or not (folder / SERVER).exists():
            raise NotEnrolled("this folder belongs to no enrolled device")
        return cls._open(folder, (folder / SERVER).read_text(encoding="utf-8"), drivers or Drivers())

    @classmethod
    def _open(cls, folder: Path, server_url: str, drivers: Drivers) -> Self:
        clock, randomness, storage = drivers.clock, drivers.randomness, drivers.storage
        with ExitStack() as undo:
            lock = hold(folder)
            undo.callback(os.close, lock)
            seed = read_or_make(folder / DEVICE_KEY, size_bytes=SEED_BYTES, randomness=randomness)
            key = read_or_make(folder / STORAGE_KEY, size_bytes=vault.KEY_BYTES, randomness=randomness)
            sealing = Vault(key, randomness=randomness)
            store = SnapshotStore.open(folder, vault=sealing, storage=storage)
            undo.callback(store.close)
            taken = Taken.open(folder, vault=sealing, storage=storage)
            undo.callback(taken.close)
            signing = SigningClock(clock)
            server = Server(
                drivers.transport or HttpTransport(server_url),
                seed=seed,
                software=drivers.software,
                now_ms=signing.now_ms,
                monotonic_ms=clock.monotonic_ms,
            )
            undo.pop_all()
        return cls(
            folder=folder,
            lock=lock,
            identity=load_identity(folder),
            server=server,
            signing=signing,
            store=store,
            taken=taken,
            clock=clock,
            randomness=randomness,
        )

    # What a device asks

    def verify(self, text: str, at_s: int) -> Verdict:
        """Who shows this text, at that unix second by the device's clock. Never raises for what the text is.

        An accepted code is durably used up before this returns; the same or an older picture of it is refused.
        """
        with self._turn:
            try:
                return self._verify(text, at_s)
            except (StoreBroken, StorageError):
                return _refused(Decline(Why.NOT_READY))

    def _verify(self, text: str, now_s: int) -> Verdict:
        keys = self._store.keys
        if self._withdrawn:
            return _refused(Decline(Why.WITHDRAWN))
        if keys is None or self._store.held is None:
            return _refused(Decline(Why.NOT_READY))
        if now_s + FLOOR_SLACK_S < max(self._floor_s, self._store.signed_time_s):
            return _refused(Decline(Why.CLOCK_SUSPECT))
        genuine = accept.read(text, trust=keys.trust, now_s=now_s)
        if isinstance(genuine, Decline):
            return _refused(genuine)
        self._floor_s = max(self._floor_s, genuine.grant.issued_at_s)
        used = accept.used_before(genuine.code, last_s=self._taken.last_s(genuine.code.code_id), now_s=now_s)
        if used is not None:
            return _refused(used)
        held, row = self._store.find(genuine.account_ref)
        denied = accept.denied(genuine.grant, denials=held.denials)
        if denied is not None:
            return _refused(denied)
        verdict = _judged(genuine, held, row, now_s)
        if verdict.accepted:
            self._taken.take(genuine.code)
        return verdict

    def refresh(self) -> bool:
        """Ask for keys and for what changed; whether the server answered with it. Without a line all stays as it is.

        Raises NotEnrolled for a device that was withdrawn; it then refuses everybody.
        """
        with self._line:
            try:
                return self._refresh()
            except NoAnswer:
                return False
            except (MessageError, StoreBroken):
                self._full, self._keys_due_ms = True, 0
                return False

    def start(self) -> None:
        """Refresh in a thread, as often as the server says, until `close`."""
        self._thread = threading.Thread(target=self._run, name="ecard-decode", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give back files and line; may be repeated."""
        if self._ending.is_set():
            return
        self._ending.set()
        if self._thread is not None:
            self._thread.join(5)
        self._server.close()
        with self._turn:
            self._taken.close()
            self._store.close()
        os.close(self._lock)

    # The server

    def _enrol(self, typed: str, server_url: str) -> None:
        enrolled = self._server.enrol(typed)
        if isinstance(enrolled, Refusal):
            raise NotEnrolled(enrolled.error, enrolment_refused(enrolled.error).en)
        write_whole(self._folder / SERVER, server_url.encode())
        save_identity(self._folder, enrolled)
        self._identity = enrolled
        self.refresh()

    def _refresh(self) -> bool:
        identity = self._identity
        if identity is None:
            raise NotEnrolled("this device is not enrolled yet")
        keys = self._store.keys
        if keys is None or self._clock.monotonic_ms() >= self._keys_due_ms:
            number = keys.key_list.number if keys is not None else 0
            keys = self._answered(lambda: self._server.keys(identity, held_number=number))
            self._store.keep_keys(keys)
            self._keys_due_ms = self._clock.monotonic_ms() + KEYS_EVERY_MS
        known, held = keys, self._store.held
        since = None if self._full or (held is not None and held.of_an_older_release) else held
        found = self._answered(lambda: self._server.snapshot(identity, keys=known, held=since))
        applied = self._store.apply(found.head, found.rows, policies=found.policies, newer=found.newer)
        self._full = False
        if applied.key_list_number > keys.key_list.number:
            self._keys_due_ms = 0
        with self._turn:
            self._taken.forget(now_s=applied.made_s)
        return True

    def _answered(self, ask: Callable[[], T | Refusal]) -> T:
        """Where only the clock was refused, once more by the server's. Raises NoAnswer or NotEnrolled."""
        answer = ask()
        if isinstance(answer, Refusal) and answer.error == "clock" and answer.server_time_ms > 0:
            self._signing.set_to(answer.server_time_ms)
            answer = ask()
        if not isinstance(answer, Refusal):
            return answer
        if answer.error == "revoked":
            self._withdrawn = True
            raise NotEnrolled(answer.error)
        raise NoAnswer(answer.error)

    def _run(self) -> None:
        failures = 0
        while not self._ending.is_set():
            try:
                failures = 0 if self.refresh() else failures + 1
            except NotEnrolled:
                failures += 1
            except Exception:
                logger.exception("the refresh stumbled, and goes on")
                failures += 1
            held = self._store.held
            every_s = min(max(held.parameters.sync_every_s, MIN_SYNC_S), MAX_SYNC_S) if held is not None else MIN_SYNC_S
            rest_ms = backoff_ms(failures, fraction=self._randomness.fraction()) if failures else every_s * 1000
            self._ending.wait(rest_ms / 1000)


def _judged(genuine: Genuine, held: Held, row: PersonRow | None, now_s: int) -> Verdict:
    """A genuine code of somebody who is not stopped: may they pass here, and what may they pay?"""
    policy = in_force(held.policies, at_s=now_s)
    ages = (policy.ages if policy is not None else ()) or WITHOUT_POLICY
    if age_step(ages, age_s=now_s - held.made_s) is None:
        return _refused(Decline(Why.SNAPSHOT_TOO_OLD))
    if row is not None and row.gone:
        row = None
    groups = row.groups if row is not None else ()
    wanted = held.parameters.groups
    if wanted and not set(wanted) & set(groups):
        return _refused(Decline(Why.NO_PASSAGE))
    person = person_state(
        grant=genuine.grant,
        row=row,
        snapshot_made_s=held.made_s,
        pending=_NOTHING,
        ages=ages,
        now_s=now_s,
    )
    return Verdict(
        accepted=True,
        why="accepted",
        zh="已通过",
        en="Accepted",
        account_ref=genuine.account_ref,
        name=row.name if row is not None else "",
        price_class=person.price_class if isinstance(person, Person) else genuine.grant.price_class,
        groups=groups,
        rights=genuine.grant.rights,
        pay_up_to_minor=max(0, min(person.per_sale_minor, person.purse_minor)) if isinstance(person, Person) else 0,
    )


_NOTHING = Pending()


def _refused(decline: Decline) -> Verdict:
    return Verdict(
        accepted=False,
        why=decline.why.value,
        zh=decline_sentence(decline, language="zh"),
        en=decline_sentence(decline, language="en"),
    )
