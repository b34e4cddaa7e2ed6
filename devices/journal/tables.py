"""The journal's tables: streams by epoch, records sealed line by line, and the codes taken, each row provable.

A record's id is ordinal << 24 | sequence, so that records append to the end of one B-tree. What is sealed is the
chain's head after the record (32 bytes) and the line. Code ids are stored under a keyed hash.
"""

import struct
from collections.abc import Iterator

from devices.core.journal import (
    MAX_SEQUENCE,
    EpochRecord,
    NoteRecord,
    PassRecord,
    Record,
    ReversalRecord,
    SaleRecord,
)
from devices.drivers.database import Connection
from devices.drivers.vault import Vault
from devices.journal import taken

VERSION = 2
HEAD_BYTES = 32
SEQUENCE_BITS = 24
KINDS: dict[type[Record], int] = {EpochRecord: 0, SaleRecord: 1, ReversalRecord: 2, PassRecord: 3, NoteRecord: 4}

_PLACE = struct.Struct(">8sQI")
_STREAM = struct.Struct(">qqq")
_CREATE = """
CREATE TABLE stream (
    epoch INTEGER PRIMARY KEY CHECK (epoch > 0),
    ordinal INTEGER NOT NULL UNIQUE,
    acked INTEGER NOT NULL DEFAULT 0 CHECK (acked >= 0)
);
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    sealed BLOB NOT NULL
);
CREATE TABLE presented (
    code BLOB PRIMARY KEY,
    moment_s INTEGER NOT NULL,
    before_s INTEGER,
    forget_s INTEGER NOT NULL
) WITHOUT ROWID;
"""


_FORM_2 = """
ALTER TABLE stream ADD COLUMN tag BLOB;
ALTER TABLE presented ADD COLUMN tag BLOB;
"""


def prepare(connection: Connection, vault: Vault) -> None:
    """Make the tables of a new file, or bring one of an earlier release up to date; all or nothing.

    Raises StorageError, ValueError for a file of a later release.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise ValueError(f"the journal was written by a later release (form {version})")
    if version == VERSION:
        return
    connection.executescript(f"BEGIN IMMEDIATE;{_CREATE if version == 0 else ''}{_FORM_2}")
    taken.tag_all(connection, vault)
    for epoch, ordinal, acked in connection.execute("SELECT epoch, ordinal, acked FROM stream").fetchall():
        set_acked(connection, vault, epoch=epoch, ordinal=ordinal, acked=acked)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def add_stream(connection: Connection, vault: Vault, *, epoch: int, ordinal: int) -> None:
    """A new epoch's row."""
    tag = stream_tag(vault, epoch=epoch, ordinal=ordinal, acked=0)
    connection.execute("INSERT INTO stream (epoch, ordinal, tag) VALUES (?, ?, ?)", (epoch, ordinal, tag))


def set_acked(connection: Connection, vault: Vault, *, epoch: int, ordinal: int, acked: int) -> None:
    """The server holds this much."""
    tag = stream_tag(vault, epoch=epoch, ordinal=ordinal, acked=acked)
    connection.execute("UPDATE stream SET acked = ?, tag = ? WHERE epoch = ?", (acked, tag, epoch))


def stream_tag(vault: Vault, *, epoch: int, ordinal: int, acked: int) -> bytes:
    """What proves a stream's row."""
    return vault.name(b"stream" + _STREAM.pack(epoch, ordinal, acked))


def record_id(ordinal: int, seq: int) -> int:
    """Where a record lies."""
    return ordinal << SEQUENCE_BITS | seq


def sequence_of(identifier: int) -> int:
    """The sequence in a record's id."""
    return identifier & MAX_SEQUENCE


def seal_line(vault: Vault, *, epoch: int, seq: int, head: bytes, line: bytes) -> bytes:
    """What is stored of a record."""
    return vault.seal(head + line, place=_PLACE.pack(b"journal\0", epoch, seq))


def open_line(vault: Vault, sealed: bytes, *, epoch: int, seq: int) -> tuple[bytes, bytes]:
    """The head after the record, and its line. Raises VaultError."""
    plain = vault.open(sealed, place=_PLACE.pack(b"journal\0", epoch, seq))
    return plain[:HEAD_BYTES], plain[HEAD_BYTES:]


def last_sequence(connection: Connection, ordinal: int) -> int:
    """The highest sequence kept of a stream, 0 for none."""
    (last,) = connection.execute(
        "SELECT max(id) FROM record WHERE id BETWEEN ? AND ?", (record_id(ordinal, 0), record_id(ordinal, MAX_SEQUENCE))
    ).fetchone()
    return sequence_of(last) if last else 0


def first_sequence(connection: Connection, ordinal: int) -> int:
    """The lowest sequence kept of a stream, 0 for none."""
    (first,) = connection.execute(
        "SELECT min(id) FROM record WHERE id BETWEEN ? AND ?", (record_id(ordinal, 0), record_id(ordinal, MAX_SEQUENCE))
    ).fetchone()
    return sequence_of(first) if first else 0


def sealed_records(
    connection: Connection, ordinal: int, *, first: int, last: int
) -> Iterator[tuple[int, int, int, bytes]]:
    """(sequence, kind, at_ms, sealed) in order, both ends included."""
    rows = connection.execute(
        "SELECT id, kind, at_ms, sealed FROM record WHERE id BETWEEN ? AND ? ORDER BY id",
        (record_id(ordinal, first), record_id(ordinal, last)),
    )
    for identifier, kind, at_ms, sealed in rows:
        yield sequence_of(identifier), kind, at_ms, sealed


def money_records(connection: Connection, ordinal: int, *, after: int) -> int:
    """How many sales and reversals a stream holds after a sequence."""
    (count,) = connection.execute(
        "SELECT count(*) FROM record WHERE id > ? AND id <= ? AND kind <> ?",
        (record_id(ordinal, after), record_id(ordinal, MAX_SEQUENCE), KINDS[EpochRecord]),
    ).fetchone()
    return int(count)
