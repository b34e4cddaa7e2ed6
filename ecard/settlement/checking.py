"""One batch's check, pure: this module and all it imports load without Django, so any process can run it."""

from __future__ import annotations

from typing import NamedTuple

from devices.core.messages import MessageError, stored_lines
from ecard.codes.evidence import Claim, Evidence, EvidenceTrust
from ecard.codes.evidence import check_evidence as check_claims
from ecard.settlement.rules import CardClaim, Finding, Found, check_line, pack_evidence


class Unchecked(NamedTuple):
    """A stored batch; its new records have the sequences from `first_seq` to `last_seq`."""

    batch_id: int
    epoch: int
    first_seq: int
    last_seq: int
    skip: int
    raw: bytes


class Checked(NamedTuple):
    """What goes into `Batch.evidence`; `bad` counts the records that cannot simply be posted.

    `cards` are what records claim of cards, by their place: whose they were is in the database, and is not said yet.
    """

    batch_id: int
    evidence: bytes
    records: int
    bad: int
    cards: tuple[tuple[int, CardClaim], ...] = ()


def check_batch(batch: Unchecked, trust: EvidenceTrust) -> Checked:
    """A finding for each new record. Never raises: what cannot even be split is unreadable throughout."""

    def check(text: str, at_s: int) -> Evidence:
        return check_claims(claims=[Claim(text, at_s * 1000)], trust=trust)[0]

    count = batch.last_seq - batch.first_seq + 1
    try:
        lines = stored_lines(batch.raw)[batch.skip :]
    except MessageError:
        lines = []
    found = [
        check_line(line, seq=batch.first_seq + place, epoch=batch.epoch, check=check)
        for place, line in enumerate(lines[:count])
    ]
    found += [Found(Finding.UNREADABLE)] * (count - len(found))
    cards = tuple((place, each.card) for place, each in enumerate(found) if each.card is not None)
    bad = sum(each.finding not in (Finding.FINE, Finding.CARD) for each in found)
    return Checked(batch.batch_id, pack_evidence(found), count, bad, cards)
