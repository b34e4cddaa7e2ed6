"""Secrets of the device on its own disk: files only the owner may read, made whole or not at all."""

import contextlib
import os
import stat
from pathlib import Path

from devices.drivers.files import ON_DISK, Files
from devices.drivers.randomness import Randomness


class KeyFileError(Exception):
    """A key file is damaged or readable by others: whoever set up the device must look at it."""


def read_or_make(path: Path, *, size_bytes: int, randomness: Randomness, files: Files = ON_DISK) -> bytes:
    """The secret in `path`, drawn on first use. Two starts at once end with the same one."""
    if not path.exists():
        _make(path, randomness.token(size_bytes), files)
    if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path.name} may be read by others; make it 0600")
    secret = path.read_bytes()
    if len(secret) != size_bytes:
        raise KeyFileError(f"{path.name} holds {len(secret)} bytes, not {size_bytes}")
    return secret


def write_whole(path: Path, data: bytes, *, files: Files = ON_DISK) -> None:
    """Replace `path` at one blow, durably, owner only."""
    files.rename(_draft(path, data, files), path)
    files.sync_folder(path.parent)


def _make(path: Path, secret: bytes, files: Files) -> None:
    draft = _draft(path, secret, files)
    with contextlib.suppress(FileExistsError):
        files.link(draft, path)  # unlike a rename, never replaces a key that another start made first
    files.remove(draft)
    files.sync_folder(path.parent)


def _draft(path: Path, data: bytes, files: Files) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    files.remove(draft)
    files.create(draft, data)
    return draft
