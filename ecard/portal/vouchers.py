"""What a cardholder was given, with its terms in words, and giving a voucher to somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from devices.core.funds import MAX_LOTS
from devices.core.money import format_minor
from ecard.benefits.compiler import names, programme_of
from ecard.benefits.models import Grant, ProgrammeKind
from ecard.benefits.queries import policy_at
from ecard.benefits.sentences import subsidy_terms, voucher_terms
from ecard.cardholders.values import CardholderView
from ecard.ledger.queries import funds


@dataclass(frozen=True, slots=True)
class Given:
    """One grant or voucher that can still be spent; `terms` as the policy in force has them."""

    id: int
    name: str
    terms: str
    remaining_minor: int
    expires_at: datetime
    is_voucher: bool
    may_be_given: bool

    @property
    def remaining(self) -> str:
        """As money."""
        return format_minor(self.remaining_minor)


def given_to(cardholder: CardholderView, *, at: datetime, grant_id: int | None = None) -> tuple[Given, ...]:
    """What this person has, first to expire first; with `grant_id` that one alone. A fixed number of statements."""
    running = Grant.objects.filter(cardholder_id=cardholder.id, ended_at__isnull=True, expires_at__gt=at)
    if grant_id is not None:
        running = running.filter(pk=grant_id)
    related = ("sites", "outlets", "periods", "categories", "excludes")
    grants = running.select_related("programme").prefetch_related(*(f"programme__{each}" for each in related))
    found = list(grants.order_by("expires_at", "id")[:MAX_LOTS])
    if not found:
        return ()
    left = funds([grant.account_id for grant in found])
    policy, called = policy_at(at), names()
    shown = []
    for grant in found:
        money, row = left[grant.account_id], grant.programme
        if money.balance_minor <= 0:
            continue
        terms = (policy.programme(row.pk) if policy is not None else None) or programme_of(row)
        voucher = row.kind == ProgrammeKind.VOUCHER
        said = voucher_terms(terms, called, value_minor=grant.amount_minor) if voucher else subsidy_terms(terms, called)
        whole = money.available_minor == grant.amount_minor
        shown.append(
            Given(
                id=grant.pk,
                name=row.shown_name,
                terms=said[:1].upper() + said[1:],
                remaining_minor=money.balance_minor,
                expires_at=grant.expires_at,
                is_voucher=voucher,
                may_be_given=voucher and row.transferable and whole,
            )
        )
    return tuple(shown)
