"""What the journal takes and gives, and its errors."""

from collections.abc import Callable

import msgspec

from devices.core.journal import SaleRecord

DAY_MS = 24 * 3600 * 1000

Passing = Callable[[str], None]
"""Told the name of each step as it is passed; tests end the process there."""


def unwatched(_step: str) -> None:
    """Nobody watches the steps."""


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a journal. `keep_ms` is the backup window: how long acknowledged records stay, in case the server
    is restored and asks again; `unposted_keep_ms` bounds those the server has not reported as posted, and after each
    `offer_again_ms` they are sent once more: an acknowledgement is not signed, what a snapshot says is. `reserve_bytes`
    of the disk and of the file are for what must be written when no sale may be.
    """

    max_unacknowledged: int = 50_000
    spare_for_reversals: int = 1_000
    max_file_bytes: int = 2 * 1024**3
    reserve_bytes: int = 8 * 1024**2
    keep_ms: int = 7 * DAY_MS
    unposted_keep_ms: int = 30 * DAY_MS
    offer_again_ms: int = DAY_MS


class Stream(msgspec.Struct):
    """One epoch's stream as the journal tracks it in memory; `first_seq` and `last_seq` are what is kept."""

    epoch: int
    ordinal: int
    last_seq: int
    acked: int
    first_seq: int = 1
    posted: int = 0
    offered_ms: int = 0


class Tail(msgspec.Struct, frozen=True):
    """The end of the chain."""

    epoch: int
    seq: int
    head: bytes


class Run(msgspec.Struct, frozen=True):
    """Contiguous records of one epoch, byte for byte; the heads are hex, before the first and after the last."""

    epoch: int
    first_seq: int
    lines: tuple[bytes, ...]
    head_before: str
    head_after: str

    @property
    def last_seq(self) -> int:
        """The last sequence in the run."""
        return self.first_seq + len(self.lines) - 1


class Presented(msgspec.Struct, frozen=True):
    """A code as it is remembered: the moment taken, and when it can no longer be alive."""

    code_id: bytes
    moment_s: int
    forget_s: int


class NewestSale(msgspec.Struct, frozen=True):
    """The newest sale in the journal and whether it was reversed."""

    epoch: int
    record: SaleRecord
    reversed: bool = False


class JournalFull(Exception):
    """More records wait for the server, or more bytes are used, than the limits allow: the line must come back."""


class RecordTooLarge(Exception):
    """A sale of more lines and benefits than a record holds: it can be made in two."""


class JournalBroken(Exception):
    """Storage refused or its content does not hold together: the device's fault, for an engineer.

    `landed`: the record being appended may be on disk nevertheless. `full`: it is for want of room.
    """

    def __init__(self, what: str, *, landed: bool = False, full: bool = False) -> None:
        super().__init__(what)
        self.landed = landed
        self.full = full


class RecordsWaiting(Exception):
    """Erasing was asked for while records are unacknowledged; `count` of them would be lost."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} records are not acknowledged yet")
        self.count = count
