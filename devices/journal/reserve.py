"""Room that sales may not use, so that reversals, notes and acknowledgements can be written when the disk is full.

A file that takes up disk, and the last stretch of what the database may grow to. Sales are taken only while both are
there; a write that must not fail gives them up, and upkeep takes them back when there is room again.
"""

from pathlib import Path

from devices.drivers import database
from devices.drivers.database import PAGE_BYTES, Connection
from devices.drivers.files import Files
from devices.journal.values import Limits

FILE = "journal.reserve"
PART = 8
"""Of a very small journal at most this part is kept back."""


class Reserve:
    """Not for two threads at once."""

    def __init__(self, folder: Path, *, limits: Limits, files: Files) -> None:
        self._path, self._files = folder / FILE, files
        self._size_bytes = min(limits.reserve_bytes, limits.max_file_bytes // PART)
        self._most_bytes = limits.max_file_bytes
        self.whole = False

    @property
    def bound_bytes(self) -> int:
        """What the database may grow to at present."""
        return self._most_bytes - (self._size_bytes if self.whole else 0)

    def restore(self, connection: Connection) -> None:
        """Set it apart, where there is room. Raises StorageError."""
        self.whole = self._fits(connection) and self._made()
        database.bound(connection, max_bytes=self.bound_bytes)

    def release(self, connection: Connection) -> bool:
        """Give it up for a write that must not fail; False where that was done before. Raises StorageError."""
        held = self.whole or self._path.exists()
        give_up(self._path.parent, self._files)
        self.whole = False
        database.bound(connection, max_bytes=self.bound_bytes)
        return held

    def used_up(self) -> None:
        """A sale found no room: no further one is tried before `restore`."""
        self.whole = False

    def _fits(self, connection: Connection) -> bool:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        return bool((pages - free) * PAGE_BYTES < self._most_bytes - self._size_bytes)

    def _made(self) -> bool:
        try:
            if not self._path.exists() or self._path.stat().st_size < self._size_bytes:
                self._files.reserve(self._path, self._size_bytes)
        except OSError:
            return False
        return True


def give_up(folder: Path, files: Files) -> None:
    """Let go of the disk that was set apart: a start needs it too where the disk is full."""
    files.remove(folder / FILE)
