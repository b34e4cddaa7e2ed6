"""Products, where they are sold, and what terminals are told of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from devices.core.catalogue import Catalogue, line_of
from devices.core.catalogue import Product as Button
from devices.core.policy import Text
from ecard.changes.models import Change, Topic
from ecard.merchants import operations, queries
from ecard.merchants.errors import BadPrice, CatalogueFull
from ecard.merchants.models import Allergen, Category, Outlet, Placement, Product
from ecard.merchants.operations import products as of_products
from ecard.merchants.values import NewPlacement

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def outlets() -> tuple[Outlet, Outlet]:
    site = operations.save_site(code="east", name="东校区", at=AT)
    merchant = operations.save_merchant(code="noodles", name="面馆")
    first, second = (
        operations.save_outlet(site=site, merchant=merchant, code=code, name=code, at=AT) for code in ("n1", "n2")
    )
    return first, second


@pytest.fixture
def drinks() -> Category:
    return operations.save_category(code="drinks", name="饮料", name_en="Drinks", at=AT)


def sell(category: Category, *outlets: Outlet, code: str = "cola", price_minor: int = 3_50, **more: object) -> Product:
    wanted: dict[str, object] = {"placements": [NewPlacement(each.pk) for each in outlets], "name": code, **more}
    return operations.save_product(code=code, category=category, price_minor=price_minor, at=AT, **wanted)  # type: ignore[arg-type]  # the tests' own words


def told() -> list[list[int]]:
    return list(Change.objects.filter(topic=Topic.CATALOGUE).order_by("id").values_list("refs", flat=True))


def test_the_fourteen_allergens_of_european_law_are_there_in_both_languages() -> None:
    assert Allergen.objects.count() == 14
    gluten = Allergen.objects.get(code="gluten")
    assert queries.allergens()[gluten.pk] == Text("麸质", "Gluten")
    assert operations.save_allergen(code="coriander", name="香菜", at=AT).pk > gluten.pk


def test_an_outlet_sells_what_is_placed_there_in_the_order_of_its_buttons(
    outlets: tuple[Outlet, Outlet], drinks: Category
) -> None:
    here, there = outlets
    gluten, milk = Allergen.objects.get(code="gluten"), Allergen.objects.get(code="milk")
    beer = operations.save_product(
        code="beer", name="啤酒", name_en="Beer", category=drinks, price_minor=6_00, at=AT, allergens=[milk, gluten],
        placements=[NewPlacement(here.pk, place=2, colour="warn"), NewPlacement(there.pk, price_minor=7_00)],
    )  # fmt: skip
    cola = operations.save_product(
        code="cola", name="可乐", category=drinks, price_minor=3_50, at=AT, placements=[NewPlacement(here.pk, place=1)]
    )
    names = ((gluten.pk, Text("麸质", "Gluten")), (milk.pk, Text("乳制品", "Milk")))
    contains = (gluten.pk, milk.pk)
    assert queries.catalogue_of(here.pk) == Catalogue(
        categories=((drinks.pk, Text("饮料", "Drinks")),),
        allergens=names,
        products=(
            Button(cola.pk, Text("可乐"), 3_50, drinks.pk, (), 1),
            Button(beer.pk, Text("啤酒", "Beer"), 6_00, drinks.pk, contains, 2, "warn"),
        ),
    )
    (dearer,) = queries.catalogue_of(there.pk).products
    assert (dearer.id, dearer.price_minor) == (beer.pk, 7_00)
    line = line_of(dearer, quantity=2)
    assert (line.unit_minor, line.quantity, line.category, line.allergens) == (7_00, 2, drinks.pk, contains)


def test_what_is_no_longer_sold_leaves_the_catalogue_and_stays_in_the_books(
    outlets: tuple[Outlet, Outlet], drinks: Category
) -> None:
    product = sell(drinks, outlets[0])
    sell(drinks, outlets[0], active=False)
    assert queries.catalogue_of(outlets[0].pk) == Catalogue()
    assert Product.objects.get().pk == product.pk


def test_a_catalogue_takes_as_many_statements_for_many_products_as_for_one(
    outlets: tuple[Outlet, Outlet], drinks: Category
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            queries.catalogue_of(outlets[0].pk)
        return len(captured)

    sell(drinks, outlets[0])
    few = statements()
    for number in range(30):
        sell(drinks, outlets[0], code=f"p{number}", allergens=Allergen.objects.all()[: number % 5])
    assert statements() == few
    assert len(queries.catalogue_of(outlets[0].pk).products) == 31


def test_terminals_are_told_where_a_product_is_sold_now_and_where_it_was(
    outlets: tuple[Outlet, Outlet], drinks: Category
) -> None:
    here, there = outlets
    sell(drinks, here)
    sell(drinks, there)
    assert told() == [[here.pk], sorted([here.pk, there.pk])]
    assert list(Placement.objects.values_list("outlet_id", flat=True)) == [there.pk]


def test_a_new_name_of_a_category_or_an_allergen_reaches_the_outlets_that_sell_such_things(
    outlets: tuple[Outlet, Outlet], drinks: Category
) -> None:
    milk = Allergen.objects.get(code="milk")
    sell(drinks, outlets[1], allergens=[milk])
    Change.objects.all().delete()
    operations.save_category(code="drinks", name="饮品", at=AT)
    operations.save_allergen(code="milk", name="奶", at=AT)
    operations.save_allergen(code="eggs", name="蛋", at=AT)
    assert told() == [[outlets[1].pk]] * 2


def test_an_outlet_takes_no_more_products_than_its_terminals_hold(
    outlets: tuple[Outlet, Outlet], drinks: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_products, "MAX_PRODUCTS", 2)
    for code in ("a", "b"):
        sell(drinks, outlets[0], code=code)
    with pytest.raises(CatalogueFull):
        sell(drinks, *outlets, code="c")
    assert Product.objects.count() == 2
    sell(drinks, outlets[0], code="a", active=False)
    sell(drinks, *outlets, code="c")
    with pytest.raises(CatalogueFull):
        sell(drinks, outlets[0], code="a")


@pytest.mark.parametrize("price_minor", [0, -1, 10_000_001])
def test_a_price_that_no_terminal_can_charge_is_refused(
    outlets: tuple[Outlet, Outlet], drinks: Category, price_minor: int
) -> None:
    with pytest.raises(BadPrice):
        sell(drinks, outlets[0], price_minor=price_minor)
    with pytest.raises(BadPrice):
        sell(drinks, outlets[0], placements=[NewPlacement(outlets[0].pk, price_minor=price_minor)])
    assert not Product.objects.exists()


def test_the_database_refuses_a_price_of_nothing_and_a_colour_that_is_none(
    outlets: tuple[Outlet, Outlet], drinks: Category
) -> None:
    sell(drinks, outlets[0])
    wrongs: tuple[Callable[[], object], ...] = (
        lambda: Product.objects.update(price_minor=0),
        lambda: Placement.objects.update(price_minor=0),
        lambda: Placement.objects.update(colour="pink"),
    )
    for wrong in wrongs:
        with pytest.raises(IntegrityError), transaction.atomic():
            wrong()


def test_a_category_that_has_products_cannot_be_deleted(outlets: tuple[Outlet, Outlet], drinks: Category) -> None:
    sell(drinks, outlets[0])
    with pytest.raises(ProtectedError):
        drinks.delete()
