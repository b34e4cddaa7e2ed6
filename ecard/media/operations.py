"""Binding, stopping and replacing cards; each change is recorded for terminals in the same transaction."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from devices.core.card import NotAUid, name_of
from ecard.cardholders.models import Cardholder, CardholderState
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.codes.operations import card_key
from ecard.media.errors import CardInUse, CardReplaced, HolderClosed, NotACardNumber, TooManyCards
from ecard.media.models import REASON_LENGTH_MAX, Card, CardState
from ecard.media.rules import CARDS_MOST


@transaction.atomic
def bind_card(*, cardholder: Cardholder, uid: bytes, by: AbstractBaseUser | None, at: datetime) -> Card:
    """Give a person the card with this number. Raises NotACardNumber, CardInUse, TooManyCards, HolderClosed.

    The card that is this person's already is given as it is, so that a second tap changes nothing.
    """
    name = card_name(uid, at=at)
    _lock(cardholder)
    known = _in_use(name)
    if known is not None and known.cardholder_id == cardholder.pk:
        return known
    _make_free(known, by=by, at=at)
    if Card.objects.filter(cardholder=cardholder, state=CardState.ACTIVE).count() >= CARDS_MOST:
        raise TooManyCards(str(CARDS_MOST))
    return _bind(cardholder, name, by=by, at=at)


@transaction.atomic
def stop_card(*, card: Card, reason: str, by: AbstractBaseUser | None, at: datetime) -> bool:
    """Refuse a card for good; False where it was out of use already. The person's other cards and codes go on."""
    stopped = Card.objects.filter(pk=card.pk, state=CardState.ACTIVE).update(
        state=CardState.STOPPED,
        stopped_at=at,
        stopped_by_id=by.pk if by else None,
        reason=reason[:REASON_LENGTH_MAX],
    )
    if stopped:
        record(topic=Topic.CARDHOLDER, refs=[card.cardholder.account_ref], at=at)
    return bool(stopped)


@transaction.atomic
def replace_card(*, card: Card, uid: bytes, reason: str, by: AbstractBaseUser | None, at: datetime) -> Card:
    """Give the person another card for this one, in use or stopped, and take this one out of use; gives the new one.

    Raises NotACardNumber, CardInUse (this very card among them), CardReplaced, TooManyCards, HolderClosed.
    """
    name = card_name(uid, at=at)
    _lock(card.cardholder)
    old = Card.objects.select_for_update().get(pk=card.pk)
    if old.state == CardState.REPLACED:
        raise CardReplaced(str(old.pk))
    _make_free(_in_use(name), by=by, at=at)
    others = Card.objects.filter(cardholder_id=old.cardholder_id, state=CardState.ACTIVE).exclude(pk=old.pk)
    if others.count() >= CARDS_MOST:
        raise TooManyCards(str(CARDS_MOST))
    new = _bind(card.cardholder, name, by=by, at=at)
    if old.state == CardState.ACTIVE:
        old.stopped_at, old.stopped_by_id, old.reason = at, by.pk if by else None, reason[:REASON_LENGTH_MAX]
    old.state, old.replaced_by = CardState.REPLACED, new
    old.save(update_fields=["state", "stopped_at", "stopped_by", "reason", "replaced_by"])
    return new


def card_name(uid: bytes, *, at: datetime) -> str:
    """The name of the card with this number, under the institution's key. Raises NotACardNumber."""
    try:
        return name_of(uid, card_key=card_key(at=at))
    except NotAUid as error:
        raise NotACardNumber(str(error)) from error


def _bind(cardholder: Cardholder, name: str, *, by: AbstractBaseUser | None, at: datetime) -> Card:
    try:
        with transaction.atomic():
            card = Card.objects.create(cardholder=cardholder, name=name, bound_at=at, bound_by_id=by.pk if by else None)
    except IntegrityError:
        # Another desk was faster; where it was something else, the error stands.
        known = _in_use(name)
        if known is None:
            raise
        raise CardInUse(known) from None
    record(topic=Topic.CARDHOLDER, refs=[cardholder.account_ref], at=at)
    return card


def _make_free(card: Card | None, *, by: AbstractBaseUser | None, at: datetime) -> None:
    """Whoever's account is closed needs no card any more. Raises CardInUse for anybody else's."""
    if card is None:
        return
    if card.cardholder.state == CardholderState.ACTIVE:
        raise CardInUse(card)
    stop_card(card=card, reason="", by=by, at=at)


def _lock(cardholder: Cardholder) -> None:
    """One change of a person's cards at a time. Raises HolderClosed."""
    locked = Cardholder.objects.select_for_update(no_key=True).filter(pk=cardholder.pk)
    if locked.values_list("state", flat=True).first() != CardholderState.ACTIVE:
        raise HolderClosed(cardholder.number)


def _in_use(name: str) -> Card | None:
    return Card.objects.select_related("cardholder").filter(name=name, state=CardState.ACTIVE).first()
