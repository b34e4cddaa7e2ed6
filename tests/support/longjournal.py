"""A journal as a terminal has it after weeks in the dark, made without a commit for each record."""

from __future__ import annotations

from pathlib import Path

import msgspec

from devices.core.journal import SaleRecord, chain, encode_record
from devices.drivers.randomness import Randomness
from devices.drivers.vault import Vault
from devices.journal import tables
from devices.journal.journal import Journal
from devices.journal.values import Limits

EPOCH = 77
SALES_EACH = 20


def fill(folder: Path, *, key: bytes, randomness: Randomness, sale: SaleRecord, count: int, at_ms: int) -> None:
    """So many unacknowledged sales like `sale` in an epoch of their own, of different people, `SALES_EACH` each."""
    vault = Vault(key, randomness=randomness)
    limits = Limits(max_unacknowledged=10 * count)
    journal = Journal.open(folder, vault=vault, epoch=EPOCH, at_ms=at_ms, software="long", limits=limits)
    writer, head = journal._writer, journal.tail.head
    ordinal = journal._known.streams[EPOCH].ordinal
    writer.execute("BEGIN IMMEDIATE")
    for seq in range(2, count + 2):
        account_ref = 10_000 + seq // SALES_EACH
        record = msgspec.structs.replace(sale, seq=seq, at_ms=at_ms + seq, account_ref=account_ref)
        line = encode_record(record)
        head = chain(head, line)
        sealed = tables.seal_line(vault, epoch=EPOCH, seq=seq, head=head, line=line)
        writer.execute(
            "INSERT INTO record (id, kind, at_ms, sealed) VALUES (?, ?, ?, ?)",
            (tables.record_id(ordinal, seq), tables.KINDS[SaleRecord], record.at_ms, sealed),
        )
    writer.execute("COMMIT")
    journal.close()
