"""From a decision to what is shown, said and heard."""

from devices.core.declines import Decline, Why
from devices.core.journal import SaleRecord
from devices.core.policy import Policy
from devices.master import texts
from devices.master.decide import Declined, Sale
from devices.master.screen import BenefitLeft, LegShown, Result, Said

READY_AFTER_MS = 1_000
"""A terminal is ready for the next person this soon after an approval."""
APPROVAL_STAYS_MS = 4_000
DECLINE_STAYS_MS = 4_000
MAX_DECLINE_STAYS_MS = 15_000
APPROVED = "approved"
REVERSED = "reversed"


def of_sale(sale: Sale, *, number: int) -> Result:
    """The approval of a durable sale."""
    record, policy = sale.record, sale.policy
    amount_minor = record.shown_minor
    return Result(
        number=number,
        why=APPROVED,
        sound="approved",
        at_ms=record.at_ms,
        ready_ms=record.at_ms + READY_AFTER_MS,
        until_ms=record.at_ms + APPROVAL_STAYS_MS,
        sentence=texts.approved(amount_minor),
        spoken=texts.spoken_approved(amount_minor),
        amount_minor=amount_minor,
        name=sale.name,
        left_minor=max(0, record.person.purse_minor - record.quote.leg_minor("purse")),
        benefits=_benefits(record, policy),
        legs=_legs(record, policy),
        reasons=tuple(texts.reason(step, policy=policy) for step in record.quote.reasons),
    )


def of_decline(declined: Declined, *, number: int, at_ms: int, amount_minor: int) -> Result:
    """A refusal in words; the amount stands."""
    wait = declined.decline.params.get("wait_s", 0)
    wait_s = wait if isinstance(wait, int) and declined.decline.why is Why.ALREADY_USED else 0
    stays_ms = min(max(DECLINE_STAYS_MS, wait_s * 1000), MAX_DECLINE_STAYS_MS)
    steps = declined.quote.reasons if declined.quote is not None else ()
    return Result(
        number=number,
        why=declined.decline.why.value,
        sound="declined",
        at_ms=at_ms,
        ready_ms=at_ms + stays_ms,
        until_ms=at_ms + stays_ms,
        sentence=texts.declined(declined.decline),
        spoken=texts.spoken_declined(declined.decline),
        amount_minor=amount_minor,
        name=declined.name,
        reasons=tuple(texts.reason(step, policy=declined.policy) for step in steps),
        wait_s=wait_s,
    )


def of_reversal(*, number: int, at_ms: int, amount_minor: int, name: str) -> Result:
    """A sale undone."""
    return Result(
        number=number,
        why=REVERSED,
        sound="reversed",
        at_ms=at_ms,
        ready_ms=at_ms + READY_AFTER_MS,
        until_ms=at_ms + APPROVAL_STAYS_MS,
        sentence=texts.undone(amount_minor),
        spoken=texts.spoken_undone(amount_minor),
        amount_minor=amount_minor,
        name=name,
    )


def plain(why: Why) -> Declined:
    """A decline that needs no more words."""
    return Declined(Decline(why))


def _legs(record: SaleRecord, policy: Policy) -> tuple[LegShown, ...]:
    steps = [step for step in record.quote.reasons if step.code in ("lot.used", "purse.used")]
    return tuple(
        LegShown(leg.source, leg.amount_minor, texts.reason(step, policy=policy))
        for leg, step in zip(record.quote.legs, steps, strict=False)
    )


def _benefits(record: SaleRecord, policy: Policy) -> tuple[BenefitLeft, ...]:
    took = {leg.ref: leg.amount_minor for leg in record.quote.legs if leg.source == "lot"}
    left: dict[int, int] = {}
    for lot in record.person.lots:
        if lot.expires_s > record.tap.at_s:
            left[lot.programme] = left.get(lot.programme, 0) + lot.remaining_minor - took.get(lot.id, 0)
    shown = []
    for programme_id, left_minor in left.items():
        programme = policy.programme(programme_id)
        if programme is not None:
            name = Said(programme.name.zh, programme.name.in_language("en"))
            shown.append(BenefitLeft(programme_id, name, left_minor))
    return tuple(shown)
