"""Codes that a device accepted without a journal of sales: kept so that none passes twice."""

from pathlib import Path
from typing import Self

from devices.core.accept import presented_at
from devices.core.code import Code
from devices.drivers.database import Connection, Storage, StorageError, roll_back
from devices.drivers.vault import Vault

FILE = "taken.sqlite3"
FORGET_AFTER_S = 24 * 3600
"""Codes are remembered this much longer than they can live."""
_CREATE = """CREATE TABLE IF NOT EXISTS taken (
    code BLOB PRIMARY KEY, moment_s INTEGER NOT NULL, forget_s INTEGER NOT NULL
) WITHOUT ROWID;"""


class Taken:
    """Use `open`; for one thread at a time. Every method but `forget` raises StorageError."""

    def __init__(self, rows: Connection, *, vault: Vault) -> None:
        self._rows, self._vault = rows, vault

    @classmethod
    def open(cls, folder: Path, *, vault: Vault, storage: Storage) -> Self:
        """Made where there is none."""
        rows = storage.connect(folder / FILE)
        rows.executescript(_CREATE)
        return cls(rows, vault=vault)

    def last_s(self, code_id: bytes) -> int | None:
        """The newest moment taken of this code."""
        row = self._rows.execute("SELECT moment_s FROM taken WHERE code = ?", (self._vault.name(code_id),)).fetchone()
        return int(row[0]) if row is not None else None

    def take(self, code: Code) -> None:
        """Durable when it returns."""
        values = (self._vault.name(code.code_id), presented_at(code), code.not_after_s + FORGET_AFTER_S)
        try:
            self._rows.execute("REPLACE INTO taken (code, moment_s, forget_s) VALUES (?, ?, ?)", values).fetchall()
        except StorageError:
            roll_back(self._rows)
            raise

    def forget(self, *, now_s: int) -> None:
        """Those that cannot be alive any more, by a time that was signed; where the disk refuses, it waits."""
        try:
            self._rows.execute("DELETE FROM taken WHERE forget_s < ?", (now_s,)).fetchall()
        except StorageError:
            roll_back(self._rows)

    def close(self) -> None:
        """Give back the file."""
        self._rows.close()
