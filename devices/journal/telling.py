"""Reading back what neighbours are told: sales and reversals, without what else a journal holds."""

from collections.abc import Iterable

from devices.core.journal import MAX_SEQUENCE, Record, ReversalRecord, SaleRecord, decode_record
from devices.drivers.database import Connection
from devices.drivers.vault import Vault
from devices.journal import tables
from devices.journal.values import Stream

_KINDS = (tables.KINDS[SaleRecord], tables.KINDS[ReversalRecord])


def told_ends(connection: Connection, streams: Iterable[Stream], *, since_ms: int) -> dict[int, int]:
    """The last sale or reversal of each epoch that has one since then, oldest epoch first."""
    ends = {}
    for stream in sorted(streams, key=lambda each: each.ordinal):
        (last,) = connection.execute(
            "SELECT max(id) FROM record WHERE id BETWEEN ? AND ? AND kind IN (?, ?) AND at_ms >= ?",
            (tables.record_id(stream.ordinal, 0), tables.record_id(stream.ordinal, MAX_SEQUENCE), *_KINDS, since_ms),
        ).fetchone()
        if last:
            ends[stream.epoch] = tables.sequence_of(last)
    return ends


def told_after(
    connection: Connection, vault: Vault, stream: Stream, *, after: int, since_ms: int, limit: int
) -> list[Record]:
    """The next sales and reversals of an epoch. Raises VaultError, RecordError or StorageError."""
    first, last = tables.record_id(stream.ordinal, after + 1), tables.record_id(stream.ordinal, MAX_SEQUENCE)
    rows = connection.execute(
        "SELECT id, sealed FROM record WHERE id BETWEEN ? AND ? AND kind IN (?, ?) AND at_ms >= ? ORDER BY id LIMIT ?",
        (first, last, *_KINDS, since_ms, limit),
    ).fetchall()
    lines = (
        tables.open_line(vault, sealed, epoch=stream.epoch, seq=tables.sequence_of(identifier))[1]
        for identifier, sealed in rows
    )
    return [decode_record(line) for line in lines]
