"""A whole terminal on real drivers: keys, journal, snapshot, master control and the thread that syncs."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from devices.core import enrolment
from devices.core.messages import Enrolled
from devices.core.signing import SEED_BYTES
from devices.drivers import vault
from devices.drivers.clock import Clock, SystemClock
from devices.drivers.database import SqliteStorage, Storage
from devices.drivers.files import Files
from devices.drivers.folder import hold
from devices.drivers.keyfile import read_or_make
from devices.drivers.network import Transport
from devices.drivers.randomness import Randomness, SystemRandomness, draw_epoch
from devices.drivers.vault import Vault
from devices.journal.journal import Journal
from devices.journal.reserve import give_up
from devices.journal.values import JournalBroken, Limits, Passing, unwatched
from devices.lan.neighbours import Lan
from devices.lan.udp import LanOptions, Udp
from devices.master.control import MasterControl
from devices.store import snapshots
from devices.store.identity import forget_identity, load_identity
from devices.store.snapshots import SnapshotStore, StoreBroken
from devices.sync.authority import LIMIT_MS, ServerAuthority
from devices.sync.http import HttpTransport
from devices.sync.machine import SyncMachine
from devices.sync.server import Server
from devices.sync.worker import SigningClock, SyncWorker

SOFTWARE = "ecard-terminal/0.2.0"
_ASK_S = LIMIT_MS / 1000
DEVICE_KEY, STORAGE_KEY = "device.key", "storage.key"

T = TypeVar("T")


class Terminal:
    """Use `open`. `control` is what a host shows and presses, `lan` the neighbours where there are any; the rest works
    by itself.
    """

    def __init__(self, parts: "_Parts", *, lock: int, sync: SyncWorker, authority: ServerAuthority | None) -> None:
        self.control, self.lan, self.sync = parts.control, parts.lan, sync
        self._parts, self._lock, self._authority = parts, lock, authority
        self._journal, self._store = parts.journal, parts.store
        self._closed = False

    @classmethod
    def open(
        cls,
        data_dir: Path,
        *,
        server_url: str,
        software: str = SOFTWARE,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        transport: Transport | None = None,
        limits: Limits | None = None,
        passing: Passing = unwatched,
        storage: Storage | None = None,
        lan: LanOptions | None = None,
        asking: Transport | None = None,
    ) -> Self:
        """Boot: recover what the folder holds and begin a new epoch. `start` then begins to sync.

        `asking` carries questions about single sales, beside `transport`; with a `transport` and without it none are
        asked.
        Raises InUse, KeyFileError, JournalBroken, StoreBroken or LanError, each for an engineer to look at.
        """
        hardware = _Hardware(
            software,
            clock or SystemClock(),
            randomness or SystemRandomness(),
            storage or SqliteStorage(),
            limits,
            passing,
        )
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as undo:
            lock = hold(data_dir)
            undo.callback(os.close, lock)
            parts = _open_parts(data_dir, hardware, lan, undo)
            if asking is None and transport is None:
                asking = HttpTransport(server_url, connect_s=_ASK_S, silence_s=_ASK_S, whole_s=_ASK_S)
            signing = SigningClock(hardware.clock)
            sync = _worker(parts, transport or HttpTransport(server_url), signing)
            authority = _authority(parts, asking, sync, signing) if asking is not None else None
            if authority is not None:
                parts.control.ask_at(authority)
            terminal = cls(parts, lock=lock, sync=sync, authority=authority)
            undo.pop_all()
            return terminal

    def start(self) -> None:
        """Begin to sync, and to hear the neighbours, in threads."""
        self.listen()
        self.sync.start()
        if self._authority is not None:
            self._authority.start()

    def listen(self) -> None:
        """Begin to hear the neighbours; `start` does it, too."""
        if self.lan is not None and self._parts.udp is not None:
            self._parts.udp.start(self.lan.receive, self.lan.tick)

    def enrol(self, text: str) -> None:
        """An enrolment code, typed or scanned; the screen tells what comes of it. Raises NotAnEnrolmentCode."""
        self.sync.enrol(enrolment.read(text))

    def close(self) -> None:
        """Stop in order; being killed instead loses nothing. May be repeated."""
        if self._closed:
            return
        self._closed = True
        if self._parts.udp is not None:
            self._parts.udp.close()
        if self._authority is not None:
            self._authority.stop()
        self.sync.stop()
        self._journal.close()
        self._store.close()
        os.close(self._lock)

    def reset(self) -> None:
        """Make it a new device: other keys, no memory. Raises RecordsWaiting while a sale would be lost."""
        folder, files = self._parts.folder, self._parts.hardware.storage.files
        self._journal.erase()
        self.close()
        snapshots.remove(folder, files=files)
        forget_identity(folder, files=files)
        for name in (DEVICE_KEY, STORAGE_KEY):
            files.remove(folder / name)
        files.sync_folder(folder)


def _with_reserve(folder: Path, files: Files, open_part: Callable[[], T]) -> T:
    """On a full disk the room that was set apart lets a terminal start and upload, though it sells nothing."""
    try:
        return open_part()
    except (StoreBroken, JournalBroken) as error:
        if not error.full:
            raise
        give_up(folder, files)
        return open_part()


class _Hardware(NamedTuple):
    software: str
    clock: Clock
    randomness: Randomness
    storage: Storage
    limits: Limits | None
    passing: Passing


class _Parts(NamedTuple):
    folder: Path
    hardware: _Hardware
    seed: bytes
    identity: Enrolled | None
    journal: Journal
    store: SnapshotStore
    control: MasterControl
    udp: Udp | None
    lan: Lan | None


def _open_parts(folder: Path, hardware: _Hardware, options: LanOptions | None, undo: ExitStack) -> _Parts:
    """Keys, snapshot, journal, neighbours and the control, in the order in which they need one another."""
    clock, randomness, files = hardware.clock, hardware.randomness, hardware.storage.files
    seed = read_or_make(folder / DEVICE_KEY, size_bytes=SEED_BYTES, randomness=randomness, files=files)
    key = read_or_make(folder / STORAGE_KEY, size_bytes=vault.KEY_BYTES, randomness=randomness, files=files)
    sealing, identity = Vault(key, randomness=randomness), load_identity(folder)
    store = _open_store(folder, hardware, sealing)
    undo.callback(store.close)
    journal = _open_journal(folder, hardware, sealing, store)
    undo.callback(journal.close)
    udp, lan = Udp(options) if options is not None else None, None
    if udp is not None:
        undo.callback(udp.close)
        lan = Lan(seed=seed, store=store, journal=journal, clock=clock, randomness=randomness, link=udp)
    control = MasterControl(
        journal=journal,
        store=store,
        clock=clock,
        terminal=identity.terminal if identity is not None else 0,
        passing=hardware.passing,
        neighbours=lan,
    )
    if lan is not None:
        lan.go_by(control.now_ms)
    return _Parts(folder, hardware, seed, identity, journal, store, control, udp, lan)


def _open_store(folder: Path, hardware: _Hardware, sealing: Vault) -> SnapshotStore:
    storage = hardware.storage
    opening = partial(SnapshotStore.open, folder, vault=sealing, passing=hardware.passing, storage=storage)
    return _with_reserve(folder, storage.files, opening)


def _open_journal(folder: Path, hardware: _Hardware, sealing: Vault, store: SnapshotStore) -> Journal:
    opening = partial(
        Journal.open,
        folder,
        vault=sealing,
        epoch=draw_epoch(hardware.randomness),
        at_ms=hardware.clock.wall_ms(),
        software=hardware.software,
        posted_through=store.held.posted_through if store.held is not None else None,
        limits=hardware.limits,
        passing=hardware.passing,
        storage=hardware.storage,
    )
    return _with_reserve(folder, hardware.storage.files, opening)


def _begin_epoch(journal: Journal, hardware: _Hardware) -> None:
    """A terminal that is given another place: what it sells there is not of the epoch sold before."""
    epoch = draw_epoch(hardware.randomness)
    journal.begin(epoch, at_ms=hardware.clock.wall_ms(), software=hardware.software)


def _authority(parts: _Parts, transport: Transport, sync: SyncWorker, signing: SigningClock) -> ServerAuthority:
    server = Server(
        transport,
        seed=parts.seed,
        software=parts.hardware.software,
        now_ms=signing.now_ms,
        monotonic_ms=parts.hardware.clock.monotonic_ms,
        reports=False,
    )
    return ServerAuthority(
        server,
        identity=lambda: sync.identity,
        keys=lambda: parts.store.keys,
        held=lambda: parts.store.held,
        monotonic_ms=parts.hardware.clock.monotonic_ms,
    )


def _worker(parts: _Parts, transport: Transport, signing: SigningClock) -> SyncWorker:
    keys, hardware = parts.store.keys, parts.hardware
    return SyncWorker(
        folder=parts.folder,
        identity=parts.identity,
        journal=parts.journal,
        store=parts.store,
        control=parts.control,
        server=Server(
            transport,
            seed=parts.seed,
            software=hardware.software,
            now_ms=signing.now_ms,
            monotonic_ms=hardware.clock.monotonic_ms,
        ),
        machine=SyncMachine(
            enrolled=parts.identity is not None,
            key_list_number=keys.key_list.number if keys is not None else None,
            fraction=hardware.randomness.fraction,
        ),
        clock=hardware.clock,
        signing_clock=signing,
        move=partial(_begin_epoch, parts.journal, hardware),
        passing=hardware.passing,
        files=hardware.storage.files,
    )
