"""Reading back what neighbours are told: sales and reversals, or a gate's passages and clearings, and nothing else."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Literal

from devices.core.journal import (
    MAX_SEQUENCE,
    NoteRecord,
    PassRecord,
    Record,
    ReversalRecord,
    SaleRecord,
    decode_record,
)
from devices.core.notes import CLEARED
from devices.drivers.database import Connection
from devices.drivers.vault import Vault
from devices.journal import tables
from devices.journal.values import Stream

Topic = Literal["sales", "passages"]
_KINDS: dict[Topic, tuple[int, int]] = {
    "sales": (tables.KINDS[SaleRecord], tables.KINDS[ReversalRecord]),
    "passages": (tables.KINDS[PassRecord], tables.KINDS[NoteRecord]),
}


def told_ends(
    connection: Connection, vault: Vault, streams: Iterable[Stream], *, topic: Topic, since_ms: int
) -> dict[int, int]:
    """The last record of each epoch that has one since then, oldest epoch first.

    Raises VaultError, RecordError or StorageError.
    """
    ends = {}
    for stream in sorted(streams, key=lambda each: each.ordinal):
        last = next(_records(connection, vault, stream, topic=topic, after=0, since_ms=since_ms, newest=True), None)
        if last is not None:
            ends[stream.epoch] = last.seq
    return ends


def told_after(
    connection: Connection, vault: Vault, stream: Stream, *, topic: Topic, after: int, since_ms: int, limit: int
) -> list[Record]:
    """The next records of an epoch. Raises VaultError, RecordError or StorageError."""
    return list(islice(_records(connection, vault, stream, topic=topic, after=after, since_ms=since_ms), limit))


def _records(
    connection: Connection,
    vault: Vault,
    stream: Stream,
    *,
    topic: Topic,
    after: int,
    since_ms: int,
    newest: bool = False,
) -> Iterator[Record]:
    first, last = tables.record_id(stream.ordinal, after + 1), tables.record_id(stream.ordinal, MAX_SEQUENCE)
    rows = connection.execute(_BACKWARDS if newest else _FORWARDS, (first, last, *_KINDS[topic], since_ms))
    for identifier, sealed in rows:
        _head, line = tables.open_line(vault, sealed, epoch=stream.epoch, seq=tables.sequence_of(identifier))
        record = decode_record(line)
        if not isinstance(record, NoteRecord) or record.what == CLEARED:
            yield record


_FORWARDS = "SELECT id, sealed FROM record WHERE id BETWEEN ? AND ? AND kind IN (?, ?) AND at_ms >= ? ORDER BY id"
_BACKWARDS = f"{_FORWARDS} DESC"
