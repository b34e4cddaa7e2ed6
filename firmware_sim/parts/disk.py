"""The terminal's disk with a switch: full, and not. Torn and lost writes are `firmware_sim.storage`'s."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from devices.drivers.database import Connection, Rows, SqliteStorage, StorageError
from devices.drivers.files import Files
from firmware_sim.parts.base import read_form

_GROWS = ("INSERT", "REPLACE", "UPDATE")


class DiskForm(msgspec.Struct, frozen=True):
    """A fault begins or ends."""

    full: bool


class DiskState(msgspec.Struct, frozen=True):
    """For the page."""

    full: bool


class VirtualDisk:
    """A `devices.drivers.database.Storage`: the real one, which has no room while it is `full`."""

    def __init__(self) -> None:
        self._real = SqliteStorage()
        self.full = False

    @property
    def files(self) -> Files:
        """The small files, which are there already."""
        return self._real.files

    def connect(self, path: Path, *, max_bytes: int | None = None) -> Connection:
        """See Storage."""
        return _Connection(self._real.connect(path, max_bytes=max_bytes), self)

    def state(self) -> DiskState:
        """For the page."""
        return DiskState(self.full)

    def press(self, form: bytes) -> None:
        """A fault begins or ends."""
        self.full = read_form(form, DiskForm).full


class _Connection:
    def __init__(self, real: Connection, disk: VirtualDisk) -> None:
        self._real, self._disk = real, disk

    @property
    def in_transaction(self) -> bool:
        return self._real.in_transaction

    def execute(self, statement: str, values: Sequence[object] = ()) -> Rows:
        self._admit(statement)
        return self._real.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        self._admit(statement)
        self._real.executemany(statement, rows)

    def executescript(self, script: str) -> None:
        self._real.executescript(script)

    def close(self) -> None:
        self._real.close()

    def _admit(self, statement: str) -> None:
        if self._disk.full and statement.lstrip().upper().startswith(_GROWS):
            raise StorageError("there is no room on the disk", full=True)
