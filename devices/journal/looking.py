"""Looking back at what this terminal wrote: who is inside, what a shift sold, what supervisors did."""

import msgspec

from devices.core.journal import Record, decode_record
from devices.drivers.database import Connection
from devices.drivers.vault import Vault
from devices.journal import tables
from devices.journal.values import Stream

MAX_LOOKED_AT = 100_000
"""The newest so many; a journal keeps less."""
_WRITTEN = "SELECT id, sealed FROM record WHERE kind IN ({}) AND at_ms >= ? ORDER BY id DESC LIMIT ?"


class Written(msgspec.Struct, frozen=True):
    """A record and where it stands."""

    epoch: int
    record: Record


def written(
    connection: Connection,
    vault: Vault,
    streams: list[Stream],
    *,
    kinds: tuple[type[Record], ...],
    since_ms: int,
) -> list[Written]:
    """Records of these kinds since then, in the order in which they were written.

    Raises StorageError, VaultError or RecordError.
    """
    numbers = [tables.KINDS[kind] for kind in kinds]
    epochs = {stream.ordinal: stream.epoch for stream in streams}
    statement = _WRITTEN.format(",".join("?" * len(numbers)))
    found = []
    for identifier, sealed in connection.execute(statement, (*numbers, since_ms, MAX_LOOKED_AT)):
        seq, epoch = tables.sequence_of(identifier), epochs[identifier >> tables.SEQUENCE_BITS]
        _head, line = tables.open_line(vault, sealed, epoch=epoch, seq=seq)
        found.append(Written(epoch, decode_record(line)))
    return found[::-1]
