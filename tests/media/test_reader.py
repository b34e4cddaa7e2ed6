"""A reader that types as a keyboard does, at the desk, in a browser: nothing is clicked between tap and tap."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from ecard.media.models import Card, CardState
from tests.support.campus import Campus, make_campus

UID = "04A1B2C3D4E5F6"


@pytest.fixture
def campus(committed_db: None) -> Campus:
    return make_campus(people=2, at=timezone.now())


@pytest.fixture
def page(site: str, campus: Campus, browser: Browser) -> Iterator[Page]:
    client = Client()
    client.force_login(User.objects.create_superuser("desk"))
    context = browser.new_context(locale="en", base_url=site)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    yield context.new_page()
    context.close()


def lay_on(page: Page, uid: str) -> None:
    """What the reader does."""
    page.keyboard.type(uid, delay=2)
    page.keyboard.press("Enter")


def test_a_tap_binds_a_second_tap_of_another_card_replaces_it(page: Page, campus: Campus) -> None:
    person = campus.people[0]
    page.goto(f"/admin/cardholders/cardholder/{person.pk}/change/")
    page.get_by_role("link", name="Bind a card").click()
    expect(page.get_by_label("Lay the card on the reader")).to_be_focused()
    lay_on(page, UID)
    expect(page.get_by_text(f"is bound to {person.name}")).to_be_visible()
    card = Card.objects.get()
    page.get_by_role("link", name=str(card), exact=True).click()
    page.get_by_role("link", name="Replace").click()
    expect(page.get_by_label("Lay the card on the reader")).to_be_focused()
    lay_on(page, "0439041101")
    expect(page.get_by_text(f"is bound in place of {card}")).to_be_visible()
    assert Card.objects.get(state=CardState.ACTIVE).pk != card.pk


def test_after_a_refusal_the_field_is_empty_and_ready_for_the_next_card(page: Page, campus: Campus) -> None:
    page.goto(f"/admin/cardholders/cardholder/{campus.people[0].pk}/change/")
    page.get_by_role("link", name="Bind a card").click()
    field = page.get_by_label("Lay the card on the reader")
    expect(field).to_be_focused()
    lay_on(page, "08A1B2C3")
    expect(page.get_by_role("alert")).to_contain_text("another number each time")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    lay_on(page, UID)
    expect(page.get_by_text("is bound to")).to_be_visible()
    assert Card.objects.get().cardholder == campus.people[0]
