"""Guessing an administrator's password, being locked out, and being let in again."""

from __future__ import annotations

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.office.test_first_page import clerk_with

LOGIN = "/admin/login/"


def guess(client: Client, typed: str = "wrong", *, times: int = settings.AXES_FAILURE_LIMIT) -> tuple[int, str]:
    """The last answer's status and text."""
    response = None
    for _each in range(times):
        response = client.post(LOGIN, {"username": "boss", "password": typed, "next": "/admin/"})
    assert response is not None
    return response.status_code, response.content.decode()


def test_guessing_locks_out_with_a_page_that_says_what_to_do(boss: User) -> None:
    client = Client()
    status, shown = guess(client)
    assert status == 429
    assert "Locked for a while" in shown
    assert "ask another administrator" in shown
    assert guess(client, "a long password", times=1)[0] == 429


def test_the_cardholders_side_keeps_its_own_page(boss: User) -> None:
    client = Client()
    guess(client)
    response = client.post(reverse("portal:sign-in"), {"number": "boss", "password": "wrong"})
    assert "A code already on your phone goes on working." in response.content.decode()


def test_another_administrator_lets_them_in_again(boss: User, admin: Client) -> None:
    client = Client()
    guess(client)
    attempt = AccessAttempt.objects.get()
    assert "locked out" in admin.get(reverse("admin:axes_accessattempt_changelist")).content.decode()
    done = admin.post(reverse("admin:axes_accessattempt_let_in", args=[attempt.pk]), {"_form_submitted": "on"})
    assert done.headers["HX-Redirect"]
    assert guess(client, "a long password", times=1)[0] == 302


def test_a_clerk_who_may_only_look_lets_nobody_in(boss: User) -> None:
    guess(Client())
    attempt = AccessAttempt.objects.get()
    clerk = clerk_with("axes.view_accessattempt")
    address = reverse("admin:axes_accessattempt_let_in", args=[attempt.pk])
    assert clerk.post(address, {"_form_submitted": "on"}).status_code == 403
    assert AccessAttempt.objects.count() == 1


def test_what_was_typed_as_a_password_is_not_shown(boss: User, admin: Client) -> None:
    guess(Client(), "my secret guess", times=1)
    page = reverse("admin:axes_accessattempt_change", args=[AccessAttempt.objects.get().pk])
    assert "my secret guess" not in admin.get(page).content.decode()


def test_a_login_is_never_deleted(boss: User, admin: Client) -> None:
    clerk = User.objects.create_user("clerk")
    assert admin.post(reverse("admin:auth_user_delete", args=[clerk.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=clerk.pk).exists()
