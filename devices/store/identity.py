"""Who this terminal is, kept for ever once enrolled; nothing in it is secret."""

from pathlib import Path

import msgspec

from devices.core.messages import Enrolled
from devices.drivers.keyfile import write_whole

FILE = "identity.json"


def load_identity(folder: Path) -> Enrolled | None:
    """None before enrolment. Raises ValueError for a damaged file, which an engineer must look at."""
    path = folder / FILE
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=Enrolled)


def save_identity(folder: Path, identity: Enrolled) -> None:
    """Durable before the terminal calls itself enrolled."""
    write_whole(folder / FILE, msgspec.json.encode(identity))


def forget_identity(folder: Path) -> None:
    """Part of setting a terminal up anew."""
    (folder / FILE).unlink(missing_ok=True)
