"""Reading benefits: what snapshots, posting and the cardholder's page need, set by set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import cast

from django.db.models import F

from devices.core.messages import SignedPolicy
from devices.core.policy import Policy, Window, decode_policy
from devices.core.quote import Guard, Lot
from ecard.benefits.counting import needed, needed_of_guards, usage_in, usage_of
from ecard.benefits.errors import UnknownPolicy
from ecard.benefits.models import Entitlement, Grant, GuardianLimit, Programme, PublishedPolicy
from ecard.ledger.queries import funds

__all__ = [
    "guards_of",
    "lots_of",
    "needed",
    "needed_of_guards",
    "policies_for_terminals",
    "policies_since",
    "policy_at",
    "policy_by_number",
    "sponsors_of_entitlements",
    "sponsors_of_programmes",
    "usage_in",
    "usage_of",
]

UPCOMING_LIMIT = 2
POLICIES_CACHED = 64


def policies_for_terminals(at: datetime) -> tuple[SignedPolicy, ...]:
    """The policy in force and the next two to come, in order of number; empty before the first publication."""
    started = PublishedPolicy.objects.filter(starts_at__lte=at).order_by("-number").first()
    later = PublishedPolicy.objects.filter(starts_at__gt=at, number__gt=started.number if started else 0)
    chosen = [*([started] if started else []), *later.order_by("starts_at", "-number")[:UPCOMING_LIMIT]]
    return tuple(
        SignedPolicy(each.key_id, bytes(each.signature), bytes(each.body))
        for each in sorted(chosen, key=lambda each: each.number)
    )


def policy_at(at: datetime) -> Policy | None:
    """The policy that governed, or will govern, a moment as far as is known now; None before the first."""
    started = PublishedPolicy.objects.filter(starts_at__lte=at)
    body = started.order_by("-number").values_list("body", flat=True).first()
    return None if body is None else _decoded(bytes(body))


def policies_since(at: datetime) -> list[Policy]:
    """The policy in force at `at` and those published after it, oldest first; the newest POLICIES_CACHED of them."""
    first = (
        PublishedPolicy.objects.filter(starts_at__lte=at).order_by("-number").values_list("number", flat=True).first()
    )
    newest = PublishedPolicy.objects.filter(number__gte=first or 0).order_by("-number").values_list("body", flat=True)
    return [_decoded(bytes(body)) for body in reversed(newest[:POLICIES_CACHED])]


def policy_by_number(number: int) -> Policy:
    """A published policy as a value. Raises UnknownPolicy."""
    body = PublishedPolicy.objects.filter(number=number).values_list("body", flat=True).first()
    if body is None:
        raise UnknownPolicy(number)
    return _decoded(bytes(body))


@lru_cache(maxsize=POLICIES_CACHED)
def _decoded(body: bytes) -> Policy:
    """By content, not by number: a restored database may give a number again."""
    return decode_policy(body)


def lots_of(account_refs: Iterable[int], *, at: datetime) -> dict[int, tuple[Lot, ...]]:
    """What each person has left in grants that still run, first to expire first; people without are left out.

    Two statements, whatever the number of refs; the caller bounds them.
    """
    grants = Grant.objects.filter(
        cardholder__account_ref__in=set(account_refs), ended_at__isnull=True, expires_at__gt=at
    ).order_by("expires_at", "account_id")
    rows = list(grants.values_list("cardholder__account_ref", "account_id", "programme_id", "expires_at"))
    left = funds([account_id for _ref, account_id, _programme, _expires in rows])
    lots: dict[int, tuple[Lot, ...]] = {}
    for ref, account_id, programme_id, expires_at in rows:
        remaining_minor = left[account_id].available_minor or 0
        if remaining_minor > 0:
            lot = Lot(account_id, programme_id, remaining_minor, int(expires_at.timestamp()))
            lots[ref] = (*lots.get(ref, ()), lot)
    return lots


def guards_of(account_refs: Iterable[int]) -> dict[int, tuple[Guard, ...]]:
    """The limits that guardians set and did not lift, in order of id; people without are left out. Two statements."""
    limits = (
        GuardianLimit.objects.filter(cardholder__account_ref__in=set(account_refs), lifted_at__isnull=True)
        .annotate(ref=F("cardholder__account_ref"))
        .prefetch_related("categories")
        .order_by("id")
    )
    guards: dict[int, tuple[Guard, ...]] = {}
    for each in limits:
        categories = tuple(sorted(category.pk for category in each.categories.all()))
        guard = Guard(each.pk, cast(Window, each.window), each.max_minor, each.max_count, categories)
        guards[each.ref] = (*guards.get(each.ref, ()), guard)
    return guards


def sponsors_of_programmes(programme_ids: Iterable[int]) -> dict[int, int]:
    """Programme id → the sponsor's ledger account."""
    return dict(Programme.objects.filter(pk__in=set(programme_ids)).values_list("pk", "sponsor_id"))


def sponsors_of_entitlements(entitlement_ids: Iterable[int]) -> dict[int, int]:
    """Entitlement id → the sponsor's ledger account."""
    return dict(Entitlement.objects.filter(pk__in=set(entitlement_ids)).values_list("pk", "sponsor_id"))
