"""Guessing an administrator's password, being locked out, and being let in again."""

from __future__ import annotations

import re

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import Group, User
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


def login_form(user: User, **given: object) -> dict[str, object]:
    """What the page of a login sends."""
    joined = user.date_joined
    return {
        "username": user.username,
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": joined.date().isoformat(),
        "date_joined_1": joined.time().isoformat("seconds"),
        "site_rights-TOTAL_FORMS": 0,
        "site_rights-INITIAL_FORMS": 0,
        **given,
    }


def test_whoever_may_change_logins_makes_nobody_a_superuser_nor_becomes_one(db: None) -> None:
    clerk = clerk_with("auth.change_user", "auth.view_user", "auth.add_user")
    greedy = User.objects.get(is_staff=True)
    page = reverse("admin:auth_user_change", args=[greedy.pk])
    assert clerk.post(page, login_form(greedy, username="greedy", is_superuser="on", first_name="x")).status_code == 302
    greedy.refresh_from_db()
    assert (greedy.first_name, greedy.is_superuser) == ("x", False)


def test_a_superusers_password_is_set_by_no_other_login(boss: User) -> None:
    clerk = clerk_with("auth.change_user", "auth.view_user")
    new = {"usable_password": "true", "password1": "a new long password", "password2": "a new long password"}
    assert clerk.post(reverse("admin:auth_user_password_change", args=[boss.pk]), new).status_code == 403
    page = reverse("admin:auth_user_change", args=[boss.pk])
    assert clerk.post(page, login_form(boss, username="mine")).status_code == 403
    assert clerk.get(page).status_code == 200
    boss.refresh_from_db()
    assert boss.check_password("a long password")


@pytest.mark.parametrize(("page", "field"), [("auth_user", "user_permissions"), ("auth_group", "permissions")])
def test_rights_are_chosen_by_typing_and_none_is_lost_by_a_click(
    boss: User, admin: Client, page: str, field: str
) -> None:
    """A plain list of several loses what is chosen when one forgets to hold a key."""
    record = boss if page == "auth_user" else Group.objects.create(name="clerks")
    shown = admin.get(reverse(f"admin:{page}_change", args=[record.pk])).content.decode()
    (chosen,) = re.findall(rf"<select[^>]*name=\"{field}\"[^>]*>", shown)
    assert "unfold-admin-autocomplete" in chosen
    assert "select2.init.js" in shown
