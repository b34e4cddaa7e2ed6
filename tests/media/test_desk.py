"""The desk for cards in the admin: real requests against the real pages, a reader typing."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from devices.core.card import name_of
from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import close_cardholder
from ecard.codes.operations import card_key
from ecard.media.models import Card, CardState
from ecard.media.operations import bind_card, stop_card
from tests.support.campus import NOON, make_campus

pytestmark = pytest.mark.django_db
TYPED = "04A1B2C3D4E5F6"
UID = bytes.fromhex(TYPED)
FORM = {"_form_submitted": "on"}


@pytest.fixture
def people() -> tuple[Cardholder, ...]:
    return make_campus(people=2).people


@pytest.fixture
def desk() -> Client:
    """Someone who may look at people and cards, and bind and stop cards."""
    return staff("view_cardholder", "view_card", "bind_card", "stop_card")


def staff(*codenames: str) -> Client:
    user = User.objects.create_user("desk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def bind_page(person: Cardholder) -> str:
    return reverse("admin:cardholders_cardholder_bind_card", args=[person.pk])


def card_page(card: Card, kind: str) -> str:
    return reverse(f"admin:media_card_{kind}", args=[card.pk])


def bound(person: Cardholder, uid: bytes = UID) -> Card:
    return bind_card(cardholder=person, uid=uid, by=None, at=NOON)


def test_a_tap_on_the_persons_page_binds_the_card_and_comes_back_to_the_person(
    desk: Client, people: tuple[Cardholder, ...]
) -> None:
    page = desk.get(reverse("admin:cardholders_cardholder_change", args=[people[0].pk])).content.decode()
    assert bind_page(people[0]) in page
    assert "autofocus" in desk.get(bind_page(people[0])).content.decode()
    answer = desk.post(bind_page(people[0]), {"uid": TYPED}, follow=True)
    card = Card.objects.get()
    assert (card.cardholder, card.bound_by, card.name) == (
        people[0],
        User.objects.get(username="desk"),
        name_of(UID, card_key=card_key(at=NOON)),
    )
    shown = answer.content.decode()
    assert str(card) in shown
    assert card_page(card, "change") in shown


def test_the_number_is_in_no_page_no_log_and_no_history(
    desk: Client, people: tuple[Cardholder, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = desk.post(bind_page(people[0]), {"uid": TYPED}, follow=True).content.decode()
    said += desk.post(bind_page(people[1]), {"uid": TYPED}).content.decode()
    said += desk.post(bind_page(people[1]), {"uid": TYPED + "F"}).content.decode()
    said += desk.get(card_page(Card.objects.get(), "change")).content.decode()
    said += caplog.text
    said += "".join(entry.object_repr + entry.change_message for entry in LogEntry.objects.all())
    assert LogEntry.objects.exists()
    assert TYPED.lower() not in said.lower()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("hello", "This is no card number"),
        ("1234", "This is no card number"),
        ("08A1B2C3", "shows another number each time"),
    ],
)
def test_what_is_no_lasting_number_is_refused_in_words(
    desk: Client, people: tuple[Cardholder, ...], typed: str, sentence: str
) -> None:
    page = desk.post(bind_page(people[0]), {"uid": typed}, headers={"accept-language": "en"}).content.decode()
    assert sentence in page
    assert not Card.objects.exists()


def test_a_card_in_use_is_refused_by_whose_it_is(desk: Client, people: tuple[Cardholder, ...]) -> None:
    bound(people[0])
    page = desk.post(bind_page(people[1]), {"uid": TYPED}, headers={"accept-language": "en"}).content.decode()
    assert f"in use by {people[0].name} ({people[0].number})" in page
    assert Card.objects.count() == 1


def test_a_closed_account_gets_no_card(desk: Client, people: tuple[Cardholder, ...]) -> None:
    close_cardholder(cardholder=people[0], at=NOON)
    page = desk.post(bind_page(people[0]), {"uid": TYPED}, headers={"accept-language": "en"}).content.decode()
    assert "This account is closed." in page


def test_a_reader_that_types_backwards_is_remembered_for_this_desk(
    desk: Client, people: tuple[Cardholder, ...]
) -> None:
    desk.post(bind_page(people[0]), {"uid": UID[::-1].hex(), "order": "reversed"})
    assert Card.objects.get().name == name_of(UID, card_key=card_key(at=NOON))
    assert '<option value="reversed" selected>' in desk.get(bind_page(people[1])).content.decode()


def test_a_card_is_stopped_with_a_reason_and_once(desk: Client, people: tuple[Cardholder, ...]) -> None:
    card = bound(people[0])
    for reason in ("lost on the bus", "again"):
        assert desk.post(card_page(card, "stop"), {**FORM, "reason": reason}).status_code == 200
    card.refresh_from_db()
    assert (card.state, card.reason, card.stopped_by) == (
        CardState.STOPPED,
        "lost on the bus",
        User.objects.get(username="desk"),
    )
    history = desk.get(card_page(card, "history")).content.decode()
    assert "lost on the bus" in history
    assert "again" not in history


def test_a_card_is_replaced_by_a_tap_and_both_pages_name_the_other(
    desk: Client, people: tuple[Cardholder, ...]
) -> None:
    old = bound(people[0])
    answer = desk.post(card_page(old, "replace"), {"uid": "1A2B3C4D", "reason": "broken"}, follow=True)
    old.refresh_from_db()
    new = Card.objects.get(state=CardState.ACTIVE)
    assert (old.state, old.replaced_by, old.reason) == (CardState.REPLACED, new, "broken")
    assert card_page(old, "change") in answer.content.decode()
    assert card_page(new, "change") in desk.get(card_page(old, "change")).content.decode()
    refused = desk.post(card_page(old, "replace"), {"uid": "1A2B3C5D"}, headers={"accept-language": "en"})
    assert "Replace its successor" in refused.content.decode()


def test_a_found_card_leads_to_its_holder(desk: Client, people: tuple[Cardholder, ...]) -> None:
    card, whose = bound(people[0]), reverse("admin:media_card_whose")
    assert whose in desk.get(reverse("admin:media_card_changelist")).content.decode()
    assert desk.post(whose, {"uid": TYPED})["Location"] == card_page(card, "change")
    stop_card(card=card, reason="", by=None, at=NOON)
    page = desk.post(whose, {"uid": TYPED}, headers={"accept-language": "en"}).content.decode()
    assert "nobody&#x27;s" in page or "nobody's" in page


def test_the_list_finds_cards_by_whose_they_are(desk: Client, people: tuple[Cardholder, ...]) -> None:
    first, second = bound(people[0]), bound(people[1], b"other")
    page = desk.get(reverse("admin:media_card_changelist"), {"q": people[0].number}).content.decode()
    assert card_page(first, "change") in page
    assert card_page(second, "change") not in page


@pytest.mark.parametrize("rights", [(), ("view_card", "view_cardholder"), ("stop_card", "view_cardholder")])
def test_binding_and_replacing_take_a_right_of_their_own(
    people: tuple[Cardholder, ...], rights: tuple[str, ...]
) -> None:
    card, client = bound(people[0]), staff(*rights)
    data: dict[str, Any] = {"uid": "1A2B3C4D"}
    for address in (bind_page(people[0]), card_page(card, "replace"), reverse("admin:media_card_whose")):
        assert client.post(address, data).status_code == 403
        assert client.get(address).status_code == 403
    assert Card.objects.count() == 1


def test_stopping_takes_a_right_of_its_own(people: tuple[Cardholder, ...]) -> None:
    card, client = bound(people[0]), staff("view_card", "bind_card", "view_cardholder")
    assert client.post(card_page(card, "stop"), {**FORM, "reason": "x"}).status_code == 403
    card.refresh_from_db()
    assert card.state == CardState.ACTIVE


def test_no_card_is_added_changed_or_deleted_by_hand(people: tuple[Cardholder, ...]) -> None:
    card = bound(people[0])
    root, client = User.objects.create_superuser("root"), Client()
    client.force_login(root)
    assert client.get(reverse("admin:media_card_add")).status_code == 403
    assert client.post(card_page(card, "change"), {"state": "2"}).status_code == 403
    assert client.post(card_page(card, "delete"), {"post": "yes"}).status_code == 403
