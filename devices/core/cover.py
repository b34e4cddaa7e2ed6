"""How much of a price each source of money may still pay, where some may pay only for certain products.

Only sums are kept, never which source paid for which line: of amounts x that sources with category sets C may pay,
all can be fitted onto the lines exactly when for every union U of such sets the sources inside U together take no
more than U costs (a polymatroid; Edmonds 1970). So each source may take the least of what any union leaves, and the
sources together pay as much as if the lines had been shared out in the best way.
"""

from collections.abc import Mapping
from itertools import combinations

from devices.core.policy import Ids


class Cover:
    """`amounts` is the price by product category; the empty set of categories stands for everything."""

    __slots__ = ("_amounts", "_left_minor", "_taken")

    def __init__(self, amounts: Mapping[int, int]) -> None:
        self._amounts = amounts
        self._left_minor = sum(amounts.values())
        self._taken: dict[Ids, int] = {}

    @property
    def left_minor(self) -> int:
        """What nobody pays yet."""
        return self._left_minor

    def cost(self, categories: Ids) -> int:
        """The whole price of these categories, paid or not."""
        if not categories:
            return sum(self._amounts.values())
        return sum(self._amounts.get(category, 0) for category in set(categories))

    def room(self, categories: Ids) -> int:
        """What a source for these categories may take."""
        if not categories:
            return self._left_minor
        least_minor = min(self._left_minor, self.cost(categories))
        own = set(categories)
        others = [each for each in self._taken if each and not own.issuperset(each)]
        for count in range(len(others) + 1):
            for chosen in combinations(others, count):
                union = own.union(*chosen)
                least_minor = min(least_minor, self.cost(tuple(union)) - self._inside(union))
        return max(0, least_minor)

    def take(self, categories: Ids, amount_minor: int) -> None:
        """A source for these categories pays so much; no more than its room."""
        self._left_minor -= amount_minor
        if categories:
            self._taken[categories] = self._taken.get(categories, 0) + amount_minor

    def _inside(self, union: set[int]) -> int:
        return sum(amount for categories, amount in self._taken.items() if union.issuperset(categories))
