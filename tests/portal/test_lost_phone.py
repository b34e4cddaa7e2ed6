"""Reporting a phone lost: its codes and its session die, its successor's live."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from ecard.cardholders.models import Stop, StopKind
from ecard.cardholders.operations import lift_stop, stop_codes
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


def test_the_page_that_says_stopped_says_until_when_and_says_it_again_after_a_reload(
    world: World, signed_in: Client
) -> None:
    signed_in.post("/settings/lost-phone/", {"password": PASSWORD})
    stopped_at = Stop.objects.get(cardholder=world.student.cardholder).before
    for _reload in range(2):
        told = signed_in.get("/settings/lost-phone/done/").content.decode()
        assert f"Codes issued until {date_format(localtime(stopped_at), 'DATETIME_FORMAT')} are refused" in told


def test_the_page_that_says_stopped_opened_by_whoever_stopped_nothing(world: World, signed_in: Client) -> None:
    at = timezone.now()
    assert signed_in.get("/settings/lost-phone/done/")["Location"] == "/settings/lost-phone/"
    stop_codes(cardholder=world.student.cardholder, before=at, by=None, reason="At the office", at=at)
    assert signed_in.get("/settings/lost-phone/done/")["Location"] == "/settings/lost-phone/", "nobody signed out"


def test_the_page_that_says_stopped_says_so_no_more_once_it_was_lifted(world: World, signed_in: Client) -> None:
    signed_in.post("/settings/lost-phone/", {"password": PASSWORD})
    lift_stop(stop=Stop.objects.get(), by=None, at=timezone.now())
    assert signed_in.get("/settings/lost-phone/done/")["Location"] == "/settings/lost-phone/"
