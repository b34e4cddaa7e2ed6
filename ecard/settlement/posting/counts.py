"""What one sale adds to its person's counters, and how a sale's row recalls it for a reversal. Pure.

Scope 0 counts the price without an entitlement's part, and the purse's part of it as it was asked of the purse. Most
sales count for exactly what their row says they cost and took from the purse: these keep nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TypeAlias

from ecard.settlement.posting.records import Counted, Leg

Counts: TypeAlias = tuple[Counted, ...]
"""(scope, total, purse part), the first of them for scope 0."""

_KEPT = struct.Struct(">iii")
PLAIN = b""


def counts_of(amount_minor: int, legs: Sequence[Leg], counted: Sequence[Counted]) -> Counts:
    """What a sale counts for, by its legs and by what its quote says of limits that count for themselves."""
    purse_minor = 0
    more: Counts = ()
    for leg in legs:
        if leg.source == "purse":
            purse_minor += leg.amount_minor
        elif leg.source == "entitlement":
            amount_minor -= leg.amount_minor
            more += ((-leg.ref, leg.amount_minor, 0),)
    if more or counted:
        return ((0, amount_minor, purse_minor), *counted, *more)
    return ((0, amount_minor, purse_minor),)


def kept(counts: Counts, amount_minor: int, purse_minor: int) -> bytes:
    """What the sale's row must keep, beside its amount and its purse's part (with the loss), to give `counts` again."""
    if counts == ((0, amount_minor, purse_minor),):
        return PLAIN
    return b"".join([_KEPT.pack(*each) for each in counts])


def recalled(amount_minor: int, purse_minor: int, data: bytes) -> Counts:
    """The inverse of `kept`."""
    return tuple(_KEPT.iter_unpack(data)) if data else ((0, amount_minor, purse_minor),)
