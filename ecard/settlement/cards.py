"""Whose each tapped card was at that moment: one look-up for all the cards of a round of checking, none without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ecard.media.queries import bindings
from ecard.media.rules import stood
from ecard.media.values import Binding, Standing
from ecard.settlement.checking import Checked
from ecard.settlement.rules import EVIDENCE, CardClaim, Finding

FINDINGS: Mapping[Standing, Finding] = {
    Standing.HELD: Finding.FINE,
    Standing.STOPPED: Finding.CARD_STOPPED,
    Standing.REPLACED: Finding.CARD_REPLACED,
    Standing.OTHER_ACCOUNT: Finding.CARD_OTHER_ACCOUNT,
    Standing.UNKNOWN: Finding.CARD_UNKNOWN,
}


def judge_cards(checked: Sequence[Checked]) -> list[Checked]:
    """The same with a finding in place of each card's claim. At most one statement."""
    names = {claim.name for each in checked for _place, claim in each.cards}
    if not names:
        return list(checked)
    known = bindings(names)
    return [_judged(each, known) if each.cards else each for each in checked]


def _judged(checked: Checked, known: Mapping[str, Sequence[Binding]]) -> Checked:
    evidence, bad = bytearray(checked.evidence), checked.bad
    for place, claim in checked.cards:
        finding = finding_of(claim, known.get(claim.name, ()))
        EVIDENCE.pack_into(evidence, place * EVIDENCE.size, finding, 0, claim.at_s)
        bad += finding != Finding.FINE
    return checked._replace(evidence=bytes(evidence), bad=bad, cards=())


def finding_of(claim: CardClaim, known: Sequence[Binding]) -> Finding:
    """What the check says of one card's claim."""
    at = datetime.fromtimestamp(claim.at_s, UTC)
    return FINDINGS[stood(known, account_ref=claim.account_ref, at=at).standing]
