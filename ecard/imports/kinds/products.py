"""Products: what they are, what they cost and where they are sold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from devices.core.money import MAX_AMOUNT_MINOR
from ecard.imports.errors import CannotApply
from ecard.imports.kinds.base import (
    NO,
    YES,
    Cells,
    Change,
    Column,
    Problem,
    amount,
    code,
    minor,
    money,
    one_of,
    some_of,
    text,
    yes_or_no,
)
from ecard.imports.kinds.places import outlets_by_code
from ecard.merchants.errors import CatalogueFull
from ecard.merchants.models import Allergen, Category, Product
from ecard.merchants.operations import save_product
from ecard.merchants.values import NewPlacement

CODE_LENGTH_MAX = 32
NAME_LENGTH_MAX = 80


class Products:
    """Sales name a product, so undoing one that was new takes it from sale and keeps it."""

    name = "products"
    title = _("products")
    model = Product
    key = ("code",)

    def columns(self) -> tuple[Column, ...]:
        categories = dict(Category.objects.values_list("code", "pk"))
        allergens = dict(Allergen.objects.values_list("code", "pk"))
        price = amount(least_minor=1, most_minor=MAX_AMOUNT_MINOR)
        return (
            Column("code", _("code"), code(longest=CODE_LENGTH_MAX), required=True),
            Column("name", _("name"), text(longest=NAME_LENGTH_MAX, shortest=1), required=True),
            Column("name_en", _("name in English"), text(longest=NAME_LENGTH_MAX)),
            Column("category", _("category"), one_of(categories), required=True),
            Column("price", _("price"), price, required=True),
            Column("allergens", _("allergens"), some_of(allergens)),
            Column("outlets", _("outlets"), some_of(outlets_by_code())),
            Column("sold", _("sold"), yes_or_no, missing=YES),
        )

    def column_for(self, header: str) -> Column | None:
        return None

    def current(self, keys: Iterable[str]) -> dict[str, Cells]:
        return {cells["code"]: cells for cells in _cells(Product.objects.filter(code__in=list(keys)))}

    def problems(self, change: Change) -> list[Problem]:
        return []

    def apply(self, *, new: Sequence[Change], changed: Sequence[Change], by: AbstractBaseUser, at: datetime) -> None:
        categories = {each.code: each for each in Category.objects.all()}
        allergens = {each.code: each for each in Allergen.objects.all()}
        outlets = outlets_by_code()
        there_now = Product.objects.filter(code__in=[each.key for each in changed]).prefetch_related("placements")
        kept = {product.code: {each.outlet_id: each for each in product.placements.all()} for product in there_now}
        for each in (*new, *changed):
            cells, there = each.after, kept.get(each.key, {})
            wanted = [outlets[outlet] for outlet in filter(None, cells["outlets"].split(","))]
            try:
                save_product(
                    code=each.key,
                    name=cells["name"],
                    name_en=cells["name_en"],
                    category=categories[cells["category"]],
                    price_minor=minor(cells["price"]),
                    allergens=[allergens[allergen] for allergen in filter(None, cells["allergens"].split(","))],
                    active=cells["sold"] == YES,
                    placements=[
                        # A button that is there keeps its place, colour and own price.
                        NewPlacement(pk, old.place, old.colour, old.price_minor)
                        if (old := there.get(pk)) is not None
                        else NewPlacement(pk)
                        for pk in wanted
                    ],
                    at=at,
                )
            except CatalogueFull as full:
                outlet = next(name for name, pk in outlets.items() if pk == full.args[0])
                raise CannotApply({"kind": "catalogue full", "value": outlet}) from full

    def take_back(self, keys: Sequence[str], *, by: AbstractBaseUser, at: datetime) -> dict[str, Problem]:
        sold = [cells for cells in self.current(keys).values() if cells["sold"] == YES]
        retired = [Change(cells["code"], cells, {**cells, "sold": NO}) for cells in sold]
        self.apply(new=(), changed=retired, by=by, at=at)
        return {key: {"kind": "retired"} for key in keys}

    def everything(self) -> Iterator[Cells]:
        yield from _cells(Product.objects.order_by("code"))


def _cells(products: QuerySet[Product]) -> Iterator[Cells]:
    outlets = {pk: name for name, pk in outlets_by_code().items()}
    for product in products.select_related("category").prefetch_related("allergens", "placements"):
        yield {
            "code": product.code,
            "name": product.name,
            "name_en": product.name_en,
            "category": product.category.code,
            "price": money(product.price_minor),
            "allergens": ",".join(sorted(each.code for each in product.allergens.all())),
            "outlets": ",".join(sorted(outlets[each.outlet_id] for each in product.placements.all())),
            "sold": YES if product.active else NO,
        }
