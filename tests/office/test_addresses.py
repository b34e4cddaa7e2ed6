"""Addresses as people mistype them, and links as a role meets them: never a fault, never a dead end."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group as RightsGroup
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from ecard.approvals.models import Approval
from ecard.cardholders.models import Cardholder, PersonList
from ecard.imports.models import ImportBatch
from ecard.merchants.models import CalendarImport, Merchant, Product
from ecard.settlement.models import Sale, TerminalNote
from tests.support.settling import World

SUGGESTIONS = "/admin/autocomplete/?app_label=benefits&model_name=programme&field_name={}&{}"
MISTYPED = ("x", "9" * 5_000, "99999-01-01")
OWN_PAGES = (
    "/admin/ask/?person=M&outlet={}",
    "/admin/ask/?person=M&outlet=1&amount_minor={}",
    "/admin/ask/?person=M&outlet=1&amount_minor=5&at_0={}&at_1=12:00",
    "/admin/ask/?person=M&outlet=1&amount_minor=5&at_0=2026-11-01&at_1={}",
    "/admin/benefits/programme/add/?outlets={}",
    "/admin/benefits/programme/add/?sponsor={}",
    "/admin/benefits/programme/add/?percent_bp={}",
    "/admin/budgets/?page={}",
    "/admin/history/rulechange/?by={}",
    "/admin/history/rulechange/?kind={}&before={}",
    "/admin/imports/importbatch/begin/?kind={}",
    "/admin/imports/importbatch/export/?kind={}",
    "/admin/merchants/calendarday/add/?site={}&date={}",
    "/admin/merchants/calendarday/import/?site={}",
    "/admin/merchants/calendarday/year/?site={}&year={}",
    "/admin/search/?s=x&page={}",
    "/admin/templates/?for={}",
)
"""Ours that read what stands behind the question mark, each with a place for what is mistyped."""

SAYS_SO = "This address asks for what the list does not know; all of it is shown."


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_an_address_with_no_number_is_not_found(admin: Client) -> None:
    for model in site._registry:
        for typed in ("abc/change/", "1%00/change/", "_5F/change/", "1.5/history/"):
            assert admin.get(f"{list_of(model)}{typed}").status_code == 404, (model, typed)
        assert admin.post(f"{list_of(model)}abc/change/", {}).status_code == 404, model


def test_a_number_greater_than_any_leads_back_to_the_overview(admin: Client) -> None:
    for model in site._registry:
        answer = admin.get(f"{list_of(model)}{'9' * 30}/change/")
        assert answer.status_code == 302, model
        assert answer["Location"] == reverse("admin:index"), model


def test_a_list_asked_with_a_character_no_database_takes_is_not_found(admin: Client) -> None:
    for model in site._registry:
        assert admin.get(f"{list_of(model)}?state__exact=%00").status_code == 404, model
    assert admin.get(f"{list_of(Approval)}?%00=1").status_code == 404


def test_own_pages_answer_whatever_is_typed_behind_the_question_mark(admin: Client, world: World) -> None:
    for page in OWN_PAGES:
        for typed in MISTYPED:
            answer = admin.get(page.replace("{}", typed))
            assert answer.status_code == 200, (page, typed)


def test_what_a_file_would_change_is_shown_from_its_first_page_whatever_page_is_typed(
    admin: Client, fill: Callable[[int], None]
) -> None:
    fill(1)
    page = f"{list_of(ImportBatch)}{ImportBatch.objects.get().pk}/change/"
    for typed in MISTYPED:
        answer = admin.get(page, {"p": typed, "only": typed})
        assert answer.context["page"].number == 1, typed


@pytest.mark.parametrize("typed", ["z", "0", "-1", "2", "9" * 30])
def test_a_search_asked_for_a_page_that_is_none_shows_the_first(admin: Client, typed: str) -> None:
    whole = admin.get("/admin/search/", {"s": "terminal"}).content
    assert b"/admin/terminals/terminal/" in whole
    assert admin.get("/admin/search/", {"s": "terminal", "page": typed}).content == whole


def test_suggestions_are_given_for_what_forms_ask(admin: Client, world: World) -> None:
    outlet = world.campus.outlet
    found = admin.get(SUGGESTIONS.format("outlets", f"term={outlet.code}")).json()["results"]
    assert {"id": str(outlet.pk), "text": str(outlet)} in found
    assert admin.get(SUGGESTIONS.format("outlets", "term=nothing is called so")).json()["results"] == []


@pytest.mark.parametrize(
    ("field", "query", "status"),
    [
        ("outlets", "term=%00", 404),
        ("sponsor", "term=%00", 404),
        ("outlets", "page=z", 404),
        ("outlets", "page=" + "9" * 5_000, 404),
        ("grants", "term=x", 404),
        ("name", "term=x", 403),
        ("%00", "term=x", 403),
    ],
)
def test_suggestions_for_what_no_form_asks_are_not_found(admin: Client, field: str, query: str, status: int) -> None:
    assert admin.get(SUGGESTIONS.format(field, query)).status_code == status


@pytest.mark.parametrize("query", ["id=x", "e=1&id=x", "asked_at__gte=yesterday"])
def test_a_list_that_cannot_be_narrowed_so_says_it_and_shows_all(
    admin: Client, fill: Callable[[int], None], query: str
) -> None:
    fill(1)
    answer = admin.get(f"{list_of(Approval)}?{query}")
    said = answer.content.decode()
    assert answer.status_code == 200
    assert SAYS_SO in said
    assert "database" not in said
    assert answer.context["cl"].result_count == Approval.objects.count()


def test_a_list_has_its_own_name_and_offers_all_of_it_only_where_something_is_left_out(
    admin: Client, world: World
) -> None:
    whole = admin.get(list_of(Cardholder)).content.decode()
    assert "Select cardholder" not in whole
    assert re.search(r"<title>\s*Cardholders \|", whole)
    assert "Show all" not in whole
    some = admin.get(list_of(Cardholder), {"q": world.person().number}).content.decode()
    assert "1 result" in some
    assert "Show all" in some


def test_amounts_are_typed_beside_their_unit(admin: Client) -> None:
    assert "Price (¥)" in admin.get(reverse("admin:merchants_product_add")).content.decode()
    assert "Plus (¥)" in admin.get(reverse("admin:benefits_pricerule_add")).content.decode()


def test_columns_are_not_called_what_the_same_english_means_elsewhere(admin: Client, world: World) -> None:
    for model, wrong in ((PersonList, "收款方式"), (CalendarImport, ">从<")):
        page = admin.get(list_of(model), headers={"accept-language": "zh-hans"}).content.decode()
        assert wrong not in re.sub(r"\s*\n\s*", "", page), model


def test_a_role_is_led_only_where_it_may_go(admin: Client, fill: Callable[[int], None]) -> None:
    """A canteen manager looks at people, sales and merchants, and not at the ledger's accounts or at uploads."""
    fill(1)
    user = User.objects.create_user("manager", is_staff=True)
    user.groups.add(RightsGroup.objects.get(name__contains="Canteen manager"))
    manager = Client()
    manager.force_login(user)
    pages: list[str] = [list_of(Merchant)]
    for model in (Cardholder, PersonList, Product, Sale, TerminalNote):
        newest: Any = model._default_manager.order_by("-pk").first()
        pages.append(f"{list_of(model)}{newest.pk}/change/")
    followed = set()
    for page in pages:
        for address in links_on(manager, page):
            if address not in followed:
                assert manager.get(address).status_code == 200, (page, address)
                followed.add(address)
    assert any(address.startswith(reverse("admin:settlement_sale_changelist")) for address in followed)
    accounts = reverse("admin:ledger_account_changelist")
    assert not any(address.startswith(accounts) for address in followed)
    assert any(address.startswith(accounts) for address in links_on(admin, list_of(Merchant)))


def links_on(client: Client, page: str) -> list[str]:
    """Where the page itself leads, its own buttons and the sidebar aside."""
    found = re.findall(
        r'class="text-primary-600 dark:text-primary-500" href="([^"]+)"', client.get(page).content.decode()
    )
    return [unescape(address) for address in found]
