"""What a journal knows of its records while it runs, and how it learns it again at each start."""

from collections.abc import Mapping

from devices.core import journal as records
from devices.core.journal import GENESIS, EpochRecord, Record, ReversalRecord, SaleRecord
from devices.drivers.database import Connection
from devices.drivers.vault import Vault
from devices.journal import tables, taken
from devices.journal.spending import Spending
from devices.journal.values import NewestSale, Stream, Tail


class Known:
    """In memory only: the records are the truth. Not for two threads at once."""

    def __init__(self) -> None:
        self.streams: dict[int, Stream] = {}
        self.tail = Tail(0, 0, GENESIS)
        self.spending = Spending()
        self.newest: NewestSale | None = None

    @property
    def current(self) -> Stream:
        """The present epoch's stream."""
        return self.streams[self.tail.epoch]

    @property
    def unsent(self) -> int:
        """How many records the server has not acknowledged."""
        return sum(stream.last_seq - stream.acked for stream in list(self.streams.values()))

    def oldest_waiting(self) -> Stream | None:
        """The first stream with records that the server has not acknowledged."""
        waiting = [stream for stream in self.streams.values() if stream.last_seq > stream.acked]
        return min(waiting, key=lambda each: each.ordinal, default=None)

    def appended(self, record: Record, head: bytes) -> None:
        """A record of the present epoch is durable."""
        stream = self.current
        stream.last_seq = record.seq
        self.tail = Tail(stream.epoch, record.seq, head)
        self.learn(stream.epoch, record)

    def learn(self, epoch: int, record: Record) -> None:
        """What a record changes for the next ones."""
        if isinstance(record, SaleRecord):
            self.spending.add(epoch, record)
            self.newest = NewestSale(epoch, record)
        elif isinstance(record, ReversalRecord):
            self.spending.take_back(record.of_epoch, record.of_seq)
            newest = self.newest
            if newest is not None and (newest.epoch, newest.record.seq) == (record.of_epoch, record.of_seq):
                self.newest = NewestSale(newest.epoch, newest.record, reversed=True)

    def settle(self, posted_through: Mapping[int, int]) -> None:
        """A new snapshot contains these sales, by epoch."""
        self.spending.settle(posted_through)
        for epoch, seq in posted_through.items():
            if epoch in self.streams:
                self.streams[epoch].posted = max(seq, self.streams[epoch].posted)


def recover(connection: Connection, vault: Vault, *, posted_through: Mapping[int, int]) -> Known:
    """Read what is kept and hold all of it together.

    Raises StorageError, VaultError, RecordError, ValueError where something does not fit.
    """
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise ValueError(f"the file is damaged: {found}")
    taken.check_all(connection, vault)
    known = Known()
    rows = connection.execute("SELECT epoch, ordinal, acked, tag FROM stream ORDER BY ordinal").fetchall()
    for epoch, ordinal, acked, tag in rows:
        last, first = tables.last_sequence(connection, ordinal), tables.first_sequence(connection, ordinal)
        if tag != tables.stream_tag(vault, epoch=epoch, ordinal=ordinal, acked=acked):
            acked = 0 if first <= 1 else first  # sent again: the server knows what it has
        stream = Stream(epoch, ordinal, last, min(acked, last), first, posted_through.get(epoch, 0))
        known.streams[epoch] = stream
        if not last:
            raise ValueError(f"the records of epoch {epoch} are gone")
        _reload(connection, vault, known, stream)
    if connection.execute(_STRAYS).fetchone() is not None:
        raise ValueError("records belong to no stream")
    return known


def _reload(connection: Connection, vault: Vault, known: Known, stream: Stream) -> None:
    """Learn the records after what is posted, and hold their chain together."""
    first = max(stream.first_seq, min(stream.posted, stream.last_seq))
    head: bytes | None = GENESIS if first == 1 else None
    expected = first
    rows = tables.sealed_records(connection, stream.ordinal, first=first, last=stream.last_seq)
    for seq, kind, at_ms, sealed in rows:
        after, line = tables.open_line(vault, sealed, epoch=stream.epoch, seq=seq)
        if seq != expected or (head is not None and records.chain(head, line) != after):
            raise ValueError(f"the chain of epoch {stream.epoch} breaks at {seq}")
        record = records.decode_record(line)
        if (tables.KINDS[type(record)], record.at_ms) != (kind, at_ms):
            raise ValueError(f"record {seq} of epoch {stream.epoch} is not as it was written")
        if isinstance(record, EpochRecord):
            _require_end(known, record)
        head, expected = after, seq + 1
        known.learn(stream.epoch, record)
        known.tail = Tail(stream.epoch, seq, after)
    known.spending.settle({stream.epoch: stream.posted})


def _require_end(known: Known, record: EpochRecord) -> None:
    """The epoch before must end where this one says it did."""
    previous = known.streams.get(record.previous_epoch)
    if previous is None:
        return
    read = known.tail.epoch == previous.epoch
    if previous.last_seq != record.previous_seq or (read and known.tail.head.hex() != record.previous_head):
        raise ValueError(f"the end of epoch {previous.epoch} is not as epoch {record.epoch} found it")


def reread_end(connection: Connection, vault: Vault, known: Known) -> bool:
    """After a commit that failed: whether its record is there nevertheless, and then learnt. Raises as `recover`.

    An epoch that was begun nevertheless is gone on with.
    """
    for epoch, ordinal in connection.execute("SELECT epoch, ordinal FROM stream ORDER BY ordinal DESC LIMIT 1"):
        if epoch not in known.streams:
            for _, _, _, sealed in tables.sealed_records(connection, ordinal, first=1, last=1):
                known.streams[epoch] = Stream(epoch, ordinal, last_seq=1, acked=0)
                known.tail = Tail(epoch, 1, tables.open_line(vault, sealed, epoch=epoch, seq=1)[0])
    stream = known.current
    last = tables.last_sequence(connection, stream.ordinal)
    if last == stream.last_seq:
        return False
    for _, _, _, sealed in tables.sealed_records(connection, stream.ordinal, first=last, last=last):
        head, line = tables.open_line(vault, sealed, epoch=stream.epoch, seq=last)
        known.appended(records.decode_record(line), head)
    return True


_STRAYS = "SELECT 1 FROM record WHERE id >> 24 NOT IN (SELECT ordinal FROM stream) LIMIT 1"


def first_record(known: Known, *, epoch: int, at_ms: int, software: str) -> EpochRecord:
    """What begins an epoch: it names where the one before ends. ValueError for one that was there already."""
    if epoch in known.streams:
        raise ValueError("an epoch is drawn anew at each start")
    previous = known.tail
    return EpochRecord(
        seq=1,
        at_ms=at_ms,
        epoch=epoch,
        previous_epoch=previous.epoch,
        previous_seq=previous.seq,
        previous_head=previous.head.hex() if previous.epoch else "",
        software=software,
    )
