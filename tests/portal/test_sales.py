"""A person's own sales, with their reasons; nobody else's; a page at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from devices.core.quote import Line
from ecard.merchants.operations import save_category, save_product
from ecard.portal.queries import SALES_PER_PAGE, read_cursor, write_cursor
from ecard.settlement.models import Batch, Sale
from tests.portal.conftest import World
from tests.support.settling import make_till


def the_sale(world: World) -> Sale:
    return Sale.objects.get(account_ref=world.student.cardholder.account_ref)


def test_a_sale_shows_what_it_cost_why_and_who_paid(world: World, signed_in: Client) -> None:
    world.buy(9_00, with_subsidy=True)
    page = signed_in.get(f"/sales/{the_sale(world).pk}/").content.decode()
    for words in (
        "¥9.00",
        "“Meal subsidy” paid ¥6.00, ¥0.00 left in it",
        "The purse paid ¥3.00",
        "Your purse",
        "Together",
    ):
        assert words in page


def test_the_reasons_are_told_in_the_readers_language(world: World, signed_in: Client) -> None:
    world.buy(9_00, with_subsidy=True)
    signed_in.post("/i18n/setlang/", {"language": "zh-hans"})
    page = signed_in.get(f"/sales/{the_sale(world).pk}/").content.decode()
    assert "“餐补”支付 ¥6.00" in page
    assert "您的钱包" in page


def test_another_persons_sale_is_as_unknown_as_none(world: World, signed_in: Client) -> None:
    world.buy(7_00, place=1)
    sale = Sale.objects.get(account_ref=world.other.cardholder.account_ref)
    assert signed_in.get(f"/sales/{sale.pk}/").status_code == 404
    assert "¥7.00" not in signed_in.get("/sales/").content.decode()
    assert "¥7.00" not in signed_in.get("/api/cardholder/v1/summary").content.decode()


@pytest.mark.parametrize("number", [0, 1, 2**62, 10**30])
def test_a_sale_that_never_was_is_not_found(signed_in: Client, number: int) -> None:
    answer = signed_in.get(f"/sales/{number}/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_a_reversed_sale_is_shown_as_undone(world: World, signed_in: Client) -> None:
    till = world.buy(7_00)
    till.reverse(2)
    till.upload()
    world.selling.settle()
    assert "reversed" in signed_in.get("/sales/").content.decode()
    assert "the money is back" in signed_in.get(f"/sales/{the_sale(world).pk}/").content.decode()


def test_a_sale_that_finance_looks_at_does_not_stand_in_the_list_like_a_paid_one(
    world: World, signed_in: Client
) -> None:
    tills = [make_till(world.selling, number=number) for number in (1, 2)]
    code = world.selling.code(0, at=tills[0].clock + timedelta(seconds=10))
    for till in tills:
        till.sell(0, 7_00, code=code)
        till.upload()
        world.selling.settle()
    page = signed_in.get("/sales/").content.decode()
    assert (page.count("¥7.00"), page.count("Being looked at")) == (2, 1)


def test_pages_hand_on_to_each_other_without_a_gap_or_a_repeat(world: World, signed_in: Client) -> None:
    world.buy(*[100 + number for number in range(2 * SALES_PER_PAGE + 5)])
    seen: list[str] = []
    before = ""
    while True:
        page = signed_in.get("/sales/", {"before": before}).context["page"]
        sales = [sale.amount for day in page.days for sale in day.sales]
        assert len(sales) <= SALES_PER_PAGE
        seen += sales
        before = page.next_before
        if not before:
            break
    assert len(seen) == len(set(seen)) == 2 * SALES_PER_PAGE + 5
    assert seen[0] == f"¥1.{2 * SALES_PER_PAGE + 4:02d}"


def test_a_page_costs_the_same_statements_however_many_sales(world: World, signed_in: Client) -> None:
    def statements(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert signed_in.get(path).status_code == 200
        return len(captured)

    world.buy(1_00, 2_00)
    paths = ("/sales/", "/api/cardholder/v1/summary")
    signed_in.get(paths[1])
    few = [statements(path) for path in paths]
    world.buy(*[100] * SALES_PER_PAGE)
    assert [statements(path) for path in paths] == few


@pytest.mark.parametrize(
    "text", ["", "-", "x-1", "1-x", "1", "-1-1", "9" * 40 + "-1", "9" * 18 + "-1", "١-١", "1-" + "9" * 19]
)
def test_a_cursor_that_is_none_gives_the_newest_page(text: str) -> None:
    assert read_cursor(text) is None


def test_a_cursor_reads_back_as_it_was() -> None:
    cursor = (datetime(2026, 11, 21, 4, 5, 6, 789_012, tzinfo=UTC), 16_777_220)
    assert read_cursor(write_cursor(cursor)) == cursor


def test_a_basket_is_told_product_by_product(world: World, signed_in: Client) -> None:
    drinks = save_category(code="drinks", name="饮料", name_en="Drinks", at=world.selling.at)
    tea = save_product(
        code="tea", name="茶", name_en="Tea", category=drinks, price_minor=2_50, placements=(), at=world.selling.at
    )
    till = make_till(world.selling)
    till.wait()
    ref, code = world.student.cardholder.account_ref, world.selling.code(0, at=till.clock)
    sale = till.sale(ref, 7_00, code, purse_minor=100_00)
    till.write(msgspec.structs.replace(sale, basket=(Line(2_50, 2, tea.pk, drinks.pk), Line(2_00))))
    till.upload()
    world.selling.settle()
    page = signed_in.get(f"/sales/{the_sale(world).pk}/").content.decode()
    assert "Tea × 2" in page
    assert "¥5.00" in page
    assert "Other" in page


def test_an_amount_that_was_only_typed_lists_no_products(world: World, signed_in: Client) -> None:
    world.buy(7_00)
    assert "What you bought" not in signed_in.get(f"/sales/{the_sale(world).pk}/").content.decode()


def test_a_damaged_batch_hides_reasons_and_not_the_money(world: World, signed_in: Client) -> None:
    world.buy(9_00)
    Batch.objects.update(raw=b"")
    page = signed_in.get(f"/sales/{the_sale(world).pk}/").content.decode()
    assert "¥9.00" in page
    assert "The reasons are not kept" in page
