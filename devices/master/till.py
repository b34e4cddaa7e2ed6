"""What the next tap shall pay, as the cashier has set it: one price, an amount, a basket, or nothing but who it is."""

from typing import Self

import msgspec

from devices.core.catalogue import MAX_BASKET_LINES, MAX_QUANTITY, Catalogue, Product, line_of
from devices.core.messages import Mode
from devices.core.money import MAX_AMOUNT_MINOR, AmountError
from devices.core.quote import Line
from devices.master import texts
from devices.master.screen import BasketShown, LineShown, Said


class BasketError(ValueError):
    """The cashier asked for what no basket takes; `said` tells them, in both languages."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.en)
        self.said = said


class Item(msgspec.Struct, frozen=True):
    """So many of a product, at the price at which it is sold now."""

    product: Product
    quantity: int

    @property
    def sum_minor(self) -> int:
        """By the list."""
        return self.product.price_minor * self.quantity


class Till(msgspec.Struct, frozen=True):
    """`typed_minor` is the typed amount, or the other amount beside a basket. `gone` names what left the catalogue
    while it lay in the basket, until the cashier has seen it.
    """

    mode: Mode = "typed"
    fixed_minor: int = 0
    typed_minor: int = 0
    items: tuple[Item, ...] = ()
    gone: tuple[Said, ...] = ()

    @property
    def amount_minor(self) -> int:
        """The sum by the list; what a person pays of it is known at the tap."""
        if self.mode == "fixed":
            return self.fixed_minor
        return self.typed_minor + sum(item.sum_minor for item in self.items)

    @property
    def repeats(self) -> bool:
        """Whether the next tap pays the same again without the cashier doing anything."""
        return self.mode in ("fixed", "identity", "pass")

    def lines(self) -> tuple[Line, ...]:
        """What to evaluate: no line at all asks for a meal by identity; one of nothing is no amount."""
        if self.mode in ("identity", "pass"):
            return ()
        if self.mode == "fixed":
            return (Line(self.fixed_minor),)
        lines = tuple(line_of(item.product, quantity=item.quantity) for item in self.items)
        return (*lines, Line(self.typed_minor)) if self.typed_minor or not lines else lines

    def shown(self) -> BasketShown:
        """For the screen."""
        return BasketShown(
            lines=tuple(
                LineShown(
                    item.product.id,
                    texts.name(item.product.name),
                    item.quantity,
                    item.product.price_minor,
                    item.sum_minor,
                )
                for item in self.items
            ),
            other_minor=self.typed_minor if self.mode == "products" else 0,
            gone=self.gone,
        )

    def set_to(self, mode: Mode, *, fixed_minor: int = 0) -> Self:
        """Another mode begins with nothing; a basket outlives a second press of its own mode."""
        if mode == self.mode == "products":
            return self
        return type(self)(mode=mode, fixed_minor=fixed_minor if mode == "fixed" else 0)

    def typed(self, amount_minor: int) -> Self:
        """Raises AmountError where it is no amount, also together with the basket."""
        if not 0 <= amount_minor <= MAX_AMOUNT_MINOR:
            raise AmountError("an amount is not negative and within the limit")
        after = msgspec.structs.replace(self, typed_minor=amount_minor, gone=())
        if after.amount_minor > MAX_AMOUNT_MINOR:
            raise AmountError("basket and amount together are over the limit")
        return after

    def with_quantity(self, product: Product, quantity: int) -> Self:
        """So many of this product, 0 for none; lines stand in the order in which they were begun.

        Raises BasketError.
        """
        if self.mode != "products":
            raise BasketError(texts.NO_BASKET)
        if not 0 <= quantity <= MAX_QUANTITY:
            raise BasketError(texts.too_many(product.name, MAX_QUANTITY))
        items = [Item(product, quantity) if item.product.id == product.id else item for item in self.items]
        if self.quantity_of(product.id) == 0:
            items.append(Item(product, quantity))
        kept = tuple(item for item in items if item.quantity)
        if len(kept) > MAX_BASKET_LINES:
            raise BasketError(texts.BASKET_FULL)
        after = msgspec.structs.replace(self, items=kept, gone=())
        if after.amount_minor > MAX_AMOUNT_MINOR:
            raise BasketError(texts.BASKET_FULL)
        return after

    def quantity_of(self, product_id: int) -> int:
        """How many lie in the basket."""
        return next((item.quantity for item in self.items if item.product.id == product_id), 0)

    def cleared(self) -> Self:
        """Nothing typed, nothing in the basket: after a sale, or by the cashier."""
        return msgspec.structs.replace(self, typed_minor=0, items=(), gone=())

    def seen(self) -> Self:
        """The cashier was told what is gone."""
        return msgspec.structs.replace(self, gone=())

    def offered(self, catalogue: Catalogue) -> Self:
        """By this catalogue now: other prices count at once, and what it does not have leaves the basket by name."""
        items, gone = [], list(self.gone)
        for item in self.items:
            product = catalogue.product(item.product.id)
            if product is None:
                gone.append(texts.name(item.product.name))
            else:
                items.append(Item(product, item.quantity))
        return msgspec.structs.replace(self, items=tuple(items), gone=tuple(gone))
