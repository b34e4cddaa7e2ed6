"""Reading benefits: what snapshots, posting and the cardholder's page need, set by set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from django.db import connection

from devices.core.messages import SignedPolicy
from devices.core.policy import Policy, decode_policy
from devices.core.quote import Guard, Lot
from ecard.benefits.counting import needed, needed_of_guards, usage_in, usage_of
from ecard.benefits.errors import UnknownPolicy
from ecard.benefits.models import Entitlement, Programme, PublishedPolicy
from ecard.ledger.arrays import array_literal
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

# Thousands of refs at once, as an array: the ORM's IN takes longer than the database.
_LOTS = """
SELECT person.account_ref, lot.account_id, lot.programme_id, floor(extract(epoch FROM lot.expires_at))::bigint
FROM benefits_grant AS lot JOIN cardholders_cardholder AS person ON person.id = lot.cardholder_id
WHERE person.account_ref = ANY(%s::bigint[]) AND lot.ended_at IS NULL AND lot.expires_at > %s
ORDER BY lot.expires_at, lot.account_id
"""
_GUARDS = """
SELECT person.account_ref, guard.id, guard."window", guard.max_minor, guard.max_count,
       ARRAY(SELECT category_id FROM benefits_guardianlimit_categories WHERE guardianlimit_id = guard.id ORDER BY 1)
FROM benefits_guardianlimit AS guard JOIN cardholders_cardholder AS person ON person.id = guard.cardholder_id
WHERE person.account_ref = ANY(%s::bigint[]) AND guard.lifted_at IS NULL ORDER BY guard.id
"""

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
    with connection.cursor() as cursor:
        cursor.execute(_LOTS, [array_literal(set(account_refs)), at])
        rows = cursor.fetchall()
    left = funds([account_id for _ref, account_id, _programme, _expires_s in rows])
    lots: dict[int, tuple[Lot, ...]] = {}
    for ref, account_id, programme_id, expires_s in rows:
        remaining_minor = left[account_id].available_minor or 0
        if remaining_minor > 0:
            lot = Lot(account_id, programme_id, remaining_minor, expires_s)
            lots[ref] = (*lots.get(ref, ()), lot)
    return lots


def guards_of(account_refs: Iterable[int]) -> dict[int, tuple[Guard, ...]]:
    """The limits that guardians set and did not lift, in order of id; people without are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_GUARDS, [array_literal(set(account_refs))])
        rows = cursor.fetchall()
    guards: dict[int, tuple[Guard, ...]] = {}
    for ref, guard_id, window, max_minor, max_count, categories in rows:
        guards[ref] = (*guards.get(ref, ()), Guard(guard_id, window, max_minor, max_count, tuple(categories)))
    return guards


def sponsors_of_programmes(programme_ids: Iterable[int]) -> dict[int, int]:
    """Programme id → the sponsor's ledger account."""
    return dict(Programme.objects.filter(pk__in=set(programme_ids)).values_list("pk", "sponsor_id"))


def sponsors_of_entitlements(entitlement_ids: Iterable[int]) -> dict[int, int]:
    """Entitlement id → the sponsor's ledger account."""
    return dict(Entitlement.objects.filter(pk__in=set(entitlement_ids)).values_list("pk", "sponsor_id"))
