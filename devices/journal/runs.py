"""Reading back what is to be sent."""

from devices.core.journal import GENESIS
from devices.drivers.database import Connection
from devices.drivers.vault import Vault
from devices.journal import tables
from devices.journal.values import JournalBroken, Run, Stream

MAX_RUN_BYTES = 1_500_000


def read_run(connection: Connection, vault: Vault, stream: Stream, *, first: int, last: int) -> Run:
    """Records `first` to `last`, or fewer where they are large. Raises JournalBroken, VaultError or StorageError."""
    heads = {0: GENESIS}
    lines: list[bytes] = []
    size = 0
    for seq, _, _, sealed in tables.sealed_records(connection, stream.ordinal, first=max(1, first - 1), last=last):
        head, line = tables.open_line(vault, sealed, epoch=stream.epoch, seq=seq)
        if seq >= first:
            size += len(line)
            if lines and size > MAX_RUN_BYTES:
                break
            lines.append(line)
        heads[seq] = head
    before, after = heads.get(first - 1), heads.get(first + len(lines) - 1)
    if before is None or after is None or not lines:
        raise JournalBroken(f"records of epoch {stream.epoch} are missing from {first}")
    return Run(stream.epoch, first, tuple(lines), before.hex(), after.hex())
