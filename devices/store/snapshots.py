"""The snapshot on disk: people one by one, found by a keyed hash and sealed; the rest in memory.

A full load and each delta is one transaction: until it commits, every reader sees the old snapshot whole. One thread
writes; any may read.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from devices.core.funds import PersonRow
from devices.core.messages import MessageError, SnapshotHead, decode_row
from devices.core.policy import Policy
from devices.drivers import database
from devices.drivers.database import SqliteStorage, Storage, StorageError
from devices.drivers.files import ON_DISK, Files
from devices.drivers.vault import Vault, VaultError
from devices.journal.values import Passing, unwatched
from devices.store.held import Held, Keys, NewerPolicy

FILE = "snapshot.sqlite3"
VERSION = 2
CHUNK_ROWS = 1_000

_CREATE = """
CREATE TABLE state (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE cursor (only INTEGER PRIMARY KEY CHECK (only = 1), stamp INTEGER NOT NULL);
CREATE TABLE person (account BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO cursor (only, stamp) VALUES (1, 0);
"""
_CREATE_CARDS = """
CREATE TABLE card (name BLOB PRIMARY KEY, account BLOB NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX card_account ON card (account);
"""
_FORMS = {0: _CREATE + _CREATE_CARDS, 1: _CREATE_CARDS}
"""What brings a file of each earlier form to the present one."""
_FIND = "SELECT (SELECT stamp FROM cursor), (SELECT sealed FROM person WHERE account = ?)"

T = TypeVar("T")


class StoreBroken(Exception):
    """The snapshot cannot be read or kept; the device's fault. It can be fetched again whole. `full`: no room."""

    def __init__(self, what: str, *, full: bool = False) -> None:
        super().__init__(what)
        self.full = full


class SnapshotStore:
    """Use `open`; a file that does not open is given up and started anew, since the server has it all."""

    def __init__(self, path: Path, *, vault: Vault, passing: Passing, storage: Storage) -> None:
        self._path, self._vault, self._passing = path, vault, passing
        self._read_lock = threading.Lock()
        with ExitStack() as undo:
            self._writer = storage.connect(path)
            undo.callback(self._writer.close)
            (version,) = self._writer.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StoreBroken("the snapshot was kept by a later release")
            if version < VERSION:
                self._writer.executescript(f"BEGIN IMMEDIATE;{_FORMS[version]}PRAGMA user_version = {VERSION};COMMIT;")
            self._reader = storage.connect(path)
            undo.callback(self._reader.close)
            kept = self._load("held", Held)
            self._held = kept.believed() if kept is not None else None
            self._keys = self._load("keys", Keys)
            undo.pop_all()
        self._by_stamp = {self._held.stamp: self._held} if self._held is not None else {}

    @classmethod
    def open(cls, folder: Path, *, vault: Vault, passing: Passing = unwatched, storage: Storage | None = None) -> Self:
        """Raises StoreBroken where even a new file cannot be made."""
        path, storage = folder / FILE, storage or SqliteStorage()
        try:
            return cls(path, vault=vault, passing=passing, storage=storage)
        except StorageError as error:
            if error.full:
                raise StoreBroken(f"the snapshot does not open: {error}", full=True) from error
        except (StoreBroken, VaultError, msgspec.MsgspecError):
            pass
        try:
            remove(folder, files=storage.files)
            return cls(path, vault=vault, passing=passing, storage=storage)
        except (StorageError, OSError) as error:
            full = isinstance(error, StorageError) and error.full
            raise StoreBroken(f"no snapshot can be kept: {error}", full=full) from error

    @property
    def held(self) -> Held | None:
        """The present snapshot's head; None before the first full load."""
        return self._held

    @property
    def keys(self) -> Keys | None:
        """The present keys; None before the first fetch."""
        return self._keys

    @property
    def signed_time_s(self) -> int:
        """The newest time the server or the root has signed: no clock may be behind it."""
        made_s = self._held.made_s if self._held is not None else 0
        return max(made_s, self._keys.key_list.issued_at_s if self._keys is not None else 0)

    def find(self, account_ref: int) -> tuple[Held, PersonRow | None]:
        """The person and the head of the same snapshot. Raises StoreBroken, also before the first load."""
        account = self._account(account_ref)
        try:
            with self._read_lock:
                stamp, sealed = self._reader.execute(_FIND, (account,)).fetchone()
                held = self._by_stamp.get(stamp)
            if held is None:
                raise StoreBroken("there is no snapshot yet")
            return held, decode_row(self._vault.open(sealed, place=account)) if sealed is not None else None
        except (StorageError, VaultError, msgspec.MsgspecError) as error:
            raise StoreBroken(f"a person cannot be read: {error}") from error

    def find_card(self, name: str) -> int | None:
        """Whose card this is, None for nobody's. Raises StoreBroken."""
        card = self._vault.name(name.encode())
        try:
            with self._read_lock:
                row = self._reader.execute("SELECT sealed FROM card WHERE name = ?", (card,)).fetchone()
            return int.from_bytes(self._vault.open(row[0], place=card), "big") if row is not None else None
        except (StorageError, VaultError) as error:
            raise StoreBroken(f"a card cannot be read: {error}") from error

    def people(self) -> int:
        """How many people the snapshot holds."""
        with self._read_lock:
            (count,) = self._reader.execute("SELECT count(*) FROM person").fetchone()
        return int(count)

    def keep_keys(self, keys: Keys) -> None:
        """Durably, before they are believed. Raises StoreBroken."""
        try:
            self._writer.execute("REPLACE INTO state (name, sealed) VALUES ('keys', ?)", (self._sealed("keys", keys),))
        except StorageError as error:
            raise StoreBroken(f"keys cannot be kept: {error}") from error
        self._keys = keys

    def apply(
        self,
        head: SnapshotHead,
        rows: Sequence[bytes],
        *,
        policies: tuple[Policy, ...],
        newer: tuple[NewerPolicy, ...] = (),
    ) -> Held:
        """Keep a verified snapshot: whole where `head.base` is 0, else the changes since the present one.

        Raises MessageError for rows that are no rows or a delta that does not fit, StoreBroken; the old one stays.
        """
        self._must_fit(head)
        held = Held.next(head, policies, newer=newer, before=self._held)
        try:
            self._passing("snapshot.begin")
            self._writer.execute("BEGIN IMMEDIATE")
            if head.base == 0:
                self._writer.execute("DELETE FROM person")
                self._writer.execute("DELETE FROM card")
                self._insert(sorted(rows_by_account(rows, self._account)))
                self._insert_cards(decode_row(row) for row in rows if b'"]' in row)
            else:
                self._change(rows)
            state = (self._sealed("held", held),)
            self._writer.execute("REPLACE INTO state (name, sealed) VALUES ('held', ?)", state)
            self._writer.execute("UPDATE cursor SET stamp = ?", (held.stamp,))
            self._by_stamp = ({self._held.stamp: self._held} if self._held else {}) | {held.stamp: held}
            self._passing("snapshot.commit")
            self._writer.execute("COMMIT")
        except (msgspec.MsgspecError, OverflowError) as error:
            database.roll_back(self._writer)
            raise MessageError(f"a row is no person: {error}") from error
        except StorageError as error:
            database.roll_back(self._writer)
            raise StoreBroken(f"the snapshot cannot be kept: {error}") from error
        self._held = held
        self._passing("snapshot.done")
        return held

    def close(self) -> None:
        """Give back the files."""
        with self._read_lock, suppress(StorageError):
            self._reader.close()
        with suppress(StorageError):
            self._writer.close()

    def _must_fit(self, head: SnapshotHead) -> None:
        held = self._held
        if held is not None and head.made_s < held.made_s:
            raise MessageError("an older snapshot than the one held")
        if head.base and (held is None or (head.generation, head.base) != (held.generation, held.number)):
            raise MessageError("a delta that does not follow the snapshot held")

    def _insert(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        seal = self._vault.seal
        items = iter((account, seal(row, place=account)) for account, row in rows)
        while chunk := list(islice(items, CHUNK_ROWS)):
            self._writer.executemany("REPLACE INTO person (account, sealed) VALUES (?, ?)", chunk)

    def _change(self, rows: Sequence[bytes]) -> None:
        decoded = [(decode_row(row), row) for row in rows]
        self._insert([(self._account(person.account_ref), row) for person, row in decoded if not person.gone])
        changed = [(self._account(person.account_ref),) for person, _ in decoded]
        self._writer.executemany("DELETE FROM card WHERE account = ?", changed)
        self._insert_cards(person for person, _ in decoded if not person.gone)
        gone = [(self._account(person.account_ref),) for person, _ in decoded if person.gone]
        self._writer.executemany("DELETE FROM person WHERE account = ?", gone)

    def _insert_cards(self, people: Iterable[PersonRow]) -> None:
        self._writer.executemany(
            "REPLACE INTO card (name, account, sealed) VALUES (?, ?, ?)",
            (self._card(name, person.account_ref) for person in people for name in person.cards),
        )

    def _card(self, name: str, account_ref: int) -> tuple[bytes, bytes, bytes]:
        card = self._vault.name(name.encode())
        return card, self._account(account_ref), self._vault.seal(account_ref.to_bytes(8, "big"), place=card)

    def _account(self, account_ref: int) -> bytes:
        return self._vault.name(account_ref.to_bytes(8, "big"))

    def _sealed(self, name: str, value: Held | Keys) -> bytes:
        return self._vault.seal(msgspec.json.encode(value), place=name.encode())

    def _load(self, name: str, kind: type[T]) -> T | None:
        row = self._writer.execute("SELECT sealed FROM state WHERE name = ?", (name,)).fetchone()
        return msgspec.json.decode(self._vault.open(row[0], place=name.encode()), type=kind) if row else None


def rows_by_account(rows: Sequence[bytes], account: Callable[[int], bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each row with the name it is kept under; a row that is no person raises msgspec.MsgspecError."""
    for row in rows:
        person = decode_row(row)
        if not person.gone:
            yield account(person.account_ref), row


def remove(folder: Path, *, files: Files = ON_DISK) -> None:
    """Delete the snapshot: the terminal is set up anew, or the file is beyond use."""
    for suffix in ("-wal", "-shm", ""):
        files.remove(folder / (FILE + suffix))
    files.sync_folder(folder)
