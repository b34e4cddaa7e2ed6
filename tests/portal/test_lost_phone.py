"""Reporting a phone lost: its codes and its session die, its successor's live."""

from __future__ import annotations

from django.test import Client

from ecard.cardholders.models import Stop, StopKind
from ecard.portal.shell import OWNER_COOKIE
from tests.portal.conftest import PASSWORD, World


def signed_in_elsewhere(world: World) -> Client:
    client = Client()
    client.post("/sign-in/", {"number": world.student.number, "password": PASSWORD})
    return client


def test_a_lost_phone_is_stopped_and_signed_out_and_the_reporter_goes_on(world: World, signed_in: Client) -> None:
    lost = signed_in_elsewhere(world)
    before = signed_in.cookies[OWNER_COOKIE].value
    answer = signed_in.post("/settings/lost-phone/", {"password": PASSWORD})
    assert answer["Location"] == "/settings/lost-phone/done/"
    stop = Stop.objects.get(cardholder=world.student.cardholder)
    assert stop.kind == StopKind.CODES_BEFORE
    assert stop.made_by == world.student.user
    assert signed_in.get("/").status_code == 200
    assert lost.get("/").status_code == 302
    assert lost.get("/api/cardholder/v1/summary").status_code == 403
    assert signed_in.cookies[OWNER_COOKIE].value != before, "the page would go on with keys that are stopped"


def test_the_password_stays_what_it_was(world: World, signed_in: Client) -> None:
    signed_in.post("/settings/lost-phone/", {"password": PASSWORD})
    assert signed_in_elsewhere(world).get("/").status_code == 200


def test_whoever_finds_an_open_page_cannot_stop_the_codes(world: World, signed_in: Client) -> None:
    answer = signed_in.post("/settings/lost-phone/", {"password": "guess"})
    assert "The password is not right" in answer.content.decode()
    assert not Stop.objects.exists()


def test_another_persons_password_does_not_do(world: World, signed_in: Client) -> None:
    world.student.user.set_password("something else entirely")
    world.student.user.save()
    client = Client()
    client.force_login(world.student.user)
    client.post("/settings/lost-phone/", {"password": PASSWORD})
    assert not Stop.objects.exists()
