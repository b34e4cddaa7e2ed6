"""How much of a price each source of money may still pay, where some may pay only for certain products.

Only sums are kept, never which source paid for which line: of amounts x that sources with category sets C may pay,
all can be fitted onto the lines exactly when for every union U of such sets the sources inside U together take no
more than U costs (a polymatroid; Edmonds 1970). So each source may take the least of what any union leaves, and the
sources together pay as much as if the lines had been shared out in the best way.
"""

from collections.abc import Iterable, Mapping

from devices.core.policy import Ids


class Prices:
    """What a basket costs by product category. A set of categories is a bit mask over those that cost something."""

    __slots__ = ("_bits", "_masks", "amounts", "total_minor", "whole")

    def __init__(self, amounts: Mapping[int, int]) -> None:
        self.amounts = amounts
        self.total_minor = sum(amounts.values())
        self._bits = [category for category, amount_minor in amounts.items() if amount_minor > 0]
        self.whole = (1 << len(self._bits)) - 1
        self._masks: dict[Ids, int] = {(): self.whole}

    def mask(self, categories: Ids) -> int:
        """Those of the categories that are in the basket; the empty set stands for all."""
        found = self._masks.get(categories)
        if found is None:
            found = sum(1 << at for at, category in enumerate(self._bits) if category in categories)
            self._masks[categories] = found
        return found

    def cost(self, mask: int) -> int:
        """The whole price of these categories, paid or not."""
        if mask == self.whole:
            return self.total_minor
        return sum(self.amounts[category] for at, category in enumerate(self._bits) if mask >> at & 1)

    def met(self, categories: Ids) -> bool:
        """Whether any of the categories is in the basket, be it free of charge; the empty set always is."""
        return not categories or not self.amounts.keys().isdisjoint(categories)


class Cover:
    """What nobody pays yet, for sources of these masks."""

    __slots__ = ("_holding", "_slack", "left_minor")

    def __init__(self, prices: Prices, masks: Iterable[int]) -> None:
        some = {mask for mask in masks if mask != prices.whole}
        unions = {0}
        for mask in some:
            unions |= {union | mask for union in unions}
        listed = sorted(unions - {0, prices.whole})
        self.left_minor = prices.total_minor
        self._slack = [prices.cost(union) for union in listed]
        self._holding = {mask: tuple(at for at, union in enumerate(listed) if union & mask == mask) for mask in some}

    def copy(self) -> "Cover":
        """The same, to try something on."""
        made = Cover.__new__(Cover)
        made.left_minor, made._slack, made._holding = self.left_minor, self._slack[:], self._holding
        return made

    def room(self, mask: int) -> int:
        """What a source for these categories may take."""
        least_minor = self.left_minor
        for at in self._holding.get(mask, ()):
            least_minor = min(least_minor, self._slack[at])
        return least_minor

    def take(self, mask: int, amount_minor: int) -> None:
        """A source for these categories pays so much; no more than its room."""
        self.left_minor -= amount_minor
        for at in self._holding.get(mask, ()):
            self._slack[at] -= amount_minor
