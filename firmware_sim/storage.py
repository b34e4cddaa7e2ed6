"""A disk for the SDK that remembers every write, sync and name, and fails where it is told to.

SQLite works on it through a VFS of its own, so that nothing reaches a file unseen; small files go the same way.
"""

import contextlib
import errno
import itertools
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw

from devices.drivers.database import BUSY_MS, Connection, Row, Rows, StorageError, make_file, prepared
from devices.drivers.files import DiskFiles, Files
from firmware_sim.disk import Change, Contents, Cut, Event, Failed, Named, Noted, Renamed, Synced, Wrote

_NUMBERS = itertools.count(1)
_SYNCS_FOLDER = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
"""The first sync of such a file syncs the folder too: SQLite sees to that."""


class FaultyDisk:
    """A `Storage` on one folder. Set the faults at any time; `log` is what happened since it was made.

    `capacity_bytes`: all files together, a write beyond it finds the disk full. `refuse_writes`: how many more
    changes succeed before every one finds the disk full; None for no such end. `refuse_syncs`: so many syncs fail, and
    what was to be safe is neither there nor gone. `lie`: a sync says yes and makes nothing safe.
    """

    def __init__(self, folder: Path, *, keep_log: bool = True) -> None:
        self.folder = folder
        self.capacity_bytes: int | None = None
        self.refuse_writes: int | None = None
        self.refuse_syncs = 0
        self.lie = False
        self.log: list[Event] = []
        self.before = Contents()
        self._keep_log = keep_log
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._now: dict[str, int] = {}
        self._sizes: dict[int, int] = {}
        for path in sorted(folder.iterdir()) if folder.exists() else ():
            if not path.name.endswith("-shm"):
                self._now[path.name] = file = next(self._numbers)
                self.before.names[path.name], self.before.files[file] = file, path.read_bytes()
                self._sizes[file] = len(self.before.files[file])
        self._vfs = _Vfs(self)
        self._files = _Files(self)

    @property
    def files(self) -> Files:
        """The small files."""
        return self._files

    @property
    def used_bytes(self) -> int:
        """All files that have a name."""
        return sum(self._sizes.get(file, 0) for file in self._now.values())

    def connect(self, path: Path, *, max_bytes: int | None = None) -> Connection:
        """See Storage."""
        try:
            make_file(path, self._files)
            opened = apsw.Connection(str(path), vfs=self._vfs.name)
            opened.set_busy_timeout(BUSY_MS)
        except (apsw.Error, OSError) as error:
            raise _failed(error) from error
        return prepared(_ApswConnection(opened), max_bytes=max_bytes)

    def note(self, what: object) -> None:
        """The world saw something at this moment."""
        self._logged(Noted(what))

    # What the driver does, and what is remembered of it

    def number_of(self, name: str) -> int | None:
        """The file that a name leads to."""
        return self._now.get(name)

    def changed(self, change: Change) -> None:
        """Before the change is carried out. Raises OSError where there is no room for it."""
        with self._lock:
            self._admit(change)
            if isinstance(change, Named):
                if change.file is None:
                    self._now.pop(change.name, None)
                else:
                    self._now[change.name] = change.file
            elif isinstance(change, Renamed):
                self._now.pop(change.name, None)
                self._now[change.to] = change.file
            elif isinstance(change, Cut):
                self._sizes[change.file] = change.size
            else:
                self._sizes[change.file] = max(self._sizes.get(change.file, 0), change.offset + len(change.data))
            self._logged(change)

    def synced(self, file: int | None) -> None:
        """Before a sync is answered. Raises OSError where it fails."""
        if self.refuse_syncs:
            self.refuse_syncs -= 1
            self._logged(Failed(file))
            raise OSError(errno.EIO, "the disk does not sync")
        if not self.lie:
            self._logged(Synced(file))

    def new_file(self, name: str) -> int:
        """A new name, and the file it leads to."""
        file = next(self._numbers)
        self.changed(Named(name, file))
        return file

    def _admit(self, change: Change) -> None:
        grows = isinstance(change, Wrote | Cut) or (isinstance(change, Named) and change.file is not None)
        if not grows:
            return
        if self.refuse_writes is not None:
            if self.refuse_writes <= 0:
                raise OSError(errno.ENOSPC, "no space left on the device")
            self.refuse_writes -= 1
        if self.capacity_bytes is not None and isinstance(change, Wrote):
            more = change.offset + len(change.data) - self._sizes.get(change.file, 0)
            if more > 0 and self.used_bytes + more > self.capacity_bytes:
                raise OSError(errno.ENOSPC, "no space left on the device")

    def _logged(self, event: Event) -> None:
        if self._keep_log:
            with self._lock:
                self.log.append(event)


class _Files:
    """The real small files, each step remembered; nothing is really synced."""

    def __init__(self, disk: FaultyDisk) -> None:
        self._disk, self._real = disk, DiskFiles()

    def create(self, path: Path, data: bytes) -> None:
        if path.exists():
            raise FileExistsError(path)
        file = self._disk.new_file(path.name)
        self._real.overwrite(path, b"")
        self._write(path, file, data)
        self._disk.synced(file)

    def link(self, path: Path, to: Path) -> None:
        if to.exists():
            raise FileExistsError(to)
        self._disk.changed(Named(to.name, self._file(path)))
        self._real.link(path, to)

    def rename(self, path: Path, to: Path) -> None:
        self._disk.changed(Renamed(path.name, to.name, self._file(path)))
        self._real.rename(path, to)

    def remove(self, path: Path) -> None:
        if self._disk.number_of(path.name) is not None:
            self._disk.changed(Named(path.name, None))
        self._real.remove(path)

    def overwrite(self, path: Path, data: bytes) -> None:
        file = self._disk.number_of(path.name) or self._disk.new_file(path.name)
        self._write(path, file, data)

    def reserve(self, path: Path, size_bytes: int) -> None:
        file = self._disk.number_of(path.name) or self._disk.new_file(path.name)
        try:
            self._disk.changed(Wrote(file, 0, bytes(size_bytes)))
        except OSError:
            self.remove(path)
            raise
        self._real.reserve(path, size_bytes)

    def sync_folder(self, folder: Path) -> None:
        self._disk.synced(None)

    def _write(self, path: Path, file: int, data: bytes) -> None:
        self._disk.changed(Wrote(file, 0, data))
        self._real.overwrite(path, data)

    def _file(self, path: Path) -> int:
        file = self._disk.number_of(path.name)
        if file is None:
            raise FileNotFoundError(path)
        return file


class _Vfs(apsw.VFS):
    def __init__(self, disk: FaultyDisk) -> None:
        self.name = f"faulty-{next(_NUMBERS)}"
        self._disk = disk
        super().__init__(self.name, base="")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_File":  # noqa: N802  # SQLite's name
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name))
        file = self._disk.number_of(path.name)
        opened = _File(self._disk, name, flags)
        opened.file = self._disk.new_file(path.name) if file is None else file
        return opened

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802  # SQLite's name
        name = Path(filename).name
        if self._disk.number_of(name) is not None:
            self._disk.changed(Named(name, None))
        super().xDelete(filename, False)
        if syncdir:
            self._disk.synced(None)


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._folder_too = bool(flags[0] & _SYNCS_FOLDER)
        self.file = 0
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  # SQLite's name
        with _as_sqlite_says(apsw.FullError):
            self._disk.changed(Wrote(self.file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802  # SQLite's name
        with _as_sqlite_says(apsw.FullError):
            self._disk.changed(Cut(self.file, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802  # SQLite's name
        with _as_sqlite_says(apsw.IOError):
            self._disk.synced(self.file)
            if self._folder_too:
                self._disk.synced(None)
                self._folder_too = False


@contextlib.contextmanager
def _as_sqlite_says(kind: type[apsw.Error]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind(os.strerror(error.errno or errno.EIO)) from error


class _ApswRows:
    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor

    def fetchone(self) -> Any:
        with _errors():
            return self._cursor.fetchone()

    def fetchall(self) -> list[Row]:
        with _errors():
            return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        with _errors():
            return next(self._cursor)


class _ApswConnection:
    def __init__(self, opened: apsw.Connection) -> None:
        self._opened = opened

    @property
    def in_transaction(self) -> bool:
        return self._opened.in_transaction

    def execute(self, statement: str, values: Sequence[object] = ()) -> Rows:
        with _errors():
            return _ApswRows(self._opened.execute(statement, tuple(values)))

    def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        with _errors():
            self._opened.executemany(statement, rows)

    def executescript(self, script: str) -> None:
        with _errors():
            self._opened.execute(script)

    def close(self) -> None:
        with _errors():
            self._opened.close(True)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise _failed(error) from error


def _failed(error: apsw.Error | OSError) -> StorageError:
    full = isinstance(error, apsw.FullError) or getattr(error, "errno", 0) == errno.ENOSPC
    return StorageError(str(error), full=full)
