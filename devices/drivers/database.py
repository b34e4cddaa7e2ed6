"""SQLite on the device: write-ahead log, every commit synced to the disk, files for the owner alone."""

import contextlib
import errno
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from devices.drivers.files import ON_DISK, Files

PAGE_BYTES = 4096
BUSY_MS = 5_000
WAL_PAGES = 4_000
"""Where nobody folds the log in the background, a commit does it at this length, so that it stays bounded."""
SETTINGS = (
    f"page_size = {PAGE_BYTES}",
    "journal_mode = WAL",
    "synchronous = FULL",
    f"wal_autocheckpoint = {WAL_PAGES}",
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "temp_store = MEMORY",
)

Row = tuple[Any, ...]


class StorageError(Exception):
    """The disk refused, or its content is no database: the device's fault. `full`: no room, on the disk or within
    the bound set on the file.
    """

    def __init__(self, what: str, *, full: bool = False) -> None:
        super().__init__(what)
        self.full = full


class Rows(Protocol):
    """What a statement gives, read as it is asked for. Each method raises StorageError."""

    def fetchone(self) -> Any:
        """The next row as a tuple, or None."""
        ...

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Row]:
        """One after another."""
        ...


class Connection(Protocol):
    """One connection in autocommit mode, for one thread at a time. Each method raises StorageError."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    def execute(self, statement: str, values: Sequence[object] = ()) -> Rows:
        """One statement."""
        ...

    def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for each row."""
        ...

    def executescript(self, script: str) -> None:
        """Several statements."""
        ...

    def close(self) -> None:
        """Give back the files."""
        ...


class Storage(Protocol):
    """The device's disk: databases, and the small files beside them."""

    @property
    def files(self) -> Files:
        """The small files."""
        ...

    def connect(self, path: Path, *, max_bytes: int | None = None) -> Connection:
        """Open a database, made where there is none. Raises StorageError."""
        ...


class SqliteStorage:
    """The disk as the operating system gives it."""

    @property
    def files(self) -> Files:
        """The small files."""
        return ON_DISK

    def connect(self, path: Path, *, max_bytes: int | None = None) -> Connection:
        """See Storage."""
        try:
            make_file(path, self.files)
            opened = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000, cached_statements=64
            )
        except (sqlite3.Error, OSError) as error:
            raise _failed(error) from error
        return prepared(_SqliteConnection(opened), max_bytes=max_bytes)


def make_file(path: Path, files: Files) -> None:
    """An empty file for the owner alone, before SQLite makes one for everybody. Raises OSError."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            files.create(path, b"")
        files.sync_folder(path.parent)


def prepared(connection: Connection, *, max_bytes: int | None) -> Connection:
    """With the settings that every connection has; closed where it is no database."""
    try:
        for pragma in SETTINGS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        if max_bytes is not None:
            bound(connection, max_bytes=max_bytes)
    except StorageError:
        connection.close()
        raise
    return connection


def bound(connection: Connection, *, max_bytes: int) -> None:
    """The database may grow to this; one that is larger stays as it is, and grows no more."""
    connection.execute(f"PRAGMA max_page_count = {max_bytes // PAGE_BYTES}").fetchall()


def fold_log(connection: Connection) -> None:
    """Carry the write-ahead log into the database without making a writer wait."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def roll_back(connection: Connection) -> None:
    """Leave a transaction that failed; SQLite may have left it already."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


class _SqliteRows:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def fetchone(self) -> Any:
        try:
            return self._cursor.fetchone()
        except sqlite3.Error as error:
            raise _failed(error) from error

    def fetchall(self) -> list[Row]:
        try:
            return self._cursor.fetchall()
        except sqlite3.Error as error:
            raise _failed(error) from error

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        try:
            row: Row = next(self._cursor)
        except sqlite3.Error as error:
            raise _failed(error) from error
        return row


class _SqliteConnection:
    def __init__(self, opened: sqlite3.Connection) -> None:
        self._opened = opened

    @property
    def in_transaction(self) -> bool:
        return self._opened.in_transaction

    def execute(self, statement: str, values: Sequence[object] = ()) -> Rows:
        try:
            return _SqliteRows(self._opened.execute(statement, tuple(values)))
        except sqlite3.Error as error:
            raise _failed(error) from error

    def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        try:
            self._opened.executemany(statement, rows)
        except sqlite3.Error as error:
            raise _failed(error) from error

    def executescript(self, script: str) -> None:
        try:
            self._opened.executescript(script)
        except sqlite3.Error as error:
            raise _failed(error) from error

    def close(self) -> None:
        try:
            self._opened.close()
        except sqlite3.Error as error:
            raise _failed(error) from error


def _failed(error: sqlite3.Error | OSError) -> StorageError:
    code = getattr(error, "sqlite_errorcode", 0)
    full = code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE
    return StorageError(str(error), full=full or getattr(error, "errno", 0) == errno.ENOSPC)
