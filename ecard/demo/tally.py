"""What the terminals showed during a rush, kept in a file, and the judgement of it. Pure: no Django, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ecard.embedded.place import write_private


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """One "approved" as a terminal showed it, by the key of its journal record."""

    terminal: int
    epoch: int
    seq: int
    amount_minor: int


class Span(msgspec.Struct, frozen=True, array_like=True):
    """The records of one epoch that were written during the rush, both ends included."""

    terminal: int
    epoch: int
    first_seq: int
    last_seq: int


class Tally(msgspec.Struct, frozen=True):
    """One rush: every approval shown, the declines by reason, and which records may have come of it."""

    began: str
    taps: int
    shown: tuple[Shown, ...]
    declined: dict[str, int]
    unread: int
    offline: int
    spans: tuple[Span, ...] = ()


Key = tuple[int, int, int]
"""(terminal, epoch, sequence)"""


@dataclass(frozen=True, slots=True)
class Posted:
    """One sale as the ledger has it: `moved_minor` is what its transfers brought the merchant.

    `free_minor` is the part of its amount that a free meal's sponsor bears, and nobody at the counter is shown.
    """

    amount_minor: int
    moved_minor: int
    same_again: bool
    free_minor: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What was read back: sales by key, per epoch the last sequence received, and whether the books balance."""

    received_through: Mapping[tuple[int, int], int]
    posted: Mapping[Key, Posted]
    books_balance: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rush, held against the ledger. Amounts in minor units.

    `altered` sales have another amount than was shown, or moved less; `strange` ones nobody was shown; `repriced`
    ones do not come to the same legs when evaluated again.
    """

    approved: int
    uploaded: int
    posted: int
    lost: int
    twice: int
    altered: int
    strange: int
    repriced: int
    shown_minor: int
    free_minor: int
    moved_minor: int
    books_balance: bool

    @property
    def ok(self) -> bool:
        """Whether the ledger has exactly what the terminals showed."""
        faults = self.lost + self.twice + self.altered + self.strange + self.repriced
        return not faults and self.approved == self.uploaded == self.posted and self.all_moved and self.books_balance

    @property
    def all_moved(self) -> bool:
        """Whether merchants got what cardholders were shown and what sponsors bear, and nothing else."""
        return self.shown_minor + self.free_minor == self.moved_minor


def judge(tally: Tally, found: Found) -> Verdict:
    """Hold what was shown against what was found."""
    shown = {(each.terminal, each.epoch, each.seq): each.amount_minor for each in tally.shown}
    uploaded = sum(key[2] <= found.received_through.get(key[:2], 0) for key in shown)
    matched = {key: found.posted[key] for key in shown if key in found.posted}
    strange = [key for key in found.posted if key not in shown]
    return Verdict(
        approved=len(tally.shown),
        uploaded=uploaded,
        posted=len(matched),
        lost=len(shown) - len(matched),
        # A key shown for two sales is as bad as one sale posted twice.
        twice=sum(sale.moved_minor > sale.amount_minor for sale in matched.values()) + len(tally.shown) - len(shown),
        altered=sum(
            sale.amount_minor - sale.free_minor != shown[key] or sale.moved_minor < sale.amount_minor
            for key, sale in matched.items()
        ),
        strange=len(strange),
        repriced=sum(not sale.same_again for sale in matched.values()),
        shown_minor=sum(each.amount_minor for each in tally.shown),
        free_minor=sum(sale.free_minor for sale in found.posted.values()),
        moved_minor=sum(sale.moved_minor for sale in found.posted.values()),
        books_balance=found.books_balance,
    )


def keep(tally: Tally, *, folder: Path) -> Path:
    """Write a tally beside the earlier ones, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{tally.began.replace(':', '')}.json"
    write_private(path, msgspec.json.format(msgspec.json.encode(tally), indent=1).decode())
    return path


def kept(folder: Path, *, limit: int) -> list[Tally]:
    """The newest tallies, oldest first."""
    paths = sorted(folder.glob("*.json"))[-limit:]
    return [msgspec.json.decode(path.read_bytes(), type=Tally) for path in paths]
