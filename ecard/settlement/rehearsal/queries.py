"""Reading rehearsals: how far one has come, and any sale with both explanations.

A sale's second explanation is not kept: the person's sales of the stretch are replayed up to it, which gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from devices.core.catalogue import Catalogue
from devices.core.journal import RecordError, SaleRecord, decode_record
from devices.core.quote import Quote
from devices.core.sentences import quote_sentences
from ecard.settlement.models import Rehearsal, RehearsalPart, RehearsalPerson
from ecard.settlement.queries import policies_of
from ecard.settlement.rehearsal import given, reading, work
from ecard.settlement.rehearsal.proposal import Proposal
from ecard.settlement.rehearsal.replay import Account, PastQuote, PastSale

SALES_OF_ONE = 2_000


@dataclass(frozen=True, slots=True)
class Compared:
    """One sale: the terminal's record, and what the draft says to it."""

    sale_id: int
    taken_at: datetime
    record: SaleRecord
    quote: Quote

    @property
    def now_minor(self) -> int:
        """What the person paid."""
        return self.record.quote.leg_minor("purse")

    @property
    def draft_minor(self) -> int:
        """What the person would pay; 0 for a sale that would not be made."""
        return self.quote.leg_minor("purse")

    @property
    def same(self) -> bool:
        """Whether the same sources pay the same."""
        return self.quote.approved and set(self.record.quote.legs) == set(self.quote.legs)


def passed(rehearsal: Rehearsal) -> int:
    """How many sales workers have gone through; sales that do not count are passed over and not among them."""
    found = RehearsalPart.objects.filter(rehearsal=rehearsal).aggregate(passed=Sum("passed"))
    return int(found["passed"] or 0)


def sales_of_person(person: RehearsalPerson) -> list[Compared]:
    """All sales of one person in the stretch, oldest first; at most SALES_OF_ONE."""
    rehearsal = person.rehearsal
    proposal = work.proposal_of(rehearsal)
    account = _account(person, proposal)
    places = reading.places_of(person.account_ref, rehearsal.from_date, rehearsal.to_date, limit=SALES_OF_ONE)
    found = []
    for place, line in zip(places, reading.lines_of(places), strict=True):
        try:
            record = decode_record(line)
        except RecordError:
            continue
        if isinstance(record, SaleRecord):
            found.append(Compared(place.sale_id, place.taken_at, record, account.replay(_past(record))))
    return found


def compared(rehearsal: Rehearsal, *, account_ref: int, sale_id: int) -> Compared | None:
    """One sale of a person, or None where it is not among theirs."""
    person = RehearsalPerson.objects.filter(rehearsal=rehearsal, account_ref=account_ref).first()
    sales = sales_of_person(person) if person is not None else []
    return next((each for each in sales if each.sale_id == sale_id), None)


def explanations(
    sale: Compared, rehearsal: Rehearsal, *, language: str, catalogue: Catalogue | None
) -> tuple[list[str], list[str]]:
    """Why it cost what it did, and why it would cost what the draft says; step by step."""
    number = sale.record.quote.policy
    then = quote_sentences(
        sale.record.quote, policy=policies_of([sale.record]).get(number), language=language, catalogue=catalogue
    )
    draft = work.proposal_of(rehearsal).policy
    return then, quote_sentences(sale.quote, policy=draft, language=language, catalogue=catalogue)


def _account(person: RehearsalPerson, proposal: Proposal) -> Account:
    rehearsal, ref = person.rehearsal, person.account_ref
    spent = {
        key: reading.spent_before_by(ref, first, rehearsal.from_date)
        for key, first in work.spans_before(rehearsal).items()
    }
    return Account(
        proposal,
        given=frozenset(person.given),
        lists=tuple(person.lists),
        before={key: sums[ref] for key, sums in spent.items() if ref in sums},
        altered=given.lots_altered(work.altered_of(rehearsal), ref=ref),
    )


def _past(record: SaleRecord) -> PastSale:
    quote = record.quote
    return PastSale(
        account_ref=record.account_ref,
        person=record.person,
        tap=record.tap,
        basket=record.basket,
        quote=PastQuote(quote.policy, quote.amount_minor, quote.legs, quote.counted),
    )
