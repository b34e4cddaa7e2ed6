"""How far the journal had come, kept beside it: so that an end that vanished is noticed and not taken for the end.

A database that loses its log, or part of it, opens without a word as it was before. The mark is written after each
commit and synced only at a start, so it costs no sale anything: it may be old, but never names what was not durable.
"""

import contextlib
import struct
from pathlib import Path

from devices.core.journal import MAX_SEQUENCE
from devices.drivers.files import Files
from devices.drivers.keyfile import write_whole
from devices.drivers.vault import NAME_BYTES, Vault
from devices.journal.values import Stream, Tail

FILE = "journal.mark"

_PLACE = struct.Struct(">QI")


class Mark:
    """The mark of the journal in one folder."""

    def __init__(self, folder: Path, *, vault: Vault, files: Files) -> None:
        self._path, self._vault, self._files = folder / FILE, vault, files
        self.safe_epoch = 0
        """The epoch that the mark on the disk may still name after a power cut: its stream must stay."""

    def require(self, streams: dict[int, Stream]) -> None:
        """Raise ValueError where records are gone that were durable once. A mark that cannot be read says nothing."""
        marked = self._read()
        if marked is None:
            return
        epoch, seq = marked
        self.safe_epoch = epoch
        last = streams[epoch].last_seq if epoch in streams else 0
        if last < seq:
            raise ValueError(f"records {last + 1} to {seq} of epoch {epoch} are gone")

    def begin(self, tail: Tail) -> None:
        """A new epoch is durable. Where the disk is full the mark of the last one stays safe instead."""
        try:
            write_whole(self._path, self._written(tail), files=self._files)
            self.safe_epoch = tail.epoch
        except OSError:
            self.set(tail)

    def set(self, tail: Tail) -> None:
        """A record is durable. A mark that cannot be written is no reason to decline anything."""
        with contextlib.suppress(OSError):
            self._files.overwrite(self._path, self._written(tail))

    def remove(self) -> None:
        """Before the journal itself is removed. Raises OSError."""
        self._files.remove(self._path)
        self._files.sync_folder(self._path.parent)

    def _written(self, tail: Tail) -> bytes:
        place = _PLACE.pack(tail.epoch, tail.seq)
        return place + self._vault.name(b"mark" + place)

    def _read(self) -> tuple[int, int] | None:
        try:
            with self._path.open("rb") as opened:
                data = opened.read(_PLACE.size + NAME_BYTES)
        except OSError:
            return None
        place = data[: _PLACE.size]
        if len(place) < _PLACE.size or data[_PLACE.size :] != self._vault.name(b"mark" + place):
            return None
        epoch, seq = _PLACE.unpack(place)
        return (epoch, seq) if 0 < seq <= MAX_SEQUENCE else None
