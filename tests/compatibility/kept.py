"""What a device of each release had on its disk and sent, kept byte for byte.

Each device sold by the server in memory of `tests/devices/world.py` (its code key is number 1 here), was killed, and
was copied before it sent its last records: release 1 knew single amounts, release 2 baskets, release 3 cards, passes
and notes. Its two secrets are of a test and are written here, since only their owner may read such files.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from devices.core.journal import Record, decode_record

FOLDER = Path(__file__).parent
RELEASES = tuple(sorted(int(each.name.removeprefix("release-")) for each in FOLDER.glob("release-*")))
DEVICE_SEED, STORAGE_KEY = bytes([71]) * 32, bytes([72]) * 32
TERMINAL = 7


@dataclass(frozen=True)
class Kept:
    """One release's device."""

    release: int
    batches: tuple[bytes, ...]
    """All it sent, in order."""
    unsent: tuple[bytes, ...]
    """The last of them: sent after the copy was made."""
    ended_ms: int
    streams: dict[int, tuple[bytes, ...]]
    """All lines by epoch, as they were sent."""

    @property
    def sent(self) -> tuple[bytes, ...]:
        """What the server had when the copy was made."""
        return self.batches[: len(self.batches) - len(self.unsent)]

    @property
    def records(self) -> tuple[Record, ...]:
        """All records, as the present release reads them."""
        return tuple(decode_record(line) for lines in self.streams.values() for line in lines)

    def device(self, folder: Path) -> Path:
        """The device's disk, to be started."""
        folder.mkdir(mode=0o700)
        for each in (FOLDER / f"release-{self.release}").iterdir():
            if each.suffix != ".bin" and each.name != "written.json":
                shutil.copyfile(each, folder / each.name)
        for name, secret in (("device.key", DEVICE_SEED), ("storage.key", STORAGE_KEY)):
            (folder / name).touch(mode=0o600)
            (folder / name).write_bytes(secret)
        return folder


def kept(release: int) -> Kept:
    """The device of a release."""
    folder = FOLDER / f"release-{release}"
    written = json.loads((folder / "written.json").read_text(encoding="utf-8"))
    return Kept(
        release=release,
        batches=tuple((folder / name).read_bytes() for name in written["batches"]),
        unsent=tuple((folder / name).read_bytes() for name in written["unsent_batches"]),
        ended_ms=written["ended_ms"],
        streams={int(epoch): tuple(line.encode() for line in lines) for epoch, lines in written["streams"].items()},
    )
