"""What a cardholder was given, with its terms in words, and giving a voucher to somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from devices.core.funds import MAX_LOTS
from devices.core.money import format_minor
from ecard.benefits.compiler import names, programme_of
from ecard.benefits.models import Grant, Programme, ProgrammeKind
from ecard.benefits.queries import policy_at
from ecard.benefits.sentences import subsidy_terms, voucher_terms
from ecard.cardholders.values import CardholderView
from ecard.ledger.queries import funds

_PLACES = ("sites", "outlets", "periods", "categories", "excludes")


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
    # What is spent to the end runs on until it expires; it must not stand before what is not.
    unspent = running.filter(account__balance_minor__gt=0)
    found = list(unspent.select_related("programme").order_by("expires_at", "id")[:MAX_LOTS])
    left = funds([grant.account_id for grant in found])
    terms = spending_terms((grant.programme for grant in found), at=at)
    shown = []
    for grant in found:
        money, row = left[grant.account_id], grant.programme
        voucher = row.kind == ProgrammeKind.VOUCHER
        whole = money.available_minor == grant.amount_minor
        shown.append(
            Given(
                id=grant.pk,
                name=row.shown_name,
                terms=terms[row.pk](grant.amount_minor),
                remaining_minor=money.balance_minor,
                expires_at=grant.expires_at,
                is_voucher=voucher,
                may_be_given=voucher and row.transferable and whole,
            )
        )
    return tuple(shown)


def was_given_to(cardholder: CardholderView, *, grant_id: int) -> bool:
    """Whether this person ever had this voucher."""
    return Grant.objects.filter(pk=grant_id, cardholder_id=cardholder.id, ended_at__isnull=False).exists()


def spending_terms(programmes: Iterable[Programme], *, at: datetime) -> dict[int, Callable[[int], str]]:
    """Programme id → its terms in a sentence for a lot of so many minor units, as the policy in force has them.

    A fixed number of statements; none where there are no programmes.
    """
    ids = {each.pk for each in programmes}
    if not ids:
        return {}
    policy, called = policy_at(at), names()
    rows = Programme.objects.filter(pk__in=ids).prefetch_related(*_PLACES)

    def sentence(row: Programme, value_minor: int) -> str:
        terms = (policy.programme(row.pk) if policy is not None else None) or programme_of(row)
        is_voucher = row.kind == ProgrammeKind.VOUCHER
        said = voucher_terms(terms, called, value_minor=value_minor) if is_voucher else subsidy_terms(terms, called)
        return said[:1].upper() + said[1:]

    return {row.pk: partial(sentence, row) for row in rows}
