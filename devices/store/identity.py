"""Who this terminal is, kept for ever once enrolled; nothing in it is secret."""

from pathlib import Path

import msgspec

from devices.core.messages import Enrolled
from devices.drivers.files import ON_DISK, Files
from devices.drivers.keyfile import write_whole

FILE = "identity.json"


def load_identity(folder: Path) -> Enrolled | None:
    """None before enrolment. Raises ValueError for a damaged file, which an engineer must look at."""
    path = folder / FILE
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=Enrolled)


def save_identity(folder: Path, identity: Enrolled, *, files: Files = ON_DISK) -> None:
    """Durable before the terminal calls itself enrolled."""
    write_whole(folder / FILE, msgspec.json.encode(identity), files=files)


def forget_identity(folder: Path, *, files: Files = ON_DISK) -> None:
    """Part of setting a terminal up anew."""
    files.remove(folder / FILE)
