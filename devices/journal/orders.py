"""Sales that answer to an order, found again in the journal, and one sale by its place: for `Journal.read`."""

from collections.abc import Iterable, Iterator

import msgspec

from devices.core.journal import MAX_SEQUENCE, NoteRecord, Record, ReversalRecord, SaleRecord, decode_record
from devices.drivers.database import Connection
from devices.drivers.vault import Vault
from devices.journal import tables
from devices.journal.values import NewestSale, Stream

_SALE, _REVERSAL, _NOTE = tables.KINDS[SaleRecord], tables.KINDS[ReversalRecord], tables.KINDS[NoteRecord]
_ORDER = b'"order":'
"""Most sales are no order's: those are not decoded."""
EPOCH, SEQ = "epoch", "seq"
"""Under these names a note's params say which sale it is about."""


class Ordered(msgspec.Struct, frozen=True):
    """A sale of an order. `notes` are the words of the notes about it, in order."""

    epoch: int
    record: SaleRecord
    reversed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        """Who ordered."""
        return self.record.facts.device if self.record.facts is not None else ""

    @property
    def order(self) -> str:
        """Under which number."""
        return self.record.facts.order if self.record.facts is not None else ""


def read_orders(connection: Connection, vault: Vault, streams: Iterable[Stream]) -> list[Ordered]:
    """All that are kept, oldest first. Raises StorageError, VaultError or RecordError."""
    found: dict[tuple[int, int], Ordered] = {}
    for epoch, record in _records(connection, vault, streams, kinds=(_SALE, _REVERSAL, _NOTE)):
        match record:
            case SaleRecord() if record.facts is not None and record.facts.order:
                found[epoch, record.seq] = Ordered(epoch, record)
            case ReversalRecord() if (record.of_epoch, record.of_seq) in found:
                place = record.of_epoch, record.of_seq
                found[place] = msgspec.structs.replace(found[place], reversed=True)
            case NoteRecord():
                place = record.params.get(EPOCH, 0), record.params.get(SEQ, 0)
                if place in found:
                    found[place] = msgspec.structs.replace(found[place], notes=(*found[place].notes, record.what))
            case _:
                pass
    return list(found.values())


def read_sale(
    connection: Connection, vault: Vault, streams: Iterable[Stream], *, epoch: int, seq: int
) -> NewestSale | None:
    """The sale at a place, where it is kept, and whether it was reversed. Raises as `read_orders`."""
    ordered = sorted(streams, key=lambda each: each.ordinal)
    stream = next((each for each in ordered if each.epoch == epoch), None)
    if stream is None:
        return None
    sale: Record | None = None
    place = tables.record_id(stream.ordinal, seq)
    for (sealed,) in connection.execute("SELECT sealed FROM record WHERE id = ? AND kind = ?", (place, _SALE)):
        sale = decode_record(tables.open_line(vault, sealed, epoch=epoch, seq=seq)[1])
    if not isinstance(sale, SaleRecord):
        return None
    undone = any(
        isinstance(record, ReversalRecord) and (record.of_epoch, record.of_seq) == (epoch, seq)
        for _, record in _records(connection, vault, ordered, kinds=(_REVERSAL,), after=place)
    )
    return NewestSale(epoch, sale, reversed=undone)


_OF_KINDS = """
SELECT id, kind, sealed FROM record
WHERE id BETWEEN ? AND ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY id
"""


def _records(
    connection: Connection, vault: Vault, streams: Iterable[Stream], *, kinds: tuple[int, ...], after: int = 0
) -> Iterator[tuple[int, Record]]:
    """(epoch, record) of these kinds, sales only where they are an order's."""
    for stream in sorted(streams, key=lambda each: each.ordinal):
        rows = connection.execute(
            _OF_KINDS,
            (
                max(after + 1, tables.record_id(stream.ordinal, 0)),
                tables.record_id(stream.ordinal, MAX_SEQUENCE),
                str(list(kinds)),
            ),
        )
        for identifier, kind, sealed in rows:
            line = tables.open_line(vault, sealed, epoch=stream.epoch, seq=tables.sequence_of(identifier))[1]
            if kind != _SALE or _ORDER in line:
                yield stream.epoch, decode_record(line)
