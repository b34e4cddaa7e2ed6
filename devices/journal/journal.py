"""The durable journal of one terminal: one writer, one commit for each record.

A sale, the code it used up and what it takes from the person's funds become durable together: the record and the
code in one transaction, the spending by derivation from the records. Threads: any; writers queue on one lock, and
the upload reads through a connection of its own.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TypeVar

from devices.core import code as codes
from devices.core import journal as records
from devices.core.accept import presented_at
from devices.core.card import read_evidence
from devices.core.funds import Pending
from devices.core.journal import GENESIS, EpochRecord, NoteRecord, PassRecord, Record, ReversalRecord, SaleRecord
from devices.drivers import database
from devices.drivers.database import Connection, SqliteStorage, Storage, StorageError
from devices.drivers.vault import Vault, VaultError
from devices.journal import pruning, tables
from devices.journal.recovering import Known, first_record, recover, reread_end
from devices.journal.runs import read_run
from devices.journal.telling import told_after, told_ends
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

T = TypeVar("T")


class Journal:
    """Opened once by a process; `open` begins an epoch."""

    def __init__(self, path: Path, *, vault: Vault, limits: Limits, passing: Passing, storage: Storage) -> None:
        self._path, self._vault, self._limits, self._passing, self._storage = path, vault, limits, passing, storage
        self._lock = threading.RLock()
        self._read_lock = threading.Lock()
        self._known = Known()
        self._broken = ""
        self._connect()

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
                journal._begin(epoch=epoch, at_ms=at_ms, software=software)
            except (StorageError, OSError, VaultError, records.RecordError, ValueError) as error:
                raise JournalBroken(f"the journal does not open: {error}") from error
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
    def broken(self) -> str:
        """Why no record can be appended any more, or ""."""
        return self._broken

    @property
    def has_room(self) -> bool:
        """Whether a sale may still be taken; ask before deciding one."""
        return (
            not self._broken
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
                row = self._writer.execute(
                    "SELECT moment_s FROM presented WHERE code = ?", (self._vault.name(code_id),)
                ).fetchone()
            except StorageError as error:
                raise JournalBroken(f"codes taken cannot be read: {error}") from error
        return row[0] if row else None

    def read(self, read: Callable[[Connection, Vault, list[Stream]], T]) -> T:
        """Ask the records kept (`devices.journal.orders`). Raises JournalBroken."""
        with self._lock:
            streams = list(self._known.streams.values())
        try:
            with self._read_lock:
                return read(self._reader, self._vault, streams)
        except (StorageError, VaultError, records.RecordError) as error:
            raise JournalBroken(f"records cannot be read: {error}") from error

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
            self._append(record)

    def append_reversal(self, record: ReversalRecord, *, evidence: str) -> None:
        """Undo a sale, given with its evidence: its code counts as before it, its amounts may be spent again.

        Raises JournalFull or JournalBroken.
        """
        code = None if read_evidence(evidence) else codes.parse(evidence, institution=evidence[2 : codes.PREFIX_LENGTH])
        with self._lock:
            self._require_spare()
            if code is None:
                self._append(record)
            else:
                taken = (self._vault.name(code.code_id), presented_at(code))
                self._append(record, (_FORGET_CODE, taken), (_RESTORE_CODE, taken))

    def _require_spare(self) -> None:
        if self.unsent >= self._limits.max_unacknowledged + self._limits.spare_for_reversals:
            raise JournalFull(f"{self.unsent} records wait")

    def _append_where_room(self, record: SaleRecord | PassRecord, presented: Presented | None) -> None:
        if not self.has_room:
            raise JournalFull(f"{self.unsent} records wait")
        if presented is None:
            self._append(record)
        else:
            taken = (self._vault.name(presented.code_id), presented.moment_s, presented.forget_s)
            self._append(record, (_TAKE_CODE, taken))

    def _append(self, record: Record, *also: tuple[str, tuple[object, ...]]) -> None:
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
            self._passing("append.begin")
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.execute(_INSERT_RECORD, row)
            for statement, values in also:
                self._writer.execute(statement, values)
            self._passing("append.commit")
            self._writer.execute("COMMIT")
        except StorageError as error:
            raise self._after_failure(error) from error
        self._known.appended(record, head)
        self._passing("append.done")

    def _after_failure(self, error: StorageError) -> JournalFull | JournalBroken:
        """A failed commit may have reached the disk: look, and go on from what is there."""
        try:
            with self._read_lock:
                database.roll_back(self._writer)
                self._writer.close()
                self._reader.close()
                self._connect()
            if not reread_end(self._writer, self._vault, self._known):
                return JournalFull(str(error)) if error.full else JournalBroken(str(error))
        except (StorageError, OSError, VaultError, records.RecordError) as again:
            self._broken = f"storage failed: {error}; then {again}"
            return JournalBroken(self._broken)
        return JournalBroken(str(error), landed=True)

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
        try:
            with self._read_lock:
                return read_run(self._reader, self._vault, stream, first=first, last=last)
        except (StorageError, VaultError) as error:
            raise JournalBroken(f"records cannot be read: {error}") from error

    def told_ends(self, *, since_ms: int) -> dict[int, int]:
        """The last sale or reversal of each epoch that has one since then, oldest epoch first. Raises JournalBroken."""
        with self._lock:
            streams = list(self._known.streams.values())
        try:
            with self._read_lock:
                return told_ends(self._reader, streams, since_ms=since_ms)
        except StorageError as error:
            raise JournalBroken(f"records cannot be read: {error}") from error

    def told_after(self, epoch: int, seq: int, *, since_ms: int, limit: int) -> list[Record]:
        """The next sales and reversals of an epoch, at most `limit`. Raises JournalBroken."""
        with self._lock:
            stream = self._known.streams.get(epoch)
        if stream is None:
            return []
        try:
            with self._read_lock:
                return told_after(self._reader, self._vault, stream, after=seq, since_ms=since_ms, limit=limit)
        except (StorageError, VaultError, records.RecordError) as error:
            raise JournalBroken(f"records cannot be read: {error}") from error

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

    def _set_acked(self, stream: Stream, upto: int) -> None:
        try:
            self._passing("acknowledge.begin")
            self._writer.execute("UPDATE stream SET acked = ? WHERE epoch = ?", (upto, stream.epoch))
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
                    current = stream.epoch == self._known.tail.epoch
                    if pruning.prune_stream(self._writer, stream, current=current, now_ms=now_ms, limits=self._limits):
                        del self._known.streams[stream.epoch]
                pruning.prune_codes(self._writer, now_ms=now_ms)
                self._passing("prune.done")
            except StorageError as error:
                database.roll_back(self._writer)
                raise JournalBroken(f"pruning failed: {error}") from error
        try:
            with self._read_lock:
                database.fold_log(self._reader)
        except StorageError as error:
            raise JournalBroken(f"the log cannot be folded: {error}") from error

    def close(self) -> None:
        """Give back the files; nothing needs saving. May be repeated."""
        with self._lock, self._read_lock:
            self._broken = self._broken or "closed"
            self._writer.close()
            self._reader.close()

    def erase(self) -> None:
        """Delete the journal of a terminal that is set up anew. Raises RecordsWaiting while any sale would be lost."""
        with self._lock:
            waiting = sum(
                tables.money_records(self._writer, stream.ordinal, after=stream.acked)
                for stream in self._known.streams.values()
            )
            if waiting:
                raise RecordsWaiting(waiting)
            self.close()
            for suffix in ("-wal", "-shm", ""):
                self._storage.files.remove(self._path.with_name(self._path.name + suffix))
            self._storage.files.sync_folder(self._path.parent)

    # Starting

    def _connect(self) -> None:
        with ExitStack() as undo:
            self._writer = self._storage.connect(self._path, max_bytes=self._limits.max_file_bytes)
            undo.callback(self._writer.close)
            tables.prepare(self._writer)
            self._reader = self._storage.connect(self._path)
            undo.pop_all()

    def _begin(self, *, epoch: int, at_ms: int, software: str) -> None:
        record = first_record(self._known, epoch=epoch, at_ms=at_ms, software=software)
        line = records.encode_record(record)
        head = records.chain(GENESIS, line)
        ordinal = 1 + max((stream.ordinal for stream in self._known.streams.values()), default=0)
        sealed = tables.seal_line(self._vault, epoch=epoch, seq=1, head=head, line=line)
        self._passing("epoch.begin")
        self._writer.execute("BEGIN IMMEDIATE")
        self._writer.execute("INSERT INTO stream (epoch, ordinal) VALUES (?, ?)", (epoch, ordinal))
        self._writer.execute(_INSERT_RECORD, (tables.record_id(ordinal, 1), tables.KINDS[EpochRecord], at_ms, sealed))
        self._passing("epoch.commit")
        self._writer.execute("COMMIT")
        self._known.streams[epoch] = Stream(epoch, ordinal, last_seq=1, acked=0)
        self._known.tail = Tail(epoch, 1, head)
        self._passing("epoch.done")


_INSERT_RECORD = "INSERT INTO record (id, kind, at_ms, sealed) VALUES (?, ?, ?, ?)"
_TAKE_CODE = (
    "INSERT INTO presented (code, moment_s, before_s, forget_s) VALUES (?, ?, NULL, ?) ON CONFLICT (code) DO UPDATE"
    " SET before_s = presented.moment_s, moment_s = excluded.moment_s, forget_s = excluded.forget_s"
)
_FORGET_CODE = "DELETE FROM presented WHERE code = ? AND moment_s = ? AND before_s IS NULL"
_RESTORE_CODE = "UPDATE presented SET moment_s = before_s, before_s = NULL WHERE code = ? AND moment_s = ?"
