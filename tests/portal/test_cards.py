"""A cardholder's own cards: seen, and stopped when one is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ecard.media.models import Card, CardState
from ecard.media.operations import bind_card, stop_card
from tests.portal.conftest import PASSWORD, World


@pytest.fixture
def card(world: World) -> Card:
    return bound(world)


def bound(world: World, place: int = 0, uid: bytes = b"student") -> Card:
    at = timezone.now() - timedelta(hours=1)
    return bind_card(cardholder=(world.student, world.other)[place].cardholder, uid=uid, by=None, at=at)


def address(card: Card) -> str:
    return f"/settings/cards/{card.pk}/stop/"


def test_a_lost_card_is_stopped_by_its_holder_after_the_password(card: Card, signed_in: Client) -> None:
    assert address(card) in signed_in.get("/settings/").content.decode()
    assert "goes on working" in signed_in.get(address(card)).content.decode()
    answer = signed_in.post(address(card), {"password": PASSWORD}, follow=True)
    assert "The card is stopped." in answer.content.decode()
    assert address(card) not in answer.content.decode()
    card.refresh_from_db()
    assert (card.state, card.stopped_by) == (CardState.STOPPED, card.cardholder.user)


def test_stopping_again_because_the_answer_was_lost_changes_nothing_and_says_so(card: Card, signed_in: Client) -> None:
    signed_in.post(address(card), {"password": PASSWORD})
    card.refresh_from_db()
    stopped_at = card.stopped_at
    again = signed_in.post(address(card), {"password": PASSWORD}, follow=True)
    assert "The card is stopped." in again.content.decode()
    card.refresh_from_db()
    assert card.stopped_at == stopped_at


def test_whoever_finds_an_open_page_cannot_stop_the_card(card: Card, signed_in: Client) -> None:
    answer = signed_in.post(address(card), {"password": "a guess"})
    assert "The password is not right." in answer.content.decode()
    card.refresh_from_db()
    assert card.state == CardState.ACTIVE


def test_stopping_somebody_elses_card_by_its_address(world: World, signed_in: Client) -> None:
    theirs = bound(world, 1, b"another")
    assert signed_in.get(address(theirs)).status_code == 404
    assert signed_in.post(address(theirs), {"password": PASSWORD}).status_code == 404
    assert address(theirs) not in signed_in.get("/settings/").content.decode()
    assert signed_in.get(f"/settings/cards/{2**63}/stop/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.state == CardState.ACTIVE


def test_the_settings_say_since_when_a_card_is_out_of_use(card: Card, signed_in: Client) -> None:
    stop_card(card=card, reason="", by=None, at=timezone.now())
    assert "out of use since" in signed_in.get("/settings/").content.decode()


def test_whoever_has_no_card_sees_nothing_of_cards(world: World, signed_in: Client) -> None:
    assert "Your cards" not in signed_in.get("/settings/").content.decode()


def test_the_settings_say_stopped_once_and_to_nobody_who_stopped_nothing(card: Card, signed_in: Client) -> None:
    assert "The card is stopped." not in signed_in.get("/settings/?stopped").content.decode()
    signed_in.post(address(card), {"password": PASSWORD})
    assert "The card is stopped." not in signed_in.get("/benefits/").content.decode()
    assert "The card is stopped." in signed_in.get("/settings/").content.decode()
    assert "The card is stopped." not in signed_in.get("/settings/").content.decode()
