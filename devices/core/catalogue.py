"""What an outlet sells: the buttons of a terminal in products mode, carried in its snapshot.

A line of a basket copies category and allergens from here, so that a sale can be explained without the catalogue
that was in force.
"""

from typing import Annotated

import msgspec

from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.policy import Text
from devices.core.quote import Line
from devices.core.wire import Id

MAX_PRODUCTS = 500
MAX_BASKET_LINES = 50
MAX_QUANTITY = 99


class Product(msgspec.Struct, frozen=True, omit_defaults=True):
    """One button. `colour` is a name of the design tokens, "" for the plain one; buttons stand in `place` order."""

    id: Id
    name: Text
    price_minor: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT_MINOR)]
    category: Id = 0
    allergens: tuple[Id, ...] = ()
    place: int = 0
    colour: str = ""


class Catalogue(msgspec.Struct, frozen=True, omit_defaults=True):
    """The products of one outlet, and what their categories and allergens are called."""

    categories: tuple[tuple[int, Text], ...] = ()
    allergens: tuple[tuple[int, Text], ...] = ()
    products: Annotated[tuple[Product, ...], msgspec.Meta(max_length=MAX_PRODUCTS)] = ()

    def product(self, product_id: int) -> Product | None:
        """The product of that id, or None where it is not sold here."""
        return next((each for each in self.products if each.id == product_id), None)


def line_of(product: Product, *, quantity: int) -> Line:
    """`quantity` of a product as a line of a basket."""
    return Line(product.price_minor, quantity, product.id, product.category, product.allergens)
