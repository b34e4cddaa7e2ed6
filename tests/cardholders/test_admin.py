"""The administrator's pages for people, places and the ledger: real requests against the real admin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ecard.cardholders import operations, queries
from ecard.cardholders.models import Cardholder, CardholderState, Group, Stop
from ecard.cardholders.values import NewCardholder
from ecard.changes.operations import number_committed
from ecard.ledger import operations as ledger
from ecard.ledger.models import Account, AccountKind, CauseKind, Hold, Transfer, TransferKind
from ecard.ledger.values import NewTransfer
from ecard.merchants import operations as merchants
from ecard.merchants.models import MealPeriod, Merchant, Outlet, Site

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


@pytest.fixture
def group() -> Group:
    price_class = operations.make_price_class(code=1, name="学生", name_en="student")
    return operations.save_group(
        code="students",
        name="学生",
        name_en="Students",
        price_class=price_class,
        offline_limit_minor=10_000,
        per_sale_limit_minor=5_000,
        max_offline_sales=10,
        at=AT,
    )


@pytest.fixture
def people(group: Group) -> list[Cardholder]:
    """Twelve people with 12.34 each, and one sale of 2.00 by the first."""
    new = [NewCardholder(number=f"2026{index:04d}", name="张三", group_id=group.pk) for index in range(12)]
    opened = operations.open_cardholders(people=new, at=AT)
    desk = ledger.house_account(kind=AccountKind.CASH_DESK)
    ledger.post(
        transfers=[
            NewTransfer(desk, one.purse_id, 1_234, TransferKind.TOP_UP, CauseKind.TOP_UP, one.pk) for one in opened
        ],
        at=AT,
    )
    shop = merchants.save_merchant(code="noodles", name="面馆").account_id
    sale = NewTransfer(opened[0].purse_id, shop, 200, TransferKind.SALE_PURSE, CauseKind.SALE, 4_242)
    ledger.post(transfers=[sale], at=AT)
    ledger.place_hold(
        account_id=opened[1].purse_id, amount_minor=34, key="order 1", at=AT, expires_at=AT + timedelta(days=1)
    )
    return opened


def page(client: Client, name: str, *args: object, query: str = "") -> str:
    response = client.get(reverse(f"admin:{name}", args=args) + query)
    assert response.status_code == 200
    return response.content.decode()


def answer(client: Client, name: str, data: Mapping[str, object], *args: object) -> HttpResponse:
    response = client.post(reverse(f"admin:{name}", args=args), dict(data))
    assert isinstance(response, HttpResponse)
    return response


INLINES_UNTOUCHED = {f"{name}-{count}_FORMS": 0 for name in ("cards", "stops") for count in ("TOTAL", "INITIAL")}


def test_cardholders_are_listed_with_their_balance_as_money(admin: Client, people: list[Cardholder]) -> None:
    shown = page(admin, "cardholders_cardholder_changelist")
    assert shown.count("¥12.34") == 11
    assert "¥10.34" in shown


@pytest.mark.parametrize(
    "name",
    [
        "cardholders_cardholder",
        "ledger_account",
        "ledger_transfer",
        "ledger_hold",
        "changes_change",
        "merchants_outlet",
    ],
)
def test_a_list_asks_no_more_questions_when_it_grows(
    admin: Client, people: list[Cardholder], group: Group, name: str
) -> None:
    page(admin, f"{name}_changelist")
    with CaptureQueriesContext(connection) as few:
        page(admin, f"{name}_changelist")
    more = [NewCardholder(number=f"more{index}", name="李四", group_id=group.pk) for index in range(20)]
    desk = ledger.house_account(kind=AccountKind.CASH_DESK)
    for one in operations.open_cardholders(people=more, at=AT):
        top_up = NewTransfer(desk, one.purse_id, 100, TransferKind.TOP_UP, CauseKind.TOP_UP, one.pk)
        ledger.post(transfers=[top_up], at=AT)
    with CaptureQueriesContext(connection) as many:
        page(admin, f"{name}_changelist")
    assert len(many) <= len(few)


@pytest.mark.parametrize("text", ["20260003", "zhangs", "zs", "张"])
def test_a_cardholder_is_found_by_number_pinyin_initials_or_name(
    admin: Client, people: list[Cardholder], text: str
) -> None:
    assert "20260003" in page(admin, "cardholders_cardholder_changelist", query=f"?q={text}")
    assert "20260003" not in page(admin, "cardholders_cardholder_changelist", query="?q=lisi")


def test_a_cardholder_opened_in_admin_has_a_purse(admin: Client, group: Group) -> None:
    data = {"number": "77", "name": "王五", "group": group.pk, "user": "", **INLINES_UNTOUCHED}
    assert answer(admin, "cardholders_cardholder_add", data).status_code == 302
    person = Cardholder.objects.get(number="77")
    assert person.name_sort == "wang wu"
    assert person.purse.label == "purse 77"


def test_a_cardholder_changed_in_admin_is_told_to_terminals(admin: Client, people: list[Cardholder]) -> None:
    staff = operations.save_group(
        code="staff",
        name="教工",
        price_class=people[0].group.price_class,
        offline_limit_minor=0,
        per_sale_limit_minor=0,
        max_offline_sales=0,
        debt_floor_minor=-100,
        at=AT,
    )
    number_committed(at=AT)
    data = {"name": "张大三", "group": staff.pk, "user": "", **INLINES_UNTOUCHED}
    assert answer(admin, "cardholders_cardholder_change", data, people[0].pk).status_code == 302
    people[0].refresh_from_db()
    assert (people[0].name_initials, people[0].group) == ("zds", staff)
    assert people[0].purse.floor_minor == -100
    assert number_committed(at=AT) == 2


def test_a_lost_phone_is_stopped_from_the_cardholders_page(admin: Client, people: list[Cardholder]) -> None:
    url = "cardholders_cardholder_stop_codes"
    asked = admin.get(reverse(f"admin:{url}", args=[people[0].pk]))
    assert "Reason" in asked.content.decode()
    done = answer(admin, url, {"reason": "lost on the bus", "_form_submitted": "on"}, people[0].pk)
    assert done.headers["HX-Redirect"]
    stop = Stop.objects.get()
    assert (stop.cardholder, stop.reason, stop.made_by) == (people[0], "lost on the bus", User.objects.get())
    assert "lost on the bus" in page(admin, "cardholders_cardholder_change", people[0].pk)


def test_a_stop_is_lifted_from_its_page(admin: Client, people: list[Cardholder]) -> None:
    stop = operations.stop_account(cardholder=people[0], by=None, reason="stolen", at=AT)
    answer(admin, "cardholders_stop_lift", {"_form_submitted": "on"}, stop.pk)
    assert queries.deny_entries(at=AT) == []


def test_an_account_with_money_is_not_closed_from_its_page(admin: Client, people: list[Cardholder]) -> None:
    answer(admin, "cardholders_cardholder_close", {"_form_submitted": "on"}, people[0].pk)
    people[0].refresh_from_db()
    assert people[0].state == CardholderState.ACTIVE


def test_a_clerk_who_may_only_look_cannot_stop_or_lift(people: list[Cardholder]) -> None:
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    stop = operations.stop_account(cardholder=people[0], by=None, reason="stolen", at=AT)
    form = {"reason": "x", "_form_submitted": "on"}
    for name, key in (("cardholders_cardholder_stop_account", people[1].pk), ("cardholders_stop_lift", stop.pk)):
        assert answer(clerk, name, form, key).status_code == 403
    assert len(queries.deny_entries(at=AT)) == 1


def test_a_groups_limits_are_typed_as_money(admin: Client, group: Group) -> None:
    assert 'value="100.00"' in page(admin, "cardholders_group_change", group.pk)
    data: dict[str, object] = {
        "name": "学生",
        "name_en": "Students",
        "price_class": group.price_class_id,
        "per_sale_limit_minor": "60",
        "offline_limit_minor": "120.00",
        "max_offline_sales": 8,
        "debt_floor_minor": "-5.00",
    }
    assert answer(admin, "cardholders_group_change", data, group.pk).status_code == 302
    group.refresh_from_db()
    assert (group.per_sale_limit_minor, group.offline_limit_minor, group.debt_floor_minor) == (6_000, 12_000, -500)
    for wrong in ("12.50", "abc", "-1"):
        refused = answer(admin, "cardholders_group_change", {**data, "offline_limit_minor": wrong}, group.pk)
        assert refused.status_code == 200


def test_an_accounts_page_shows_its_newest_transfers(admin: Client, people: list[Cardholder]) -> None:
    shown = page(admin, "ledger_account_change", people[0].purse_id)
    assert "-¥2.00" in shown
    assert "¥12.34" in shown
    assert "¥10.34" in shown
    held = page(admin, "ledger_account_change", people[1].purse_id)
    assert "¥0.34" in held
    assert "¥12.00" in held


def test_a_busy_accounts_balance_counts_what_is_not_folded_yet(admin: Client, people: list[Cardholder]) -> None:
    shop = Merchant.objects.get().account_id
    assert Account.objects.get(pk=shop).balance_minor == 0
    assert "¥2.00" in page(admin, "ledger_account_changelist", query=f"?q={shop}")


def test_a_transfer_is_found_by_its_number_or_its_cause(admin: Client, people: list[Cardholder]) -> None:
    sale = Transfer.objects.get(cause_kind=CauseKind.SALE)
    for text in (f"%23{sale.pk}", "4242"):
        shown = page(admin, "ledger_transfer_changelist", query=f"?q={text}")
        assert "sale 4242" in shown
    assert "sale 4242" not in page(admin, "ledger_transfer_changelist", query="?q=nothing")
    assert "¥2.00" in page(admin, "ledger_transfer_change", sale.pk)


@pytest.mark.parametrize("model", [Account, Transfer, Hold])
def test_nobody_adds_changes_or_deletes_in_the_ledger_pages(
    admin: Client, people: list[Cardholder], model: type[Account] | type[Transfer] | type[Hold]
) -> None:
    name = f"ledger_{model._meta.model_name}"
    record = model._default_manager.order_by("pk")[0]
    before = list(model._default_manager.order_by("pk").values())
    assert answer(admin, f"{name}_change", {"label": "mine", "key": "mine"}, record.pk).status_code == 403
    assert answer(admin, f"{name}_delete", {"post": "yes"}, record.pk).status_code == 403
    assert answer(admin, f"{name}_add", {}).status_code == 403
    assert list(model._default_manager.order_by("pk").values()) == before


def test_people_and_places_are_never_deleted(admin: Client, people: list[Cardholder]) -> None:
    assert answer(admin, "cardholders_cardholder_delete", {"post": "yes"}, people[0].pk).status_code == 403
    assert answer(admin, "merchants_merchant_delete", {"post": "yes"}, Merchant.objects.get().pk).status_code == 403


def test_a_site_with_outlets_and_meals_is_made_in_admin(admin: Client) -> None:
    none = {f"{kind}-{count}": 0 for kind in ("outlets", "meal_periods") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}
    site = {"code": "east", "name": "东", "name_en": "East", "zone": "Asia/Shanghai", "day_starts_minute": "4:00"}
    assert answer(admin, "merchants_site_add", {**site, "zone": "Mars", **none}).status_code == 200
    assert answer(admin, "merchants_site_add", {**site, **none}).status_code == 302
    made = Site.objects.get()
    merchant = {"code": "noodles", "name": "面馆", "name_en": "Noodles", **none}
    assert answer(admin, "merchants_merchant_add", merchant).status_code == 302
    outlet = {"site": made.pk, "code": "n1", "merchant": Merchant.objects.get().pk, "name": "一号", "name_en": "One"}
    assert answer(admin, "merchants_outlet_add", outlet).status_code == 302
    meal = {"site": made.pk, "code": "lunch", "name": "午餐", "name_en": "Lunch", "start_minute": "11:00"}
    assert answer(admin, "merchants_mealperiod_add", {**meal, "end_minute": "10:00"}).status_code == 200
    assert answer(admin, "merchants_mealperiod_add", {**meal, "end_minute": "13:00"}).status_code == 302
    assert "11:00" in page(admin, "merchants_mealperiod_changelist")
    assert "04:00" in page(admin, "merchants_site_changelist")
    assert answer(admin, "merchants_mealperiod_add", {**meal, "code": "x", "end_minute": "11:40"}).status_code == 200
    assert MealPeriod.objects.count() == 1
    night = {**meal, "code": "night", "start_minute": "20:00", "end_minute": "6:00"}
    assert answer(admin, "merchants_mealperiod_add", night).status_code == 302
    assert MealPeriod.objects.get(code="night").end_minute == 30 * 60
    assert 'value="06:00"' in page(admin, "merchants_mealperiod_change", MealPeriod.objects.get(code="night").pk)
    close = answer(admin, "merchants_outlet_close", {"_form_submitted": "on"}, Outlet.objects.get().pk)
    assert close.headers["HX-Redirect"]
    assert Outlet.objects.get().closed_at is not None


def test_what_terminals_were_told_can_be_looked_at(admin: Client, people: list[Cardholder]) -> None:
    number_committed(at=AT)
    assert f"{people[0].account_ref:x}" in page(admin, "changes_change_changelist")
    assert "10 more" in page(admin, "changes_change_changelist")
    page(admin, "changes_generation_changelist")
