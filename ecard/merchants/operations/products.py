"""Making categories, allergens and products. Each is made or changed by its code; outlets' terminals are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from devices.core.catalogue import MAX_PRODUCTS
from devices.core.money import MAX_AMOUNT_MINOR
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.merchants.errors import BadPrice, CatalogueFull
from ecard.merchants.models import Allergen, Category, Outlet, Placement, Product
from ecard.merchants.values import NewPlacement


@transaction.atomic
def save_category(*, code: str, name: str, at: datetime, name_en: str = "") -> Category:
    """Make a category of products, or rename one."""
    category, _created = Category.objects.update_or_create(code=code, defaults={"name": name, "name_en": name_en})
    _tell(Placement.objects.filter(product__category=category).values_list("outlet_id", flat=True), at=at)
    return category


@transaction.atomic
def save_allergen(*, code: str, name: str, at: datetime, name_en: str = "") -> Allergen:
    """Make an allergen, or rename one."""
    allergen, _created = Allergen.objects.update_or_create(code=code, defaults={"name": name, "name_en": name_en})
    _tell(Placement.objects.filter(product__allergens=allergen).values_list("outlet_id", flat=True), at=at)
    return allergen


@transaction.atomic
def save_product(
    *,
    code: str,
    name: str,
    category: Category,
    price_minor: int,
    placements: Sequence[NewPlacement],
    at: datetime,
    allergens: Iterable[Allergen] = (),
    name_en: str = "",
    active: bool = True,
) -> Product:
    """Make or change a product; afterwards it is sold where `placements` say and nowhere else.

    Raises BadPrice, CatalogueFull.
    """
    prices = [price_minor, *(each.price_minor for each in placements if each.price_minor is not None)]
    if not all(0 < each <= MAX_AMOUNT_MINOR for each in prices):
        raise BadPrice(code)
    product, _created = Product.objects.update_or_create(
        code=code,
        defaults={
            "name": name,
            "name_en": name_en,
            "category": category,
            "price_minor": price_minor,
            "active": active,
        },
    )
    product.allergens.set(allergens)
    before = set(product.placements.values_list("outlet_id", flat=True))
    now = {each.outlet_id: each for each in placements}
    # Locked, so that two products saved at once cannot both be an outlet's last.
    list(Outlet.objects.select_for_update().filter(pk__in=now).order_by("pk"))
    _place(product, now)
    for outlet_id in sorted(now):
        if sold_at(outlet_id) > MAX_PRODUCTS:
            raise CatalogueFull(outlet_id)
    _tell([*before, *now], at=at)
    return product


def sold_at(outlet_id: int) -> int:
    """How many products terminals of the outlet offer."""
    return Placement.objects.filter(outlet_id=outlet_id, product__active=True).count()


def _place(product: Product, now: dict[int, NewPlacement]) -> None:
    product.placements.exclude(outlet_id__in=now).delete()
    rows = [
        Placement(
            product=product,
            outlet_id=outlet_id,
            place=each.place,
            colour=each.colour,
            price_minor=each.price_minor,
        )
        for outlet_id, each in sorted(now.items())
    ]
    Placement.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["outlet", "product"],
        update_fields=["place", "colour", "price_minor"],
    )


def _tell(outlet_ids: Iterable[int], *, at: datetime) -> None:
    record(topic=Topic.CATALOGUE, refs=sorted(set(outlet_ids)), at=at)
