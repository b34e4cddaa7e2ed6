"""Secrets of the device on its own disk: files only the owner may read, made whole or not at all."""

import contextlib
import os
import stat
from pathlib import Path

from devices.drivers.randomness import Randomness

OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR


class KeyFileError(Exception):
    """A key file is damaged or readable by others: whoever set up the device must look at it."""


def read_or_make(path: Path, *, size_bytes: int, randomness: Randomness) -> bytes:
    """The secret in `path`, drawn on first use. Two starts at once end with the same one."""
    if not path.exists():
        _make(path, randomness.token(size_bytes))
    if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path.name} may be read by others; make it 0600")
    secret = path.read_bytes()
    if len(secret) != size_bytes:
        raise KeyFileError(f"{path.name} holds {len(secret)} bytes, not {size_bytes}")
    return secret


def write_whole(path: Path, data: bytes) -> None:
    """Replace `path` at one blow, durably, owner only."""
    draft = _draft(path, data)
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` as durable as the files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make(path: Path, secret: bytes) -> None:
    draft = _draft(path, secret)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)  # unlike a rename, never replaces a key that another start made first
    draft.unlink()
    sync_folder(path.parent)


def _draft(path: Path, data: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    return draft
