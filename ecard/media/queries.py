"""Reading cards: for snapshots and for the check of what terminals upload, always a set at a time."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from ecard.ledger.arrays import array_literal
from ecard.media.models import Card, CardState
from ecard.media.rules import CARDS_MOST
from ecard.media.values import Binding

ENDED_SHOWN = 3

_IN_USE = """
SELECT person.account_ref, card.name FROM media_card AS card
JOIN cardholders_cardholder AS person ON person.id = card.cardholder_id
WHERE person.account_ref = ANY(%s::bigint[]) AND card.state = %s ORDER BY card.id
"""
_BINDINGS = """
SELECT card.id, card.name, person.account_ref, card.bound_at, card.stopped_at, card.replaced_by_id IS NOT NULL
FROM media_card AS card JOIN cardholders_cardholder AS person ON person.id = card.cardholder_id
WHERE card.name = ANY(%s::text[]) ORDER BY card.id
"""


def cards_of(account_refs: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The names of each person's cards in use, the oldest first; whoever has none is left out. One statement."""
    found: dict[int, tuple[str, ...]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_IN_USE, [array_literal(account_refs), int(CardState.ACTIVE)])
        for ref, name in cursor.fetchall():
            found[ref] = (*found.get(ref, ()), name)
    return found


def bindings(names: Iterable[str]) -> dict[str, list[Binding]]:
    """Everybody each card was ever bound to, the oldest first; no entry for a card nobody knows. One statement."""
    wanted = sorted(set(names))
    found: dict[str, list[Binding]] = {}
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(_BINDINGS, [wanted])
            for row in cursor.fetchall():
                binding = Binding._make(row)
                found.setdefault(binding.name, []).append(binding)
    return found


def card_in_use(name: str) -> Card | None:
    """The row of the card with this name that is in use now, with its holder."""
    return Card.objects.select_related("cardholder").filter(name=name, state=CardState.ACTIVE).first()


def cards_of_holder(cardholder_id: int) -> list[Card]:
    """One person's cards: those in use, then the newest that were; bounded."""
    cards = Card.objects.filter(cardholder_id=cardholder_id)
    in_use = list(cards.filter(state=CardState.ACTIVE).order_by("-id")[:CARDS_MOST])
    return in_use + list(cards.exclude(state=CardState.ACTIVE).order_by("-stopped_at", "-id")[:ENDED_SHOWN])


def own_card(cardholder_id: int, card_id: int) -> Card | None:
    """One person's card, in use or not; None for anything else, so that another's is as unknown as none."""
    return Card.objects.select_related("cardholder").filter(cardholder_id=cardholder_id, pk=card_id).first()
