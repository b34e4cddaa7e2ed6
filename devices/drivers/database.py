"""SQLite on the device: write-ahead log, every commit synced to the disk, files for the owner alone."""

import os
import sqlite3
from pathlib import Path

from devices.drivers.keyfile import OWNER_ONLY, sync_folder

PAGE_BYTES = 4096
BUSY_MS = 5_000
WAL_PAGES = 4_000
"""Where nobody folds the log in the background, a commit does it at this length, so that it stays bounded."""


def connect(path: Path, *, max_bytes: int | None = None) -> sqlite3.Connection:
    """A connection in autocommit mode, for one thread at a time. Raises sqlite3.Error or OSError."""
    if not path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_ONLY))
        sync_folder(path.parent)
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000, cached_statements=64
    )
    for pragma in (
        f"page_size = {PAGE_BYTES}",
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {WAL_PAGES}",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    if max_bytes is not None:
        connection.execute(f"PRAGMA max_page_count = {max_bytes // PAGE_BYTES}")
    return connection


def fold_log(connection: sqlite3.Connection) -> None:
    """Carry the write-ahead log into the database without making a writer wait."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def roll_back(connection: sqlite3.Connection) -> None:
    """Leave a transaction that failed; SQLite may have left it already."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk, or the bound set on the file, is used up."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
