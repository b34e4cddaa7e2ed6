"""What a disk holds after a power cut. Pure: a log of what was asked of it comes in, images come out.

The rule is POSIX's, no file system's: a write is safe once its file was synced, a name once its folder was. All else
may be there, in part, in any choice, or not at all; a sector of 512 bytes is written whole, not at all, or as garbage.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

SECTOR_BYTES = 512
MOST_DOUBTS = 4
"""After syncs that failed, so many disks are thought through side by side."""
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
class Failed:
    """A sync said no: what it covered is there or not, and no later sync makes it safe."""

    file: int | None


@dataclass(frozen=True)
class Noted:
    """Something the world saw at this moment; no part of the disk."""

    what: object


Change = Wrote | Cut | Named | Renamed
Event = Change | Synced | Failed | Noted


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
    """A disk after a cut: what was safe, what else reached it, what the world had seen by then, and how it came."""

    safe: Contents
    written: tuple[Change, ...]
    noted: tuple[object, ...]
    how: str

    @property
    def files(self) -> dict[str, bytes]:
        """By name."""
        contents = self.safe.copy()
        for change in self.written:
            contents.change(change)
        return contents.by_name()


def images(before: Contents, log: Sequence[Event], *, torn: bool = False) -> Iterator[Image]:
    """What a cut may leave, `torn`: with a write in part.

    Looked at just before each sync and at the end: a cut earlier leaves nothing else, with less seen by the world.
    What has been waiting since before the last sync is there as a whole, or not at all.
    """
    safe, pending, noted = [before.copy()], list[Change](), list[object]()
    waiting = 0
    for number, event in enumerate((*log, Synced(None))):
        if isinstance(event, Noted):
            noted.append(event.what)
            continue
        if not isinstance(event, Synced | Failed):
            pending.append(event)
            continue
        old, fresh, seen = pending[:waiting], pending[waiting:], tuple(noted)
        for kept, (chosen, how) in itertools.product(safe, list(_torn_choices(fresh) if torn else _choices(fresh))):
            yield Image(kept, (*old, *chosen), seen, f"cut before event {number}: {how}")
            if old and not torn:
                yield Image(kept, tuple(chosen), seen, f"cut before event {number}: only {how}")
        covered = [change for change in pending if covers(event.file, change)]
        pending = [change for change in pending if not covers(event.file, change)]
        waiting = len(pending)
        without = safe if isinstance(event, Failed) and covered else []
        safe = [*without, *(_with(each, covered) for each in safe)][-MOST_DOUBTS:]


def _with(contents: Contents, changes: Sequence[Change]) -> Contents:
    found = contents.copy()
    for change in changes:
        found.change(change)
    return found


def covers(file: int | None, change: Change) -> bool:
    """Whether a sync of this file (None: of the folder) makes the change safe."""
    of_names = isinstance(change, Named | Renamed)
    return of_names if file is None else not of_names and change.file == file


def _choices(pending: Sequence[Change]) -> Iterator[tuple[Iterable[Change], str]]:
    yield pending, "all written"
    for count, change in enumerate(pending):
        yield pending[:count], f"{count} of {len(pending)} written"
        yield itertools.chain(pending[:count], pending[count + 1 :]), f"all but {change!r:.60} written"
        yield pending[count : count + 1], f"{change!r:.60} alone written"


def _torn_choices(pending: Sequence[Change]) -> Iterator[tuple[Iterable[Change], str]]:
    for count, change in enumerate(pending):
        if isinstance(change, Wrote):
            for part, how in _torn(change):
                yield [*pending[:count], *part], f"{change!r:.60} {how}"
                yield part, f"{change!r:.60} alone, {how}"


def _torn(write: Wrote) -> Iterator[tuple[list[Change], str]]:
    """The sectors up to one of them; then that one as garbage too."""
    first = SECTOR_BYTES - write.offset % SECTOR_BYTES
    for cut in (*range(first, len(write.data), SECTOR_BYTES), len(write.data)):
        if cut < len(write.data):
            yield [Wrote(write.file, write.offset, write.data[:cut])], f"torn after {cut} bytes"
        spoilt = write.data[:cut][-SECTOR_BYTES:]
        garbage = write.data[: cut - len(spoilt)] + GARBAGE[: len(spoilt)]
        yield [Wrote(write.file, write.offset, garbage)], f"torn, with garbage before {cut}"
