"""A device's folder belongs to one process at a time."""

import fcntl
import os
from pathlib import Path

from devices.drivers.files import OWNER_ONLY

LOCK = "lock"


class InUse(Exception):
    """Another process runs a device in this folder: whoever started the second."""


def hold(folder: Path) -> int:
    """A handle to be closed in the end; the lock falls with the process, too. Raises InUse."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise InUse(f"a device already runs in {folder.name}") from error
    return handle
