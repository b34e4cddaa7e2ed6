"""The few fields of a record that posting moves; the check has read the whole of each record before.

Reading all of `devices.core.journal`'s records here would cost three times as much; a test holds the two together.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from devices.core.messages import stored_lines

Counted: TypeAlias = tuple[int, int, int]


class Leg(msgspec.Struct, gc=False):
    source: str
    amount_minor: int
    ref: int = 0
    programme: int = 0


class Priced(msgspec.Struct, gc=False):
    policy: int
    evaluator: int
    legs: tuple[Leg, ...] = ()
    counted: tuple[Counted, ...] = ()
    """(scope, total, purse part): what the sale adds to limits that count for themselves."""


class Place(msgspec.Struct, gc=False):
    at_s: int
    outlet: int
    business_date: str
    period: int = 0


class SaleLine(msgspec.Struct, gc=False, tag="sale", tag_field="kind"):
    at_ms: int
    account_ref: int
    shown_minor: int
    tap: Place
    quote: Priced


class ReversalLine(msgspec.Struct, gc=False, tag="reversal", tag_field="kind"):
    at_ms: int
    of_epoch: int
    of_seq: int
    reason: str = ""


class EpochLine(msgspec.Struct, gc=False, tag="epoch", tag_field="kind"):
    epoch: int


class PassLine(msgspec.Struct, gc=False, tag="pass", tag_field="kind"):
    at_ms: int
    account_ref: int
    direction: str


class NoteLine(msgspec.Struct, gc=False, tag="note", tag_field="kind"):
    at_ms: int
    what: str
    by: tuple[str, ...] = ()
    params: dict[str, int] = {}


Line = SaleLine | ReversalLine | EpochLine | PassLine | NoteLine

_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def read_lines(raw: bytes, *, skip: int) -> list[Line | None]:
    """The records of a stored batch, None where one cannot be read."""
    lines = stored_lines(raw)[skip:]
    try:
        return list(_DECODER.decode_lines(b"\n".join(lines)))
    except (msgspec.MsgspecError, ValueError):
        return [_read(line) for line in lines]


def _read(line: bytes) -> Line | None:
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, ValueError):
        return None
