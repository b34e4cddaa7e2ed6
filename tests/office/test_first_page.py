"""What an administrator sees first, and that nobody sees what they may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ecard.ledger.operations import set_floor
from ecard.office import navigation, queries
from ecard.settlement.models import ExceptionState, SaleException
from ecard.terminals.models import Terminal
from tests.support.campus import NOON
from tests.support.settling import World, make_till

INDEX = "/admin/"


def clerk_with(*permissions: str) -> Client:
    """A member of staff with these rights and no other."""
    user = User.objects.create_user(f"clerk of {' '.join(permissions)}"[:100], is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


def shown_to(client: Client) -> str:
    response = client.get(INDEX)
    assert response.status_code == 200
    return response.content.decode()


def test_the_first_page_tells_sales_exceptions_and_keys(admin: Client, world: World) -> None:
    till = make_till(world)
    till.sell(0, 12_50)
    till.sell(1, 400_00)
    till.upload()
    world.settle()
    day = queries.sales_on(queries.business_date(NOON))
    assert (day.count, day.amount_minor) == (2, 412_50)
    shown = shown_to(admin)
    assert "up to date" in shown
    assert SaleException.objects.filter(state=ExceptionState.OPEN).count() == 1
    assert "Sales that finance has to look at" in shown
    assert "#1" in shown


def test_unsent_records_lead_to_the_terminals_with_the_most_of_them_first(admin: Client, world: World) -> None:
    till = make_till(world)
    never, few, most = (
        Terminal.objects.create(name=name, outlet=till.terminal.outlet, unsent_count=unsent, created_at=NOON)
        for name, unsent in (("new", None), ("a", 2), ("b", 9))
    )
    cards = admin.get(INDEX).context["cards"]
    (led,) = [card.link for card in cards if card.icon == "cloud_upload"]
    listed = list(admin.get(led).context["cl"].result_list)
    assert [each for each in listed if each in (never, few, most)] == [most, few, never]
    (matters,) = [card.link for card in cards if card.icon == "report"]
    assert str(ExceptionState.OPEN.label) in admin.get(matters).content.decode()
    assert admin.get(matters).context["cl"].get_filters_params() == {"state__exact": ["1"]}


def test_a_reversed_sale_is_not_counted_as_sold(world: World) -> None:
    till = make_till(world)
    till.reverse(till.sell(0, 12_50))
    till.upload()
    world.settle()
    assert queries.sales_on(queries.business_date(NOON)).count == 0


def test_what_waits_for_posting_is_told(world: World) -> None:
    till = make_till(world)
    till.sell(0, 5_00)
    till.upload()
    assert queries.posting().waiting_records == 2
    world.settle()
    assert queries.posting().waiting_records == 0
    assert queries.posting().newest_at == world.at


def test_the_ceiling_is_money_up_to_the_limit_and_benefits_for_each_terminal_out_of_contact(world: World) -> None:
    make_till(world)
    make_till(world, number=2, other_outlet=True)
    Terminal.objects.update(last_seen_at=NOON)
    assert queries.offline_ceiling(NOON).amount_minor == 0
    Terminal.objects.update(last_seen_at=None)
    # four people with 100.00 each, below their limit of 200.00, and 5.00 of subsidy
    ceiling = queries.offline_ceiling(NOON)
    assert (ceiling.per_island_minor, ceiling.islands, ceiling.amount_minor) == (420_00, 2, 840_00)


def test_a_debt_that_a_purse_may_run_into_is_no_part_of_the_ceiling(world: World) -> None:
    make_till(world)
    Terminal.objects.update(last_seen_at=None)
    before = queries.offline_ceiling(NOON)
    set_floor(account_id=world.person(0).purse_id, floor_minor=-50_00)
    assert queries.offline_ceiling(NOON) == before


def test_the_first_page_asks_no_more_when_the_campus_grows(admin: Client, fill: Callable[[int], None]) -> None:
    fill(1)
    shown_to(admin)
    with CaptureQueriesContext(connection) as few:
        shown_to(admin)
    fill(5)
    with CaptureQueriesContext(connection) as many:
        shown_to(admin)
    assert len(many) <= len(few)
    for query in many.captured_queries:
        assert "settlement_saleexception" not in query["sql"] or "LIMIT" in query["sql"]


def test_staff_without_rights_see_nothing(world: World) -> None:
    clerk = clerk_with()
    shown = shown_to(clerk)
    assert "You may not see anything here yet." in shown
    assert "office-card" not in shown.replace("office-cards", "")
    for model in site._registry:
        meta = model._meta
        name = f"admin:{meta.app_label}_{meta.model_name}"
        assert clerk.get(reverse(f"{name}_changelist")).status_code == 403, name
        assert clerk.get(reverse(f"{name}_add")).status_code == 403, name
        record = model._default_manager.order_by("pk").first()
        if record is not None:
            assert clerk.get(reverse(f"{name}_change", args=[record.pk])).status_code == 403, name


def test_somebody_who_is_not_staff_is_sent_to_sign_in(world: World) -> None:
    client = Client()
    client.force_login(User.objects.create_user("student"))
    assert client.get(INDEX).status_code == 302


@pytest.mark.parametrize(
    ("right", "seen", "unseen"),
    [
        ("settlement.view_saleexception", "Open exceptions", "Sold today"),
        ("terminals.view_terminal", "Terminals online", "Key list"),
        ("codes.view_issuerkey", "Key list", "Offline ceiling"),
    ],
)
def test_a_right_shows_its_card_and_its_list_alone(world: World, right: str, seen: str, unseen: str) -> None:
    shown = shown_to(clerk_with(right))
    assert seen in shown
    assert unseen not in shown
    assert re.findall(r'href="(/admin/cardholders/[^"]*)"', shown) == []


def test_every_list_is_in_the_sidebar_once(admin: Client, boss: User) -> None:
    request = HttpRequest()
    request.user = boss
    links = [item["link"] for group in navigation.sidebar(request) for item in group["items"]]
    wanted = {reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in site._registry}
    entries = [entry for section in navigation.SECTIONS for entry in section.entries]
    pages = {reverse(entry.address) for entry in entries if isinstance(entry, navigation.Page)}
    assert sorted(links) == sorted({*wanted, *pages, INDEX})


def test_open_matters_are_counted_in_the_sidebar(admin: Client, boss: User, world: World) -> None:
    till = make_till(world)
    till.sell(1, 400_00)
    till.upload()
    world.settle()
    request = HttpRequest()
    request.user = boss
    badges = {item["link"]: item.get("badge") for group in navigation.sidebar(request) for item in group["items"]}
    assert badges[reverse("admin:settlement_saleexception_changelist")] == "1"
    assert badges[reverse("admin:settlement_quarantinedbatch_changelist")] is None


def test_the_admin_wears_the_colours_of_the_design_tokens() -> None:
    tokens = dict(
        re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", (Path("devices/design/tokens.css")).read_text().split("@media")[0])
    )
    colours = settings.UNFOLD["COLORS"]
    assert colours["primary"]["600"] == tokens["brand"]
    assert colours["primary"]["700"] == tokens["brand-strong"]
    assert colours["primary"]["100"] == tokens["brand-soft"]
    assert colours["base"]["50"] == tokens["ground"]
    assert colours["base"]["300"] == tokens["line"]
    assert colours["base"]["600"] == tokens["ink-soft"]


def test_a_card_leads_only_where_its_reader_may_go(admin: Client, world: World) -> None:
    """Whoever sees sales sees how far posting is, and need not be one who looks at uploads."""
    batches = reverse("admin:settlement_batch_changelist")
    told = shown_to(clerk_with("settlement.view_sale"))
    assert "Last posted" in told
    assert batches not in told
    assert batches in shown_to(clerk_with("settlement.view_sale", "settlement.view_batch"))
