"""May this presentation pay for this basket, by all that the server knows now? Reads only; whoever holds decides last.

The funds are the ledger's, not capped by the offline limit, and neither age nor a count of offline sales bounds them.
The limit per sale of the person's group does, here as at the terminal: it bounds what a lost phone can cost.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from django.db import connection

from devices.core import card
from devices.core.accept import REDRAW_S
from devices.core.declines import Decline, Why
from devices.core.evaluate import evaluate, place
from devices.core.funds import PersonRow, person_state
from devices.core.messages import Authorise, Authorised
from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.policy import EVALUATOR_VERSION, AgeStep, Policy
from devices.core.quote import Person, Quote, Tap
from devices.core.windows import keys_of
from ecard.cardholders.queries import by_account_ref, stops_in_force
from ecard.cardholders.values import CardholderView
from ecard.codes.evidence import Claim, check_evidence
from ecard.codes.rules import denial_before_s
from ecard.ledger.values import Funds
from ecard.media.queries import card_in_use
from ecard.settlement.authorising.lately import lately
from ecard.settlement.authorising.to_come import still_to_come, usage_to_come
from ecard.terminals.models import Terminal
from ecard.terminals.rules import business_dates
from ecard.terminals.snapshots.people import as_it_is

_MOST_SALES = 255
_TAKEN = """
SELECT EXISTS (SELECT FROM settlement_authorisedhold AS held
               WHERE held.presented_s = %s AND held.code_id = %s AND held.account_ref = %s
                 AND held.terminal_id <> %s AND held.state = 0)
    OR EXISTS (SELECT FROM settlement_sale AS sale
               LEFT JOIN settlement_salereversal AS undone ON undone.sale_id = sale.id
               WHERE sale.presented_s = %s AND sale.code_id = %s AND sale.account_ref = %s
                 AND sale.terminal_id <> %s AND sale.suspense_minor = 0 AND undone.id IS NULL)
"""
_AT_ONCE = (AgeStep(1, MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR),)


class OtherPolicy(Exception):
    """The terminal would decide by another policy than the server: it is late, or its clock is off."""


class Shown(NamedTuple):
    """Who presented what; a card has no code id, and is the same each time."""

    account_ref: int
    code_id: int | None = None
    presented_s: int = 0
    issued_at_s: int | None = None


class Decided(NamedTuple):
    """The answer, and what it needs to hold: (account, amount), each account once. Nothing where it declines; `tap` is
    where and when an approval counts.
    """

    answer: Authorised
    parts: tuple[tuple[int, int], ...] = ()
    tap: Tap | None = None


def shown(asked: Authorise, *, at: datetime) -> Shown | Decline:
    """Read the evidence by the server's own keys, at the time that the terminal says."""
    name = card.read_evidence(asked.evidence)
    if name is not None:
        known = card_in_use(name)
        return Shown(known.cardholder.account_ref) if known is not None else Decline(Why.CARD_UNKNOWN)
    (found,) = check_evidence(claims=[Claim(asked.evidence, asked.at_ms)], trust=lately(at).trust)
    if found.why is not None or found.timing is not None:
        return Decline(found.why or found.timing or Why.ALTERED)
    if found.key_revoked:
        return Decline(Why.KEY_REVOKED)
    code_id = int.from_bytes(found.code_id, "little", signed=True)
    return Shown(found.account_ref, code_id, found.moment_s, found.issued_at_s)


def decide(*, terminal: Terminal, asked: Authorise, who: Shown, at: datetime) -> Decided | None:
    """Evaluate by what the database says at this moment; nothing is locked or written. None where a sale of the person
    was posted while it was read. Raises OtherPolicy.
    """
    at_s, site, known = asked.at_ms // 1000, terminal.outlet.site, lately(at)
    policy = known.policy_at(at_s)
    if policy is None or policy.number != asked.policy:
        raise OtherPolicy
    cardholder = by_account_ref(who.account_ref)
    if cardholder is None or not cardholder.active:
        return Decided(declined(asked, who.account_ref, Decline(Why.STOPPED), policy=policy))
    refused = _refused(who, cardholder, terminal)
    if refused is not None:
        return Decided(declined(asked, who.account_ref, refused, policy=policy))
    dates = business_dates(at, days=[(site.zone, site.day_starts_minute)])
    # Before what is posted is counted: a sale that is posted between the two must not be missed.
    under_way = still_to_come(who.account_ref, at=at)
    row = _uncapped(*as_it_is(cardholder, dates=dates, sums=known.sums, at=at))
    if under_way and still_to_come(who.account_ref, at=at) != under_way:
        return None
    pending = usage_to_come(under_way)
    person = person_state(grant=None, row=row, snapshot_made_s=at_s, pending=pending, ages=_AT_ONCE, now_s=at_s)
    if isinstance(person, Decline):
        return Decided(declined(asked, who.account_ref, person, policy=policy))
    tap = place(
        at_s=at_s,
        zone=ZoneInfo(site.zone),
        site=site.pk,
        outlet=terminal.outlet_id,
        day_starts_min=site.day_starts_minute,
        policy=policy,
    )
    keys = keys_of(tap.business_date, tap.period)
    person = msgspec.structs.replace(person, tallies=tuple(each for each in person.tallies if each.key in keys))
    quote = evaluate(policy=policy, person=person, tap=tap, basket=asked.basket)
    return Decided(Authorised(person, quote), _parts(quote, person, purse_id=cardholder.purse_id), tap)


def declined(asked: Authorise, account_ref: int, decline: Decline, *, policy: Policy | None = None) -> Authorised:
    """A refusal before there is anything to evaluate; 0 is nobody that the server knows."""
    list_minor = sum(line.unit_minor * line.quantity for line in asked.basket)
    number = asked.policy if policy is None else policy.number
    quote = Quote(number, EVALUATOR_VERSION, list_minor, list_minor, decline=decline)
    return Authorised(Person(account_ref, 0, 0, 0), quote)


def _refused(who: Shown, cardholder: CardholderView, terminal: Terminal) -> Decline | None:
    """A stopped person, a code of before a stop, or one that was taken elsewhere."""
    stops = stops_in_force(cardholder.id)
    if None in stops:
        return Decline(Why.STOPPED)
    if who.issued_at_s is not None:
        for before in stops:
            if before is not None and who.issued_at_s < denial_before_s(before):
                return Decline(Why.DENIED)
    if who.code_id is not None and _taken_elsewhere(who, terminal):
        return Decline(Why.ALREADY_USED, {"wait_s": REDRAW_S})
    return None


def _taken_elsewhere(who: Shown, terminal: Terminal) -> bool:
    """Whether this presentation stands at another terminal; what was taken here the terminal itself knows."""
    key = [who.presented_s, who.code_id, who.account_ref, terminal.pk]
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [*key, *key])
        (taken,) = cursor.fetchone()
    return bool(taken)


def _uncapped(row: PersonRow, purse: Funds) -> PersonRow:
    return msgspec.structs.replace(
        row,
        purse_minor=max(0, purse.balance_minor - purse.held_minor),
        offline_minor=MAX_AMOUNT_MINOR,
        max_sales=_MOST_SALES,
    )


def _parts(quote: Quote, person: Person, *, purse_id: int) -> tuple[tuple[int, int], ...]:
    """What must be held for the legs: a voucher whole, since it pays once; a free meal is nobody's money."""
    left = {lot.id: lot.remaining_minor for lot in person.lots}
    parts: dict[int, int] = {}
    for leg in quote.legs:
        if leg.source == "purse":
            parts[purse_id] = parts.get(purse_id, 0) + leg.amount_minor
        elif leg.source == "voucher":
            parts[leg.ref] = left[leg.ref]
        elif leg.source == "lot":
            parts[leg.ref] = parts.get(leg.ref, 0) + leg.amount_minor
    return tuple(sorted(parts.items()))
