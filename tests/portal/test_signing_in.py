"""Signing in, being locked out in words, signing out, and who sees what."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page

from ecard.portal.shell import NOBODY, OWNER_COOKIE
from tests.portal.conftest import PASSWORD, World

PERSONAL = ["/", "/sales/", "/settings/", "/settings/lost-phone/", "/settings/lost-phone/done/", "/sales/1/"]


def test_a_student_signs_in_and_gets_the_code_page(world: World, client: Client) -> None:
    answer = client.post("/sign-in/", {"number": world.student.number, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    page = client.get("/")
    assert page.status_code == 200
    assert b'id="code"' in page.content


def test_the_code_page_holds_nothing_personal_since_it_is_kept_offline(world: World, signed_in: Client) -> None:
    page = signed_in.get("/").content.decode()
    assert world.student.cardholder.name not in page
    assert world.student.number not in page
    assert page == Client().get("/shell/en/").content.decode()


def test_a_wrong_password_is_told_and_signs_nobody_in(world: World, client: Client) -> None:
    answer = client.post("/sign-in/", {"number": world.student.number, "password": "guess"})
    assert "not right" in answer.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("path", "typed", "field"),
    [
        ("/sign-in/", {"number": ""}, "id_password"),
        ("/settings/lost-phone/", {"password": "guess"}, "id_password"),
    ],
)
def test_what_is_wrong_with_a_field_is_told_to_a_screen_reader(
    signed_in: Client, path: str, typed: dict[str, str], field: str
) -> None:
    page = signed_in.post(path, typed).content.decode()
    assert f'aria-describedby="{field}_error"' in page
    assert f'id="{field}_error"' in page


def test_guessing_ends_in_a_lock_told_in_words(world: World, client: Client) -> None:
    for _attempt in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post("/sign-in/", {"number": world.student.number, "password": "guess"})
    assert answer.status_code == 429
    assert "Locked for a while" in answer.content.decode()
    right = client.post("/sign-in/", {"number": world.student.number, "password": PASSWORD})
    assert right.status_code == 429
    assert "_auth_user_id" not in client.session


def test_a_lock_on_one_number_leaves_the_next_person_in_the_queue_alone(world: World, client: Client) -> None:
    for _attempt in range(settings.AXES_FAILURE_LIMIT):
        client.post("/sign-in/", {"number": world.student.number, "password": "guess"})
    assert client.post("/sign-in/", {"number": world.other.number, "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize("path", PERSONAL)
def test_without_signing_in_a_personal_page_shows_nothing(world: World, client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("path", PERSONAL[:3])
def test_a_login_without_a_card_is_told_so(world: World, client: Client, path: str) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    answer = client.get(path)
    assert answer.status_code == 403
    assert "This login has no card" in answer.content.decode()


def test_a_place_to_return_to_is_honoured_only_on_this_site(world: World, client: Client) -> None:
    own = {"number": world.student.number, "password": PASSWORD}
    assert client.post("/sign-in/", {**own, "next": "/sales/"})["Location"] == "/sales/"
    assert client.post("/sign-in/", {**own, "next": "https://example.org/"})["Location"] == "/"
    assert client.post("/sign-in/", {**own, "next": "//example.org/"})["Location"] == "/"


def test_signing_out_ends_the_session_and_has_the_browser_forget(signed_in: Client) -> None:
    answer = signed_in.post("/sign-out/")
    assert answer["Clear-Site-Data"] == '"storage"'
    assert answer.cookies[OWNER_COOKIE].value == NOBODY
    assert signed_in.get("/").status_code == 302


def test_signing_out_takes_a_deliberate_request(signed_in: Client) -> None:
    assert signed_in.get("/sign-out/").status_code == 405
    assert signed_in.get("/").status_code == 200
    guarded = Client(enforce_csrf_checks=True)
    guarded.cookies.update(signed_in.cookies)
    answer = guarded.post("/sign-out/")
    assert answer.status_code == 403
    assert "open too long" in answer.content.decode()


def test_the_owner_of_stored_keys_differs_by_person_and_tells_nothing(world: World) -> None:
    owners = set()
    for student in (world.student, world.other, world.student):
        client = Client()
        client.post("/sign-in/", {"number": student.number, "password": PASSWORD})
        owners.add(client.cookies[OWNER_COOKIE].value)
        assert student.number not in client.cookies[OWNER_COOKIE].value
    assert len(owners) == 2


def test_the_language_is_chosen_and_kept(world: World, client: Client) -> None:
    assert 'lang="en"' in client.get("/sign-in/").content.decode()
    client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/sign-in/"})
    page = client.get("/sign-in/").content.decode()
    assert 'lang="zh-hans"' in page
    assert "学号或工号" in page


def test_a_browser_that_prefers_chinese_gets_chinese(db: None, client: Client) -> None:
    page = client.get("/sign-in/", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).content.decode()
    assert 'lang="zh-hans"' in page


def test_a_double_press_sends_a_form_once(page: Page, live_world: World) -> None:
    page.goto("/sign-in/")
    press = "form.dispatchEvent(new Event('submit', {bubbles: true, cancelable: true}))"
    assert page.evaluate(
        f"() => {{ const form = document.querySelector('main form'); return [{press}, {press}]; }}"
    ) == [
        True,
        False,
    ]
