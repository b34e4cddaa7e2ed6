"""Reading places, calendars and what is sold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q
from django.db.models.functions import Coalesce

from devices.core.catalogue import MAX_PRODUCTS, Catalogue
from devices.core.catalogue import Product as Button
from devices.core.policy import MAX_DAYS, Text
from ecard.merchants.models import Allergen, CalendarDay, CalendarImport, Category, Outlet, Placement, Product, Site
from ecard.merchants.values import DayChange, DayKind, NewDay

NAMES_LIMIT = 5_000
YEAR_DAYS_LIMIT = 366


@dataclass(frozen=True, slots=True)
class OutletView:
    """An outlet with whom it pays; `account_id` is the merchant's ledger account."""

    id: int
    merchant_id: int
    account_id: int


def outlets_by_id(outlet_ids: Iterable[int]) -> dict[int, OutletView]:
    """Those of the outlets that exist, closed ones included; the caller bounds the ids."""
    rows = Outlet.objects.filter(pk__in=set(outlet_ids)).values_list("id", "merchant_id", "merchant__account_id")
    return {row[0]: OutletView(*row) for row in rows}


def catalogue_of(outlet_id: int) -> Catalogue:
    """What the outlet sells, in the order of its buttons, with the categories and allergens these products have."""
    sold = Placement.objects.filter(outlet_id=outlet_id, product__active=True).order_by("place", "product__code")
    rows = sold.annotate(
        asked_minor=Coalesce("price_minor", "product__price_minor"),
        contains=ArrayAgg("product__allergens", filter=Q(product__allergens__isnull=False), default=[], distinct=True),
    ).values_list(
        "product_id",
        "product__name",
        "product__name_en",
        "asked_minor",
        "product__category_id",
        "contains",
        "place",
        "colour",
    )
    products = tuple(
        Button(
            id=pk,
            name=Text(name, name_en),
            price_minor=price,
            category=category,
            allergens=tuple(sorted(contains)),
            place=place,
            colour=colour,
        )
        for pk, name, name_en, price, category, contains, place, colour in rows[:MAX_PRODUCTS]
    )
    of_categories = {each.category for each in products}
    of_allergens = {allergen for each in products for allergen in each.allergens}
    return Catalogue(
        categories=tuple((pk, name) for pk, name in categories().items() if pk in of_categories),
        allergens=tuple((pk, name) for pk, name in allergens().items() if pk in of_allergens),
        products=products,
    )


def products_called(product_ids: Iterable[int]) -> Catalogue:
    """What these products are called, sold today or not, as a catalogue. The caller bounds the ids."""
    rows = Product.objects.filter(pk__in=set(product_ids)).values_list("id", "name", "name_en", "price_minor")
    return Catalogue(products=tuple(Button(pk, Text(name, name_en), price) for pk, name, name_en, price in rows))


def categories() -> dict[int, Text]:
    """What product categories are called, by id."""
    rows = Category.objects.order_by("pk").values_list("pk", "name", "name_en")[:NAMES_LIMIT]
    return {pk: Text(name, name_en) for pk, name, name_en in rows}


def allergens() -> dict[int, Text]:
    """What allergens are called, by id."""
    rows = Allergen.objects.order_by("pk").values_list("pk", "name", "name_en")[:NAMES_LIMIT]
    return {pk: Text(name, name_en) for pk, name, name_en in rows}


def all_day_kinds() -> list[tuple[int, date, int]]:
    """(site id, date, acts as) of the days that are not what their weekday says, the newest MAX_DAYS of them.

    What a policy carries, whenever it is compiled.
    """
    newest = CalendarDay.objects.order_by("-date", "-site_id").values_list("site_id", "date", "acts_as")[:MAX_DAYS]
    return list(reversed(newest))


def days_of_year(site: Site, year: int) -> list[CalendarDay]:
    """The site's calendar days of a year."""
    return list(site.calendar_days.filter(date__year=year).order_by("date")[:YEAR_DAYS_LIMIT])


def kinds_on(site: Site, days: Iterable[date]) -> dict[date, DayKind]:
    """What those of the days are that are not usual ones; the caller bounds them."""
    rows = site.calendar_days.filter(date__in=set(days)).values_list("date", "acts_as", "name", "name_en")
    return {day: DayKind(acts_as, name, name_en) for day, acts_as, name, name_en in rows}


def changes_of(site: Site, days: Sequence[NewDay]) -> list[DayChange]:
    """What these days are now and would be, in order of date; the same included."""
    stand = kinds_on(site, [each.date for each in days])
    wanted = sorted(days, key=lambda each: each.date)
    return [DayChange(each.date, stand.get(each.date), each.kind) for each in wanted]


def days_of(made: CalendarImport) -> list[DayChange]:
    """What an import did, day by day."""
    return [
        DayChange(date.fromisoformat(each["date"]), _kind(each["before"]), _kind(each["after"])) for each in made.days
    ]


def _kind(stored: dict[str, Any] | None) -> DayKind | None:
    return None if stored is None else DayKind(**stored)
