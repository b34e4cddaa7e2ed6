"""What cannot be answered is said in our words and colours, in the reader's language, and leads on."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ecard.cardholders.models import Cardholder
from tests.support.settling import World

CHINESE = {"accept-language": "zh-hans"}
OVERVIEW = 'href="/admin/"'


def said(answer: Any, status: int, heading: str) -> str:
    """The page, which is one of ours and says `heading`."""
    page: str = answer.content.decode()
    assert answer.status_code == status
    assert "portal/portal.css" in page
    assert heading in page
    return page


def test_a_list_asked_by_a_field_of_another_table_says_that_it_was_not_understood(admin: Client, world: World) -> None:
    page = reverse("admin:cardholders_cardholder_changelist")
    for query in ("user__password__startswith=p", "_to_field=x"):
        shown = said(admin.get(f"{page}?{query}"), 400, "This could not be read")
        assert OVERVIEW in shown
        assert "password" not in shown


def test_more_than_a_page_takes_is_refused_in_words_and_changes_nothing(admin: Client, world: World) -> None:
    person = world.person()
    page = reverse("admin:cardholders_cardholder_change", args=[person.pk])
    shown = said(admin.post(page, {f"x{number}": "" for number in range(2_001)}), 400, "too much was sent at once")
    assert OVERVIEW in shown
    said(admin.post(page, {"name": "x" * (4 * 1024 * 1024)}), 400, "too much was sent at once")
    assert Cardholder.objects.get(pk=person.pk).name == person.name


def test_a_page_left_open_until_its_session_ended_leads_back_into_administration(boss: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss)
    for page in (reverse("admin:merchants_site_add"), reverse("admin:login")):
        assert OVERVIEW in said(client.post(page, {}), 403, "This page had been open too long")
    assert OVERVIEW not in said(client.post("/sign-out/"), 403, "This page had been open too long")


def test_a_page_one_may_not_see_and_one_that_is_none_lead_back_to_the_overview(db: None) -> None:
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    assert OVERVIEW in said(clerk.get(reverse("office-budgets")), 403, "You may not see this")
    assert OVERVIEW in said(clerk.get("/admin/nothing/"), 404, "There is nothing here")
    assert OVERVIEW not in said(Client().get("/nothing/"), 404, "There is nothing here")


def test_it_is_said_in_chinese(admin: Client) -> None:
    assert "这里什么也没有" in said(admin.get("/admin/nothing/", headers=CHINESE), 404, '<html lang="zh-hans"')
    refused = admin.get(reverse("admin:cardholders_cardholder_changelist"), {"_to_field": "x"}, headers=CHINESE)
    assert "回到总览" in said(refused, 400, '<html lang="zh-hans"')


def test_a_fault_of_ours_is_said_in_our_words(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_asked: object) -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr("ecard.office.budgets.forecasts", fault)
    admin.raise_request_exception = False
    for headers, heading in (({}, "Something went wrong on our side"), (CHINESE, "我们这边出错了")):
        shown = said(admin.get(reverse("office-budgets"), headers=headers), 500, heading)
        assert "secret" not in shown
