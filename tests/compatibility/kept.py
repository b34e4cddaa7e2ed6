"""What a device of each release had on its disk and sent, kept byte for byte.

Each device sold by the server in memory of `tests/devices/world.py` (its code key is number 1 here), was killed, and
was copied before it sent its last records: release 1 knew single amounts, release 2 baskets, release 3 cards, passes
and notes. Its two secrets are of a test and are written here, since only their owner may read such files.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from inspect import isclass
from pathlib import Path
from typing import get_args

import msgspec

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
    forms: dict[str, list[str]]
    """The fields that this release knew; not kept of the first two."""

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
        forms=written.get("forms", {}),
    )


def forms() -> dict[str, list[str]]:
    """Every structure that a record may hold in the present release, with the names and types of its fields."""
    found: dict[str, list[str]] = {}
    open_types = [each for each in get_args(Record) if isclass(each)]
    while open_types:
        kind = open_types.pop()
        if kind.__name__ in found:
            continue
        fields = msgspec.inspect.type_info(kind)
        assert isinstance(fields, msgspec.inspect.StructType)
        found[kind.__name__] = [f"{each.encode_name}: {_outline(each.type, open_types)}" for each in fields.fields]
    return dict(sorted(found.items()))


def _outline(kind: msgspec.inspect.Type, met: list[type]) -> str:
    """A type's name; structures within it are `met`."""
    name = type(kind).__name__.removesuffix("Type")
    if isinstance(kind, msgspec.inspect.StructType):
        met.append(kind.cls)
        return kind.cls.__name__
    if isinstance(kind, msgspec.inspect.LiteralType):
        return f"{name}[{', '.join(map(str, kind.values))}]"
    within = [
        *getattr(kind, "types", ()),
        *getattr(kind, "item_types", ()),
        *(getattr(kind, part) for part in ("item_type", "key_type", "value_type") if hasattr(kind, part)),
    ]
    return f"{name}[{', '.join(_outline(each, met) for each in within)}]" if within else name
