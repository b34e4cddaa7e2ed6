"""The durable journal of one terminal: one writer, one commit for each record.

A sale, the code it used up and what it takes from the person's funds become durable together: the record and the
code in one transaction, the spending by derivation from the records. Threads: any; writers queue on one lock, and
the upload reads through a connection of its own.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Self

from devices.core import code as codes
from devices.core import journal as records
from devices.core.accept import presented_at
from devices.core.card import read_evidence
from devices.core.funds import Pending
from devices.core.journal import GENESIS, EpochRecord, NoteRecord, PassRecord, Record, ReversalRecord, SaleRecord
from devices.drivers import database
from devices.drivers.database import Connection, SqliteStorage, Storage, StorageError
from devices.drivers.vault import Vault
from devices.journal import pruning, tables, taken
from devices.journal.disk import FAILURES, OnDisk
from devices.journal.looking import Written, written
from devices.journal.recovering import first_record, recover
from devices.journal.reserve import give_up
from devices.journal.runs import read_run
from devices.journal.telling import Topic, told_after, told_ends
from devices.journal.values import (
    JournalBroken,
    JournalFull,
    Limits,
    NewestSale,
    Passing,
    Presented,
    RecordsWaiting,
    RecordTooLarge,
    Run,
    Stream,
    Tail,
    unwatched,
)

FILE = "journal.sqlite3"

_Also = Callable[[Connection, Vault], None]
_AT = "SELECT at_ms FROM record WHERE id = ?"
_INSERT_RECORD = "INSERT INTO record (id, kind, at_ms, sealed) VALUES (?, ?, ?, ?)"


def _nothing_else(_connection: Connection, _vault: Vault) -> None:
    """A record alone."""


class Journal(OnDisk):
    """Opened once by a process; `open` begins an epoch."""

    def __init__(self, path: Path, *, vault: Vault, limits: Limits, passing: Passing, storage: Storage) -> None:
        super().__init__(path, vault=vault, limits=limits, storage=storage)
        self._passing = passing

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        vault: Vault,
        epoch: int,
        at_ms: int,
        software: str,
        posted_through: Mapping[int, int] | None = None,
        limits: Limits | None = None,
        passing: Passing = unwatched,
        storage: Storage | None = None,
    ) -> Self:
        """Recover what is there and durably begin `epoch`, naming where the previous one ends.

        Raises JournalBroken where the file does not open, does not decrypt, or its chain does not hold.
        """
        with ExitStack() as undo:
            try:
                journal = cls(
                    folder / FILE,
                    vault=vault,
                    limits=limits or Limits(),
                    passing=passing,
                    storage=storage or SqliteStorage(),
                )
                undo.callback(journal.close)
                journal._known = recover(journal._writer, vault, posted_through=posted_through or {})
                journal._mark.require(journal._known.streams)
                journal._begin(epoch, at_ms=at_ms, software=software)
                journal._reserve.restore(journal._writer)
            except FAILURES as error:
                full = isinstance(error, StorageError) and error.full
                raise JournalBroken(f"the journal does not open: {error}", full=full) from error
            undo.pop_all()
        return journal

    # What it holds

    @property
    def tail(self) -> Tail:
        """The end of the present epoch's chain."""
        return self._known.tail

    @property
    def next_seq(self) -> int:
        """The sequence the next record must carry."""
        return self._known.tail.seq + 1

    @property
    def unsent(self) -> int:
        """How many records the server has not acknowledged."""
        return self._known.unsent

    @property
    def newest_sale(self) -> NewestSale | None:
        """The newest sale kept, of whatever epoch."""
        return self._known.newest

    @property
    def has_room(self) -> bool:
        """Whether a sale may still be taken; ask before deciding one."""
        return (
            not self._broken
            and self._reserve.whole
            and self.unsent < self._limits.max_unacknowledged
            and self._known.tail.seq + self._limits.spare_for_reversals < records.MAX_SEQUENCE
        )

    def pending(self, account_ref: int) -> Pending:
        """What this person spent here and the snapshot does not contain."""
        with self._lock:
            return self._known.spending.of(account_ref)

    def last_presented_s(self, code_id: bytes) -> int | None:
        """The last moment accepted for this code id. Raises JournalBroken."""
        with self._lock:
            try:
                return taken.last_moment_s(self._writer, self._vault, code_id)
            except (StorageError, ValueError) as error:
                raise JournalBroken(f"codes taken cannot be read: {error}") from error

    # Appending

    def append_sale(self, record: SaleRecord, *, presented: Presented | None) -> None:
        """Make a sale durable, and with it that its code was taken; None for a card.

        Raises JournalFull, RecordTooLarge or JournalBroken, and then the sale must be declined.
        """
        with self._lock:
            self._append_where_room(record, presented)

    def append_pass(self, record: PassRecord, *, presented: Presented | None) -> None:
        """Make a passage durable, as a sale."""
        with self._lock:
            self._append_where_room(record, presented)

    def append_note(self, record: NoteRecord) -> None:
        """Make a note durable; it may use what is spared for reversals. Raises JournalFull or JournalBroken."""
        with self._lock:
            self._require_spare()
            self._append(record, spare=True)

    def append_reversal(self, record: ReversalRecord, *, evidence: str) -> None:
        """Undo a sale, given with its evidence: its code counts as before it, its amounts may be spent again.

        Raises JournalFull or JournalBroken.
        """
        with self._lock:
            self._require_spare()
            if read_evidence(evidence):
                self._append(record, spare=True)
                return
            code = codes.parse(evidence, institution=evidence[2 : codes.PREFIX_LENGTH])
            given_back = partial(taken.give_back, code_id=code.code_id, moment_s=presented_at(code))
            self._append(record, given_back, spare=True)

    def _require_spare(self) -> None:
        if self.unsent >= self._limits.max_unacknowledged + self._limits.spare_for_reversals:
            raise JournalFull(f"{self.unsent} records wait")

    def _append_where_room(self, record: SaleRecord | PassRecord, presented: Presented | None) -> None:
        if not self.has_room:
            raise JournalFull(f"{self.unsent} records wait")
        self._append(record, partial(taken.take, presented=presented) if presented is not None else _nothing_else)

    def _append(self, record: Record, also: _Also = _nothing_else, *, spare: bool = False) -> None:
        """`also` is done in the same transaction; `spare`: the reserve is for this."""
        if self._broken:
            raise JournalBroken(self._broken)
        stream = self._known.current
        if record.seq != self._known.tail.seq + 1:
            raise ValueError(f"sequence {record.seq} does not follow {self._known.tail.seq}")
        line = records.encode_record(record)
        if len(line) > records.MAX_LINE_BYTES:
            raise RecordTooLarge(f"a record of {len(line)} bytes")
        head = records.chain(self._known.tail.head, line)
        sealed = tables.seal_line(self._vault, epoch=stream.epoch, seq=record.seq, head=head, line=line)
        kind = tables.KINDS[type(record)]
        row = (tables.record_id(stream.ordinal, record.seq), kind, record.at_ms, sealed)
        try:
            self._with_reserve(partial(self._commit, row, also), spare=spare)
        except (StorageError, ValueError) as error:
            raise self._after_failure(error) from error
        self._known.appended(record, head)
        self._mark.set(self._known.tail)
        self._passing("append.done")

    def _commit(self, row: tuple[object, ...], also: _Also) -> None:
        self._passing("append.begin")
        self._writer.execute("BEGIN IMMEDIATE")
        self._writer.execute(_INSERT_RECORD, row)
        also(self._writer, self._vault)
        self._passing("append.commit")
        self._writer.execute("COMMIT")

    # Uploading

    def unacknowledged(self, limit: int) -> Run | None:
        """The oldest records the server has not acknowledged, at most `limit` and of one epoch; None when none wait.

        Raises JournalBroken.
        """
        with self._lock:
            stream = self._known.oldest_waiting()
            if stream is None:
                return None
            first, last = stream.acked + 1, min(stream.last_seq, stream.acked + limit)
        return self.read(lambda reader, vault, _: read_run(reader, vault, stream, first=first, last=last))

    def written(self, *kinds: type[Record], since_ms: int) -> list[Written]:
        """Records of these kinds since then, kept and in order, uploaded ones too. Raises JournalBroken."""
        return self.read(partial(written, kinds=kinds, since_ms=since_ms))

    def told_ends(self, topic: Topic, *, since_ms: int) -> dict[int, int]:
        """The last record for neighbours of each epoch that has one since then, oldest first. Raises JournalBroken."""
        return self.read(partial(told_ends, topic=topic, since_ms=since_ms))

    def told_after(self, topic: Topic, epoch: int, seq: int, *, since_ms: int, limit: int) -> list[Record]:
        """The next records for neighbours of an epoch, at most `limit`. Raises JournalBroken."""
        with self._lock:
            stream = self._known.streams.get(epoch)
        if stream is None:
            return []
        after = partial(told_after, stream=stream, topic=topic, after=seq, since_ms=since_ms, limit=limit)
        return self.read(lambda reader, vault, _: after(reader, vault))

    def acknowledge(self, epoch: int, upto: int) -> None:
        """The server durably holds `epoch` up to `upto`; what lies beyond our own end is another journal's."""
        with self._lock:
            stream = self._known.streams.get(epoch)
            if stream is not None and upto > stream.acked:
                self._set_acked(stream, min(upto, stream.last_seq))

    def rewind(self, epoch: int, upto: int) -> bool:
        """The server holds `epoch` only up to `upto`: send again from there, or from the first record still kept.

        False where that sends nothing more than is waiting already.
        """
        with self._lock:
            stream = self._known.streams.get(epoch)
            if stream is None:
                return False
            lowest = 0 if stream.first_seq == 1 else stream.first_seq
            target = max(upto, lowest)
            if target >= stream.acked:
                return False
            self._set_acked(stream, target)
            return True

    def offer_again(self, *, made_ms: int) -> bool:
        """A snapshot that was signed then does not name records acknowledged long before: send them again, and let the
        server say that it has them. Not where that would leave too little room for sales. Raises JournalBroken.
        """
        before_ms, most = made_ms - self._limits.offer_again_ms, self._limits.max_unacknowledged // 2
        with self._lock:
            for stream in self._known.streams.values():
                place = max(stream.posted, 0 if stream.first_seq == 1 else stream.first_seq)
                if place >= stream.acked or stream.offered_ms > before_ms:
                    continue
                if self.unsent + stream.acked - place > most or not self._older(stream, place + 1, before_ms):
                    continue
                self._set_acked(stream, place)
                stream.offered_ms = made_ms
                return True
        return False

    def _older(self, stream: Stream, seq: int, before_ms: int) -> bool:
        try:
            found = self._writer.execute(_AT, (tables.record_id(stream.ordinal, seq),)).fetchone()
        except StorageError as error:
            raise JournalBroken(f"a record's time cannot be read: {error}") from error
        return found is not None and found[0] < before_ms

    def _set_acked(self, stream: Stream, upto: int) -> None:
        write = partial(tables.set_acked, self._writer, self._vault, epoch=stream.epoch, ordinal=stream.ordinal)
        try:
            self._passing("acknowledge.begin")
            self._with_reserve(partial(write, acked=upto), spare=True)
        except StorageError as error:
            database.roll_back(self._writer)
            raise JournalBroken(f"an acknowledgement cannot be kept: {error}") from error
        stream.acked = upto
        self._passing("acknowledge.done")

    def settle(self, posted_through: Mapping[int, int]) -> None:
        """A new snapshot contains these sales, by epoch: they no longer lessen what people may spend."""
        with self._lock:
            self._known.settle(posted_through)

    # Upkeep

    def maintain(self, *, now_ms: int) -> None:
        """Prune what the backup window no longer needs and codes that cannot live, and fold the log; a short while."""
        with self._lock:
            try:
                for stream in list(self._known.streams.values()):
                    current = stream.epoch in (self._known.tail.epoch, self._mark.safe_epoch)
                    if pruning.prune_stream(self._writer, stream, current=current, now_ms=now_ms, limits=self._limits):
                        del self._known.streams[stream.epoch]
                pruning.prune_codes(self._writer, now_ms=now_ms)
                if not self._reserve.whole:
                    self._reserve.restore(self._writer)
                self._passing("prune.done")
            except StorageError as error:
                database.roll_back(self._writer)
                raise JournalBroken(f"pruning failed: {error}") from error
        try:
            with self._read_lock:
                database.fold_log(self._reader)
        except StorageError as error:
            raise JournalBroken(f"the log cannot be folded: {error}") from error

    def erase(self) -> None:
        """Delete the journal of a terminal that is set up anew. Raises RecordsWaiting while any sale would be lost."""
        with self._lock:
            waiting = sum(
                tables.money_records(self._writer, stream.ordinal, after=stream.acked)
                for stream in self._known.streams.values()
            )
            if waiting:
                raise RecordsWaiting(waiting)
            self._mark.remove()
            self.close()
            give_up(self._path.parent, self._storage.files)
            for suffix in ("-wal", "-shm", ""):
                self._storage.files.remove(self._path.with_name(self._path.name + suffix))
            self._storage.files.sync_folder(self._path.parent)

    # Starting

    def begin(self, epoch: int, *, at_ms: int, software: str) -> None:
        """End the present epoch here: what follows is another place's. Raises JournalFull or JournalBroken."""
        with self._lock:
            if self._broken:
                raise JournalBroken(self._broken)
            try:
                self._with_reserve(partial(self._begin, epoch, at_ms=at_ms, software=software), spare=True)
            except (StorageError, ValueError) as error:
                raise self._after_failure(error) from error

    def _begin(self, epoch: int, *, at_ms: int, software: str) -> None:
        record = first_record(self._known, epoch=epoch, at_ms=at_ms, software=software)
        line = records.encode_record(record)
        head = records.chain(GENESIS, line)
        ordinal = 1 + max((stream.ordinal for stream in self._known.streams.values()), default=0)
        sealed = tables.seal_line(self._vault, epoch=epoch, seq=1, head=head, line=line)
        self._passing("epoch.begin")
        self._writer.execute("BEGIN IMMEDIATE")
        tables.add_stream(self._writer, self._vault, epoch=epoch, ordinal=ordinal)
        self._writer.execute(_INSERT_RECORD, (tables.record_id(ordinal, 1), tables.KINDS[EpochRecord], at_ms, sealed))
        self._passing("epoch.commit")
        self._writer.execute("COMMIT")
        self._known.streams[epoch] = Stream(epoch, ordinal, last_seq=1, acked=0)
        self._known.tail = Tail(epoch, 1, head)
        self._mark.begin(self._known.tail)
        self._passing("epoch.done")
