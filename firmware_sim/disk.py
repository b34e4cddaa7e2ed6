"""What a disk holds after a power cut. Pure: a log of what was asked of it comes in, images come out.

The rule is POSIX's, no file system's: a write is safe once its file was synced, a name once its folder was. All else
may be there, in part, in any choice, or not at all; a sector of 512 bytes is written whole, not at all, or as garbage.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

SECTOR_BYTES = 512
GARBAGE = bytes(range(1, 256)) * 3


@dataclass(frozen=True)
class Wrote:
    """Bytes into a file, by the file's number."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    """A file ends here."""

    file: int
    size: int


@dataclass(frozen=True)
class Named:
    """A name leads to a file; None: to nothing any more."""

    name: str
    file: int | None


@dataclass(frozen=True)
class Renamed:
    """One step: the old name is gone and the new one leads to the file."""

    name: str
    to: str
    file: int


@dataclass(frozen=True)
class Synced:
    """All that was written to this file is safe; None: all names are."""

    file: int | None


@dataclass(frozen=True)
class Noted:
    """Something the world saw at this moment; no part of the disk."""

    what: object


Change = Wrote | Cut | Named | Renamed
Event = Change | Synced | Noted


@dataclass
class Contents:
    """Names and files."""

    names: dict[str, int] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)

    def copy(self) -> "Contents":
        """Another one, to be changed."""
        return Contents(dict(self.names), dict(self.files))

    def change(self, change: Change) -> None:
        """Carry out one change."""
        if isinstance(change, Named):
            if change.file is None:
                self.names.pop(change.name, None)
            else:
                self.names[change.name] = change.file
        elif isinstance(change, Renamed):
            self.names.pop(change.name, None)
            self.names[change.to] = change.file
        elif isinstance(change, Cut):
            self.files[change.file] = self.files.get(change.file, b"")[: change.size].ljust(change.size, b"\0")
        else:
            old, end = self.files.get(change.file, b""), change.offset + len(change.data)
            self.files[change.file] = old[: change.offset].ljust(change.offset, b"\0") + change.data + old[end:]

    def by_name(self) -> dict[str, bytes]:
        """What somebody who mounts the disk finds."""
        return {name: self.files.get(file, b"") for name, file in self.names.items()}


@dataclass(frozen=True)
class Image:
    """A disk after a cut: files by name, what the world had seen by then, and how it came about."""

    files: dict[str, bytes]
    noted: tuple[object, ...]
    how: str

    @property
    def digest(self) -> bytes:
        """The same for the same files after the same sights."""
        parts = (f"{name}\0{len(data)}\0".encode() + data for name, data in sorted(self.files.items()))
        return blake2b(b"".join(parts) + len(self.noted).to_bytes(4, "big"), digest_size=16).digest()


def images(before: Contents, log: Sequence[Event], *, torn: bool = True) -> Iterator[Image]:
    """What a cut after each event may leave, each image once."""
    seen: set[bytes] = set()
    safe, pending, noted = before.copy(), list[Change](), list[object]()
    for number, event in enumerate(log):
        if isinstance(event, Noted):
            noted.append(event.what)
        elif isinstance(event, Synced):
            settle(safe, pending, event.file)
        else:
            pending.append(event)
        for chosen, how in _choices(pending, torn=torn):
            contents = safe.copy()
            for change in chosen:
                contents.change(change)
            image = Image(contents.by_name(), tuple(noted), f"cut after event {number} ({event!r:.60}): {how}")
            if image.digest not in seen:
                seen.add(image.digest)
                yield image


def settle(safe: Contents, pending: list[Change], file: int | None) -> None:
    """A sync: what it covers is safe now."""
    covered = [change for change in pending if covers(file, change)]
    for change in covered:
        safe.change(change)
    pending[:] = [change for change in pending if not covers(file, change)]


def covers(file: int | None, change: Change) -> bool:
    """Whether a sync of this file (None: of the folder) makes the change safe."""
    of_names = isinstance(change, Named | Renamed)
    return of_names if file is None else not of_names and change.file == file


def _choices(pending: Sequence[Change], *, torn: bool) -> Iterator[tuple[Iterable[Change], str]]:
    yield pending, "all written"
    for count in range(len(pending)):
        yield pending[:count], f"{count} of {len(pending)} written"
        yield itertools.chain(pending[:count], pending[count + 1 :]), f"all but number {count} written"
        yield pending[count : count + 1], f"number {count} alone written"
    if torn and pending and isinstance(pending[-1], Wrote):
        for part, how in _torn(pending[-1]):
            yield [*pending[:-1], *part], how
            yield part, how + ", alone"


def _torn(write: Wrote) -> Iterator[tuple[list[Change], str]]:
    """The sectors up to one of them; then that one as garbage too."""
    first = SECTOR_BYTES - write.offset % SECTOR_BYTES
    for cut in (*range(first, len(write.data), SECTOR_BYTES), len(write.data)):
        if cut < len(write.data):
            yield [Wrote(write.file, write.offset, write.data[:cut])], f"torn after {cut} bytes"
        spoilt = write.data[:cut][-SECTOR_BYTES:]
        garbage = write.data[: cut - len(spoilt)] + GARBAGE[: len(spoilt)]
        yield [Wrote(write.file, write.offset, garbage)], f"torn, with garbage before {cut}"
