"""Why a card is not bound, stopped or replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecard.media.models import Card


class MediaError(Exception):
    """The family. Nothing was changed."""


class NotACardNumber(MediaError):
    """What was typed or read is no card's number: the reader, its settings, or whoever typed."""


class ChangingNumber(MediaError):
    """The number is one of those drawn anew at each tap (a phone, a passport): such a card cannot be known again."""


class CardInUse(MediaError):
    """The card is somebody's already; `card` is the row, and the person at the desk must stop it there first."""

    def __init__(self, card: Card) -> None:
        super().__init__(f"card {card.pk} is in use")
        self.card = card


class TooManyCards(MediaError):
    """The person has as many cards in use as one may have."""


class HolderClosed(MediaError):
    """The account is closed: nobody can be bound to it."""


class CardReplaced(MediaError):
    """The card was replaced before; its successor is to be stopped or replaced instead."""
