"""What would this person pay here, now or then, for this? Answered by the rules that terminals decide by.

Now, and at a moment to come, the person is as a terminal would see them that was told everything a moment ago. At a
moment gone by, money and benefits are what the ledger had then, and usage is what had been sold by then; the group
and what is known of the person are today's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from devices.core.catalogue import Catalogue
from devices.core.declines import Decline, Why
from devices.core.evaluate import evaluate, place
from devices.core.funds import Pending, PersonRow, person_state
from devices.core.journal import SaleRecord
from devices.core.messages import decode_row
from devices.core.policy import Policy, PriceRule
from devices.core.quote import Line, Lot, Person, Quote, Tap
from devices.core.rulebook import rulebook
from devices.journal.spending import Spending
from ecard.benefits.models import Grant
from ecard.benefits.queries import policy_at
from ecard.cardholders.queries import by_account_ref, deny_entries
from ecard.cardholders.values import CardholderView
from ecard.ledger.queries import balances, moved_since
from ecard.merchants.models import Outlet
from ecard.merchants.queries import catalogue_of
from ecard.settlement.models import Sale
from ecard.settlement.queries import records_of
from ecard.settlement.rules import split_record_id
from ecard.terminals.rules import business_dates
from ecard.terminals.snapshots.people import some

SALES_LOOKED_AT = 400
"""The newest sales of a person's month before the moment asked about; nobody eats more often."""
LOTS_LIMIT = 200
_MONTH = timedelta(days=45)


class CannotAsk(LookupError):
    """The question names nobody, an outlet that is not there, or a moment before the first policy."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The quote and all that it was made from. `prices` are the price rules that fit, the one that wins first.

    `stopped` says why nothing could be sold to the person whatever the basket; the quote is then None.
    """

    policy: Policy
    catalogue: Catalogue
    cardholder: CardholderView
    tap: Tap
    basket: tuple[Line, ...]
    person: Person | None
    quote: Quote | None
    stopped: Decline | None
    prices: tuple[PriceRule, ...]
    past: bool


def ask(*, account_ref: int, outlet_id: int, basket: tuple[Line, ...], at: datetime, now: datetime) -> Answer:
    """Evaluate a sale that is not made. Raises CannotAsk. A fixed number of queries; nothing is written."""
    cardholder = by_account_ref(account_ref)
    outlet = Outlet.objects.select_related("site").filter(pk=outlet_id).first()
    policy = policy_at(at)
    if cardholder is None or outlet is None or policy is None:
        raise CannotAsk("person" if cardholder is None else "outlet" if outlet is None else "policy")
    site, at_s = outlet.site, int(at.timestamp())
    tap = place(
        at_s=at_s,
        zone=ZoneInfo(site.zone),
        site=site.pk,
        outlet=outlet.pk,
        day_starts_min=site.day_starts_minute,
        policy=policy,
    )
    row = _row(cardholder, tap, dates=business_dates(at, days=[(site.zone, site.day_starts_minute)]), at=at, now=now)
    stopped = any(entry.codes_before is None for entry in deny_entries(at=now, account_refs=[account_ref]))
    state = (
        Decline(Why.STOPPED)
        if stopped
        else person_state(grant=None, row=row, snapshot_made_s=at_s, pending=Pending(), ages=policy.ages, now_s=at_s)
    )
    person = None if isinstance(state, Decline) else state
    return Answer(
        policy=policy,
        catalogue=catalogue_of(outlet.pk),
        cardholder=cardholder,
        tap=tap,
        basket=basket,
        person=person,
        quote=None if person is None else evaluate(policy=policy, person=person, tap=tap, basket=basket),
        stopped=state if isinstance(state, Decline) else None,
        prices=() if person is None else rulebook(policy).here(person, tap).prices,
        past=at < now,
    )


def _row(
    cardholder: CardholderView, tap: Tap, *, dates: tuple[date, ...], at: datetime, now: datetime
) -> PersonRow | None:
    encoded = dict(some([cardholder.account_ref], dates=dates, at=max(at, now)))[cardholder.account_ref]
    if encoded is None:
        return None
    row = decode_row(encoded)
    return row if at >= now else _as_it_was(row, cardholder, tap, at=at)


def _as_it_was(row: PersonRow, cardholder: CardholderView, tap: Tap, *, at: datetime) -> PersonRow:
    grants = list(
        Grant.objects.filter(cardholder_id=cardholder.id, issued_at__lte=at, expires_at__gt=at).order_by(
            "expires_at", "account_id"
        )[:LOTS_LIMIT]
    )
    accounts = [cardholder.purse_id, *(grant.account_id for grant in grants)]
    now_has, since = balances(accounts), moved_since(accounts, since=at)
    had = {account: now_has[account] - since.get(account, 0) for account in accounts}
    spending = Spending()
    for sale_id, record in _sold_before(cardholder.account_ref, tap, at=at).items():
        spending.add(*split_record_id(sale_id)[:1], record)
    spent = spending.of(cardholder.account_ref)
    return msgspec.structs.replace(
        row,
        purse_minor=min(row.offline_minor, max(0, had[cardholder.purse_id])),
        lots=tuple(
            Lot(grant.account_id, grant.programme_id, had[grant.account_id], int(grant.expires_at.timestamp()))
            for grant in grants
            if had[grant.account_id] > 0
        ),
        used=spent.used,
        tallies=spent.tallies,
        last_s=spent.last_s,
    )


def _sold_before(account_ref: int, tap: Tap, *, at: datetime) -> dict[int, SaleRecord]:
    """The records of what was sold before and stood, in any window that the moment falls into, by sale."""
    first = date.fromisoformat(tap.business_date).replace(day=1) - timedelta(days=7)
    sales = Sale.objects.filter(
        account_ref=account_ref,
        taken_at__lt=at,
        taken_at__gt=at - _MONTH,
        business_date__gte=first,
        suspense_minor=0,
        reversal__isnull=True,
    ).order_by("-taken_at", "-id")[:SALES_LOOKED_AT]
    return records_of(list(sales))
