"""The cash desk in the admin: real requests against the real pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import close_cardholder, rename
from ecard.ledger.queries import balance_of
from ecard.payments.models import TopUp
from tests.support.campus import NOON, make_campus

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Cardholder:
    return make_campus(people=1).people[0]


@pytest.fixture
def desk() -> Client:
    """Someone who may look at cardholders and take cash, and no more."""
    return staff("view_cardholder", "take_cash", "view_topup")


def staff(*codenames: str) -> Client:
    user = User.objects.create_user("desk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def url(person: Cardholder) -> str:
    return reverse("admin:cardholders_cardholder_take_cash", args=[person.pk])


def key_in(page: HttpResponse) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{32})"', page.content.decode())
    assert found is not None
    return found[1]


def send(client: Client, person: Cardholder, data: Mapping[str, Any]) -> HttpResponse:
    return client.post(url(person), dict(data))  # type: ignore[return-value]  # the test client's own response type


def test_cash_is_taken_in_two_steps_and_told_on_a_receipt(desk: Client, person: Cardholder) -> None:
    page = desk.get(reverse("admin:cardholders_cardholder_change", args=[person.pk]))
    assert url(person) in page.content.decode()
    key = key_in(desk.get(url(person)))  # type: ignore[arg-type]  # the test client's own response type
    asked = send(desk, person, {"amount_minor": "50.5", "key": key})
    assert "¥50.50" in asked.content.decode()
    assert key_in(asked) == key
    assert not TopUp.objects.exists()
    taken = send(desk, person, {"amount_minor": "50.5", "key": key, "confirmed": "1"})
    assert taken.status_code == 302
    receipt = desk.get(taken["Location"]).content.decode()
    for text in ("¥50.50", person.name, person.number, "desk"):
        assert text in receipt
    assert balance_of(person.purse_id) == 50_50


def test_a_confirmation_sent_twice_takes_the_money_once(desk: Client, person: Cardholder) -> None:
    form = {"amount_minor": "50", "key": "a" * 32, "confirmed": "1"}
    answers = [send(desk, person, form) for _ in range(3)]
    assert len({answer["Location"] for answer in answers}) == 1
    assert balance_of(person.purse_id) == 50_00


def test_a_page_used_for_one_amount_is_not_taken_for_another(desk: Client, person: Cardholder) -> None:
    send(desk, person, {"amount_minor": "50", "key": "a" * 32, "confirmed": "1"})
    again = send(desk, person, {"amount_minor": "60", "key": "a" * 32, "confirmed": "1"})
    assert again.status_code == 200
    assert "used for another amount" in again.content.decode()
    assert balance_of(person.purse_id) == 50_00


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("", "This field is required"),
        ("abc", "An amount looks like"),
        ("0", "at most ¥2,000.00"),
        ("-5", "at most ¥2,000.00"),
        ("2000.01", "at most ¥2,000.00"),
    ],
)
@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "1"}])
def test_an_amount_that_cannot_be_is_told_and_takes_nothing(
    desk: Client, person: Cardholder, amount: str, told: str, confirmed: dict[str, str]
) -> None:
    answer = send(desk, person, {"amount_minor": amount, "key": "a" * 32, **confirmed})
    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert not TopUp.objects.exists()


def test_a_closed_account_takes_no_cash(desk: Client, person: Cardholder) -> None:
    close_cardholder(cardholder=person, at=NOON)
    assert "closed" in send(desk, person, {"amount_minor": "5", "key": "a" * 32, "confirmed": "1"}).content.decode()


def test_staff_without_the_right_neither_see_the_button_nor_reach_the_desk(person: Cardholder) -> None:
    client = staff("view_cardholder", "change_cardholder")
    page = client.get(reverse("admin:cardholders_cardholder_change", args=[person.pk]))
    assert url(person) not in page.content.decode()
    assert client.get(url(person)).status_code == 403
    assert send(client, person, {"amount_minor": "5", "key": "a" * 32, "confirmed": "1"}).status_code == 403
    assert not TopUp.objects.exists()


def test_a_name_made_of_markup_is_shown_as_text(desk: Client, person: Cardholder) -> None:
    rename(cardholder=person, name="<script>alert(1)</script>", at=NOON)
    assert b"<script>alert(1)" not in desk.get(url(person)).content


def test_a_top_up_can_be_neither_changed_nor_deleted(person: Cardholder) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    send(client, person, {"amount_minor": "50", "key": "a" * 32, "confirmed": "1"})
    made = TopUp.objects.get()
    for page in ("change", "delete"):
        address = reverse(f"admin:payments_topup_{page}", args=[made.pk])
        assert client.post(address, {"amount_minor": "1", "post": "yes"}).status_code == 403
    assert TopUp.objects.get().amount_minor == 50_00
    assert client.get(reverse("admin:payments_topup_add")).status_code == 403
