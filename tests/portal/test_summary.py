"""What the page fetches to keep: its own person's money and sales, fresh, and never cached on the way."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from ecard.portal.queries import RECENT_SALES
from tests.portal.conftest import World

PATH = "/api/cardholder/v1/summary"


def test_it_tells_balance_benefits_and_sales_with_reasons(world: World, signed_in: Client) -> None:
    world.buy(9_00, with_subsidy=True)
    told = signed_in.get(PATH).json()
    assert told["name"] == world.student.cardholder.name
    assert (told["balance_minor"], told["balance"], told["funds_minor"]) == (97_00, "¥97.00", 97_00)
    assert told["benefits"] == []
    (sale,) = told["sales"]
    assert sale["amount"] == "¥9.00"
    assert sale["reasons"] == [
        "List price ¥9.00",
        "“Meal subsidy” paid ¥6.00, ¥0.00 left in it",
        "The purse paid ¥3.00",
    ]
    assert signed_in.get(sale["url"]).status_code == 200


def test_benefits_come_with_their_name_and_end(world: World, signed_in: Client) -> None:
    (benefit,) = signed_in.get(PATH).json()["benefits"]
    assert (benefit["name"], benefit["remaining"]) == ("Meal subsidy", "¥6.00")
    assert benefit["expires_at_ms"] > timezone.now().timestamp() * 1000


def test_it_speaks_the_language_asked_for(world: World, signed_in: Client) -> None:
    world.buy(9_00)
    told = signed_in.get(PATH, headers={"Accept-Language": "zh-hans"}).json()
    assert told["benefits"][0]["name"] == "餐补"
    assert told["sales"][0]["reasons"][0] == "标价 ¥9.00"


def test_a_top_up_shows_as_more_funds(world: World, signed_in: Client, at_desk: Callable[[int], None]) -> None:
    before = signed_in.get(PATH).json()["funds_minor"]
    at_desk(50_00)
    assert signed_in.get(PATH).json()["funds_minor"] == before + 50_00


def test_the_newest_sales_are_bounded(world: World, signed_in: Client) -> None:
    world.buy(*[100 + number for number in range(RECENT_SALES + 3)])
    amounts = [sale["amount_minor"] for sale in signed_in.get(PATH).json()["sales"]]
    assert amounts == [100 + number for number in range(RECENT_SALES + 2, 2, -1)]


def test_nobody_else_is_told(world: World, client: Client) -> None:
    assert client.get(PATH).status_code == 403
    client.force_login(User.objects.create_user("clerk"))
    assert client.get(PATH).status_code == 403


def test_it_is_never_kept_on_the_way_and_brings_the_token_for_the_next_request(signed_in: Client) -> None:
    answer = signed_in.get(PATH)
    assert "no-store" in answer["Cache-Control"]
    assert "csrftoken" in answer.cookies


def test_the_server_time_is_now(signed_in: Client) -> None:
    assert abs(signed_in.get(PATH).json()["server_time_ms"] / 1000 - timezone.now().timestamp()) < 60


def test_a_session_in_use_is_prolonged_once_a_day(signed_in: Client) -> None:
    assert signed_in.get(PATH).cookies.get("sessionid") is not None
    assert signed_in.get(PATH).cookies.get("sessionid") is None


def test_the_schema_describes_it(db: None, client: Client) -> None:
    schema = client.get("/api/schema/", {"format": "json"}).json()
    answer = schema["paths"][PATH]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    described = schema["components"]["schemas"][answer["$ref"].rsplit("/", 1)[1]]
    assert {"balance_minor", "benefits", "sales", "server_time_ms"} <= set(described["properties"])
