"""From a decision to what is shown, said and heard. `at_ms` is when the answer is there, not the tap: storage may be
slow, and the words stay as long.
"""

from devices.core.declines import Decline, Why
from devices.core.journal import SaleRecord
from devices.core.policy import Policy
from devices.master import texts
from devices.master.decide import Declined, Sale
from devices.master.screen import BenefitLeft, LegShown, Result, Said

READY_AFTER_MS = 1_000
"""A terminal is ready for the next person this soon after an approval."""
APPROVAL_STAYS_MS = 4_000
WARNING_STAYS_MS = 10_000
"""What to mind is read before the tray is taken."""
DECLINE_STAYS_MS = 4_000
MAX_DECLINE_STAYS_MS = 15_000
APPROVED = "approved"
REVERSED = "reversed"
WARNING = "warn."
LOW_BALANCE = "purse.low"


def of_sale(sale: Sale, *, number: int, at_ms: int) -> Result:
    """The approval of a durable sale."""
    record, policy, catalogue = sale.record, sale.policy, sale.catalogue
    amount_minor, steps = charged_minor(record), record.quote.reasons
    mind = [step for step in steps if step.code.startswith(WARNING)]
    warnings = tuple(dict.fromkeys(texts.reason(step, policy=policy, catalogue=catalogue) for step in mind))
    return Result(
        number=number,
        why=APPROVED,
        sound="warned" if warnings else "approved",
        at_ms=at_ms,
        ready_ms=at_ms + READY_AFTER_MS,
        until_ms=at_ms + (WARNING_STAYS_MS if warnings else APPROVAL_STAYS_MS),
        sentence=texts.approved(amount_minor),
        spoken=texts.spoken_approved(amount_minor, warnings=warnings),
        amount_minor=amount_minor,
        name=sale.name,
        left_minor=max(0, record.person.purse_minor - record.quote.leg_minor("purse")) if amount_minor else None,
        benefits=_benefits(record, policy),
        legs=_legs(record, policy),
        reasons=texts.reasons(steps, policy=policy, catalogue=catalogue),
        warnings=warnings,
        low=any(step.code == LOW_BALANCE for step in steps),
    )


def of_passage(*, number: int, at_ms: int, outwards: bool, name: str) -> Result:
    """Somebody may go through: nothing to pay, and nothing of their money shown."""
    said = texts.GO_OUT if outwards else texts.GO_IN
    return Result(
        number=number,
        why=APPROVED,
        sound="approved",
        at_ms=at_ms,
        ready_ms=at_ms + READY_AFTER_MS,
        until_ms=at_ms + APPROVAL_STAYS_MS,
        sentence=said,
        spoken=said,
        amount_minor=0,
        name=name,
    )


def of_decline(declined: Declined, *, number: int, at_ms: int, amount_minor: int) -> Result:
    """A refusal in words; the amount and the basket stand."""
    decline, policy, catalogue = declined.decline, declined.policy, declined.catalogue
    wait = decline.params.get("wait_s", 0)
    wait_s = wait if isinstance(wait, int) and decline.why is Why.ALREADY_USED else 0
    stays_ms = min(max(DECLINE_STAYS_MS, wait_s * 1000), MAX_DECLINE_STAYS_MS)
    steps = declined.quote.reasons if declined.quote is not None else ()
    return Result(
        number=number,
        why=decline.why.value,
        sound="declined",
        at_ms=at_ms,
        ready_ms=at_ms + stays_ms,
        until_ms=at_ms + stays_ms,
        sentence=declined.said or texts.declined(decline, policy=policy, catalogue=catalogue),
        spoken=declined.said or texts.spoken_declined(decline),
        amount_minor=amount_minor,
        name=declined.name,
        reasons=texts.reasons(steps, policy=policy, catalogue=catalogue),
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


def plain(why: Why, *, said: Said | None = None) -> Declined:
    """A decline that needs no more words, or these."""
    return Declined(Decline(why), said=said)


def charged_minor(record: SaleRecord) -> int:
    """What the person is charged from whatever source of their own: not what an entitlement's sponsor bears."""
    return record.shown_minor - record.quote.leg_minor("entitlement")


def _legs(record: SaleRecord, policy: Policy) -> tuple[LegShown, ...]:
    """Each leg with the step that made it: the steps of one source are in the order of its legs."""
    shown, steps = [], list(record.quote.reasons)
    for leg in record.quote.legs:
        step = next((each for each in steps if each.code == f"{leg.source}.used"), None)
        if step is not None:
            steps.remove(step)
            shown.append(LegShown(leg.source, leg.amount_minor, texts.reason(step, policy=policy)))
    return tuple(shown)


def _benefits(record: SaleRecord, policy: Policy) -> tuple[BenefitLeft, ...]:
    took = {leg.ref: leg.amount_minor for leg in record.quote.legs if leg.source == "lot"}
    gone = {leg.ref for leg in record.quote.legs if leg.source == "voucher"}
    left: dict[int, int] = {}
    for lot in record.person.lots:
        if lot.expires_s > record.tap.at_s and lot.id not in gone:
            left[lot.programme] = left.get(lot.programme, 0) + lot.remaining_minor - took.get(lot.id, 0)
    shown = []
    for programme_id, left_minor in left.items():
        programme = policy.programme(programme_id)
        if programme is not None:
            shown.append(BenefitLeft(programme_id, texts.name(programme.name), left_minor))
    return tuple(shown)
