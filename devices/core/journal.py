"""Journal records: one JSON line each, hash-chained within an epoch.

An epoch is a random number drawn at each process start; its sequence starts at 1 with an `EpochRecord` that names
the previous epoch's last sequence and hash, so a restored image or a clone shows as a fork. The chain is
head(0) = 32 zero bytes, head(n) = BLAKE2b-32(RECORD_DOMAIN + head(n-1) + line n). Lines are kept and sent byte for
byte, so nothing ever needs a canonical form. Readers accept unknown fields: a later release may add some.
"""

from hashlib import blake2b
from typing import Annotated, Literal

import msgspec

from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.quote import Line, Person, Quote, Tap
from devices.core.signing import RECORD_DOMAIN
from devices.core.wire import MALFORMED, Positive, Whole

JOURNAL_FORMAT = 2
"""1: epochs, sales and reversals. 2: passes and notes too, and what a device adds to a sale. A terminal writes no
newer records than its server says it reads (`Parameters.journal`); the server reads every format ever released.
"""
GENESIS = bytes(32)
MAX_LINE_BYTES = 32 * 1024
MAX_SEQUENCE = (1 << 24) - 1
"""An epoch ends before this; the server derives a sale's key from (stream, sequence)."""

Epoch = Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
Sequence = Annotated[int, msgspec.Meta(ge=1, le=MAX_SEQUENCE)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_000)]
"""Unix milliseconds, up to the year 9999."""
Word = Annotated[str, msgspec.Meta(max_length=64)]


class EpochRecord(msgspec.Struct, frozen=True, tag="epoch", tag_field="kind"):
    """Sequence 1 of every epoch. `previous_*` are 0, 0 and "" on a journal's first start; `previous_head` is hex."""

    seq: Sequence
    at_ms: Moment
    epoch: Epoch
    previous_epoch: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    previous_seq: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQUENCE)]
    previous_head: Word
    software: Word


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a device of one kind adds to a record: the bus's line and stop, the weight, the cabinet's order and slot.

    `way` is "in" or "out" where a gate has a reader on each side.
    """

    device: Word = ""
    line: Word = ""
    stop: Word = ""
    order: Word = ""
    slot: Whole = 0
    grams: Whole = 0
    way: Word = ""


class SaleRecord(msgspec.Struct, frozen=True, tag="sale", tag_field="kind", omit_defaults=True):
    """An approved sale: the evidence as scanned, all that `evaluate` received, and what it gave.

    `snapshot` is (generation, number) of the snapshot used and `snapshot_made_s` its stamp; `shown_minor` is what the
    screen said, and is what the person pays. `authorised`: the server held the money under this record's key, and
    `person` is as the server knew them.
    """

    seq: Sequence
    at_ms: Moment
    account_ref: Positive
    evidence: Annotated[str, msgspec.Meta(max_length=1024)]
    shown_minor: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT_MINOR)]
    person: Person
    tap: Tap
    basket: tuple[Line, ...]
    quote: Quote
    snapshot: tuple[Whole, Whole] = (0, 0)
    snapshot_made_s: Whole = 0
    cashier: Word = ""
    facts: Facts | None = None
    authorised: bool = False


class ReversalRecord(msgspec.Struct, frozen=True, tag="reversal", tag_field="kind", omit_defaults=True):
    """Undoes a sale of this terminal, whole. `of_epoch` may be an earlier epoch."""

    seq: Sequence
    at_ms: Moment
    of_epoch: Epoch
    of_seq: Sequence
    reason: Word = "cashier"
    cashier: Word = ""


class PassRecord(msgspec.Struct, frozen=True, tag="pass", tag_field="kind", omit_defaults=True):
    """Somebody passed a gate: who, by which evidence, which way. No money."""

    seq: Sequence
    at_ms: Moment
    account_ref: Positive
    evidence: Annotated[str, msgspec.Meta(max_length=1024)]
    direction: Literal["in", "out"]
    tap: Tap
    snapshot: tuple[Whole, Whole] = (0, 0)
    snapshot_made_s: Whole = 0
    facts: Facts | None = None


class NoteRecord(msgspec.Struct, frozen=True, tag="note", tag_field="kind", omit_defaults=True):
    """Something a supervisor did or the device went through, to be kept: a word, by whom, and whole numbers by name."""

    seq: Sequence
    at_ms: Moment
    what: Word
    by: Annotated[tuple[Word, ...], msgspec.Meta(max_length=4)] = ()
    params: Annotated[dict[Word, Whole], msgspec.Meta(max_length=32)] = {}


Record = EpochRecord | SaleRecord | ReversalRecord | PassRecord | NoteRecord

_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


class RecordError(ValueError):
    """A line that is no record this release can read; the terminal wrote it, so it is kept and quarantined."""


def encode_record(record: Record) -> bytes:
    """One line, without its newline (JSON escapes newlines, so a line never contains one)."""
    return msgspec.json.encode(record)


def decode_record(line: bytes) -> Record:
    """Raises RecordError naming the field that is wrong."""
    if len(line) > MAX_LINE_BYTES:
        raise RecordError(f"a record is at most {MAX_LINE_BYTES} bytes")
    try:
        return _DECODER.decode(line)
    except MALFORMED as error:
        raise RecordError(str(error)) from error


def chain(head: bytes, line: bytes) -> bytes:
    """The head after `line`."""
    return blake2b(RECORD_DOMAIN + head + line, digest_size=32).digest()


def chain_all(head: bytes, lines: list[bytes]) -> bytes:
    """The head after all `lines`."""
    for line in lines:
        head = chain(head, line)
    return head
