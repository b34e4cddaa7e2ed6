"""Small files on the device's disk: each step apart, so that what a power cut leaves can be thought through.

What is not synced may be lost, and names as well as contents; whoever needs both durable asks for both.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Protocol

CHUNK_BYTES = 256 * 1024
OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR


class Files(Protocol):
    """Changes to files; reading needs no driver. Every method raises OSError."""

    def create(self, path: Path, data: bytes) -> None:
        """A new file for the owner alone, its content synced, its name not. FileExistsError where there is one."""
        ...

    def link(self, path: Path, to: Path) -> None:
        """A second name, never in place of a file. FileExistsError."""
        ...

    def rename(self, path: Path, to: Path) -> None:
        """Another name, in place of a file that has it."""
        ...

    def remove(self, path: Path) -> None:
        """Away with a name, if it is there."""
        ...

    def overwrite(self, path: Path, data: bytes) -> None:
        """Put the bytes at the start of a file, made where there is none; not synced, so it costs nothing."""
        ...

    def reserve(self, path: Path, size_bytes: int) -> None:
        """A file that occupies so much of the disk."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Make the names in `folder` as durable as the files."""
        ...


class DiskFiles:
    """The operating system's."""

    def create(self, path: Path, data: bytes) -> None:
        """See Files."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        try:
            os.write(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)

    def link(self, path: Path, to: Path) -> None:
        """See Files."""
        to.hardlink_to(path)

    def rename(self, path: Path, to: Path) -> None:
        """See Files."""
        path.replace(to)

    def remove(self, path: Path) -> None:
        """See Files."""
        path.unlink(missing_ok=True)

    def overwrite(self, path: Path, data: bytes) -> None:
        """See Files."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_ONLY)
        try:
            os.pwrite(handle, data, 0)
        finally:
            os.close(handle)

    def reserve(self, path: Path, size_bytes: int) -> None:
        """See Files."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_ONLY)
        try:
            _occupy(handle, size_bytes)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        finally:
            os.close(handle)

    def sync_folder(self, folder: Path) -> None:
        """See Files."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _occupy(handle: int, size_bytes: int) -> None:
    """By the file system's own means; where it has none, by writing."""
    try:
        os.posix_fallocate(handle, 0, size_bytes)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        for offset in range(0, size_bytes, CHUNK_BYTES):
            os.pwrite(handle, bytes(min(CHUNK_BYTES, size_bytes - offset)), offset)


ON_DISK = DiskFiles()
