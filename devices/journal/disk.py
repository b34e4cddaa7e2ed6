"""The journal's file: one connection that writes, one that reads, and what is done where either fails."""

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from devices.core import journal as records
from devices.drivers import database
from devices.drivers.database import Connection, Storage, StorageError
from devices.drivers.vault import Vault, VaultError
from devices.journal import tables
from devices.journal.mark import Mark
from devices.journal.recovering import Known, reread_end
from devices.journal.reserve import Reserve
from devices.journal.values import JournalBroken, JournalFull, Limits, Stream

FAILURES = (StorageError, OSError, VaultError, records.RecordError, ValueError)

T = TypeVar("T")


class OnDisk:
    """What `Journal` stands on."""

    def __init__(self, path: Path, *, vault: Vault, limits: Limits, storage: Storage) -> None:
        self._path, self._vault, self._limits, self._storage = path, vault, limits, storage
        self._lock = threading.RLock()
        self._read_lock = threading.Lock()
        self._known = Known()
        self._broken = ""
        self._closed = False
        self._reserve = Reserve(path.parent, limits=limits, files=storage.files)
        self._mark = Mark(path.parent, vault=vault, files=storage.files)
        self._connect()

    @property
    def broken(self) -> str:
        """Why no record can be appended any more, or ""."""
        return self._broken

    def read(self, read: Callable[[Connection, Vault, list[Stream]], T]) -> T:
        """Ask the records kept (`devices.journal.orders`). Raises JournalBroken."""
        with self._lock:
            streams = list(self._known.streams.values())
        try:
            with self._read_lock:
                return read(self._reader, self._vault, streams)
        except (StorageError, VaultError, records.RecordError, KeyError) as error:
            raise JournalBroken(f"records cannot be read: {error}") from error

    def mend(self) -> bool:
        """Try again where storage failed; True where the sale that failed is there, and must be undone."""
        with self._lock:
            if not self._broken or self._closed:
                return False
            try:
                landed = self._reopen()
            except FAILURES:
                return False
            self._broken = ""
            newest, tail = self._known.newest, self._known.tail
            at_the_end = newest is not None and (newest.epoch, newest.record.seq) == (tail.epoch, tail.seq)
            return landed and at_the_end

    def close(self) -> None:
        """Give back the files; nothing needs saving. May be repeated."""
        with self._lock, self._read_lock:
            self._broken, self._closed = self._broken or "closed", True
            for each in (self._writer, self._reader):
                with suppress(StorageError):
                    each.close()

    def _connect(self) -> None:
        with ExitStack() as undo:
            self._writer = self._storage.connect(self._path, max_bytes=self._reserve.bound_bytes)
            undo.callback(self._writer.close)
            tables.prepare(self._writer, self._vault)
            self._reader = self._storage.connect(self._path)
            undo.pop_all()

    def _with_reserve(self, write: Callable[[], None], *, spare: bool) -> None:
        """Where there is no room: for what must be written, once more with the reserve. Raises StorageError."""
        try:
            write()
        except StorageError as error:
            if not error.full:
                raise
            database.roll_back(self._writer)
            if not spare or not self._reserve.release(self._writer):
                self._reserve.used_up()
                raise
            write()

    def _after_failure(self, error: StorageError | ValueError) -> JournalFull | JournalBroken:
        """A failed commit may have reached the disk: look, and go on from what is there."""
        try:
            landed = self._reopen()
        except FAILURES as again:
            self._broken = f"storage failed: {error}; then {again}"
            return JournalBroken(self._broken)
        if not landed and isinstance(error, StorageError) and error.full:
            return JournalFull(str(error))
        return JournalBroken(str(error), landed=landed)

    def _reopen(self) -> bool:
        """Whether the last record is there that nobody was shown.

        A sync that failed is never made good by a later one, so all that the log holds is written anew elsewhere.
        """
        with self._read_lock:
            for each in (self._writer, self._reader):
                with suppress(StorageError):
                    database.roll_back(each)
                    each.close()
            self._connect()
        (busy, _, _) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise ValueError("the log is in use")
        return reread_end(self._writer, self._vault, self._known)
