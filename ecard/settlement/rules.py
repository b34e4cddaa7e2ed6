"""Pure rules of settlement: how records are numbered, what makes one fit to post, and how findings are kept."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from devices.core import card
from devices.core.declines import Why
from devices.core.journal import (
    EpochRecord,
    NoteRecord,
    PassRecord,
    RecordError,
    ReversalRecord,
    SaleRecord,
    decode_record,
)
from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.policy import MAX_RULES
from devices.core.quote import Counted
from ecard.codes.evidence import Evidence

SEQUENCE_BITS = 24
MAX_LEGS = 64
MAX_COUNTED = MAX_RULES
_SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1
_INT_32 = 0x7FFF_FFFF
_INT_63 = 0x7FFF_FFFF_FFFF_FFFF
_INT_15 = 0x7FFF
EARLIEST_MS = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1000
LATEST_MS = int(datetime(2106, 1, 1, tzinfo=UTC).timestamp()) * 1000
BUSINESS_DAYS_OFF = 2
"""So far may a business date be from the moment's day in UTC: zones differ, and a night belongs to its evening."""

EVIDENCE = struct.Struct("<BqI")
"""One entry of `Batch.evidence`: a Finding, the code id as a signed integer, the moment presented in unix seconds."""

EvidenceCheck: TypeAlias = Callable[[str, int], Evidence]
"""(evidence as scanned, unix seconds of the tap) → what the code is, by the server's own keys."""


class Finding(IntEnum):
    """What the check says of one record. Stored: add, never renumber. From CODE on it is a code's fault."""

    FINE = 0
    UNREADABLE = 1
    INCONSISTENT = 2
    OTHER_ACCOUNT = 3
    CARD = 4
    """A card's: whose it was is not known yet. Never kept."""
    CARD_STOPPED = 5
    CARD_REPLACED = 6
    CARD_OTHER_ACCOUNT = 7
    CARD_UNKNOWN = 8
    CODE_NOT_A_CODE = 10
    CODE_OTHER_INSTITUTION = 11
    CODE_DAMAGED = 12
    CODE_UNKNOWN_KEY = 13
    CODE_KEY_REVOKED = 14
    CODE_ALTERED = 15
    CODE_TOO_EARLY = 16
    CODE_EXPIRED = 17
    CODE_PHONE_SLOW = 18
    CODE_PHONE_FAST = 19


_OF_WHY = {Why[finding.name.removeprefix("CODE_")]: finding for finding in Finding if finding.name.startswith("CODE_")}
WHY = {finding: why for why, finding in _OF_WHY.items()}


class CardClaim(NamedTuple):
    """A card's name as a record carries it, whose card the terminal took it for, and the unix second of the tap."""

    name: str
    account_ref: int
    at_s: int


class Found(NamedTuple):
    """The finding on one record, and for a sale whose code parses, the presentation; for a card's, what it claims.

    A card is the same each time, so its presentations have no id and are never compared.
    """

    finding: int
    code_id: int = 0
    presented_s: int = 0
    card: CardClaim | None = None


def storable(text: str) -> str:
    """A terminal's word as PostgreSQL takes it: JSON may carry the one character that a database text may not."""
    return text.replace("\0", "")


def record_id(stream_id: int, seq: int) -> int:
    """The key of what a record becomes."""
    return stream_id << SEQUENCE_BITS | seq


def split_record_id(key: int) -> tuple[int, int]:
    """(stream id, sequence)."""
    return key >> SEQUENCE_BITS, key & _SEQUENCE_MASK


def record_ids_of(stream_id: int) -> tuple[int, int]:
    """The least and the greatest key a stream's records can have."""
    return stream_id << SEQUENCE_BITS, stream_id << SEQUENCE_BITS | _SEQUENCE_MASK


def check_line(line: bytes, *, seq: int, epoch: int, check: EvidenceCheck) -> Found:
    """Can this record be posted as it stands? Never raises: whatever a terminal wrote gets a finding."""
    try:
        record = decode_record(line)
    except RecordError:
        return Found(Finding.UNREADABLE)
    if record.seq != seq or not EARLIEST_MS <= record.at_ms < LATEST_MS:
        return Found(Finding.INCONSISTENT)
    if isinstance(record, EpochRecord):
        return Found(Finding.FINE if seq == 1 and record.epoch == epoch else Finding.INCONSISTENT)
    if seq == 1:
        return Found(Finding.INCONSISTENT)
    if isinstance(record, ReversalRecord | NoteRecord):
        return Found(Finding.FINE)
    fit = _is_moment(record.tap.at_s) if isinstance(record, PassRecord) else consistent(record)
    return _check_presented(record, check) if fit else Found(Finding.INCONSISTENT)


def consistent(sale: SaleRecord) -> bool:
    """Do the legs make the amount shown, and does everything fit its column?"""
    quote, legs = sale.quote, sale.quote.legs
    return (
        0 < sale.shown_minor <= MAX_AMOUNT_MINOR
        and quote.decline is None
        and quote.amount_minor == sale.shown_minor
        and 0 < len(legs) <= MAX_LEGS
        and all(leg.amount_minor > 0 and 0 <= leg.ref <= _INT_63 for leg in legs)
        and all(0 <= leg.programme <= _INT_15 for leg in legs)
        and sum(leg.amount_minor for leg in legs) == sale.shown_minor
        and 0 < sale.account_ref <= _INT_63
        and sale.person.account_ref == sale.account_ref
        and 0 <= quote.policy <= _INT_32
        and 0 <= quote.evaluator <= _INT_15
        and 0 <= sale.tap.outlet <= _INT_15
        and _is_moment(sale.tap.at_s)
        and 0 <= sale.tap.period <= _INT_15
        and _is_day_of(sale.tap.business_date, sale.tap.at_s)
        and len(quote.counted) <= MAX_COUNTED
        and all(_countable(each, sale.shown_minor) for each in quote.counted)
        and all(leg.ref <= _INT_15 for leg in legs if leg.source == "entitlement")
    )


def _countable(counted: Counted, shown_minor: int) -> bool:
    """Is it a limit's own count, of no more than the sale?"""
    return 0 < counted.scope <= _INT_15 and 0 <= counted.purse_minor <= counted.total_minor <= shown_minor


def _check_presented(sale: SaleRecord | PassRecord, check: EvidenceCheck) -> Found:
    name = card.read_evidence(sale.evidence)
    if name is not None:
        return Found(Finding.CARD, 0, sale.tap.at_s, CardClaim(name, sale.account_ref, sale.tap.at_s))
    evidence = check(sale.evidence, sale.tap.at_s)
    if evidence.why is not None:
        return Found(_OF_WHY.get(evidence.why, Finding.CODE_ALTERED))
    presentation = int.from_bytes(evidence.code_id, "little", signed=True), evidence.moment_s
    if evidence.account_ref != sale.account_ref:
        return Found(Finding.OTHER_ACCOUNT, *presentation)
    if evidence.key_revoked:
        return Found(Finding.CODE_KEY_REVOKED, *presentation)
    if evidence.timing is not None:
        return Found(_OF_WHY.get(evidence.timing, Finding.CODE_EXPIRED), *presentation)
    return Found(Finding.FINE, *presentation)


def _is_moment(at_s: int) -> bool:
    return EARLIEST_MS <= at_s * 1000 < LATEST_MS


def _is_day_of(text: str, at_s: int) -> bool:
    """Is it a date that a moment can have in some zone? A terminal must not choose the day that its sales count for."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    off = day.toordinal() - datetime.fromtimestamp(at_s, UTC).toordinal()
    return len(text) == 10 and abs(off) <= BUSINESS_DAYS_OFF


def pack_evidence(found: list[Found]) -> bytes:
    """The findings as `Batch.evidence` keeps them."""
    return b"".join([EVIDENCE.pack(*each[:3]) for each in found])


def unpack_evidence(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(finding, code id, presented) of each record."""
    return EVIDENCE.iter_unpack(data)
