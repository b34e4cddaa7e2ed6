"""What exists beside the policy, as far as a check asks: people, goods, money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.core.policy import Text


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A group of people, how many active ones are in it, and what its people may spend."""

    name: Text
    price_class: int
    people: int
    per_sale_minor: int
    offline_minor: int
    max_offline_sales: int


@dataclass(frozen=True, slots=True)
class ProgrammeFacts:
    """Who gets a programme. `nobody` where nobody is chosen who exists; `by_hand` where no calendar issues it."""

    sponsor: int
    groups: tuple[int, ...]
    lists: tuple[int, ...]
    nobody: bool
    amount_minor: int
    by_hand: bool
    last_date: str = ""
    """Of given dates the last; "" where the schedule has no end."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Gathered in a fixed number of statements (`checking.facts_at`). Sponsors are named by their account.

    `today` is the day as of which dates are over; "" is before every day.
    """

    today: str = ""
    groups: Mapping[int, GroupFacts] = field(default_factory=dict)
    empty_lists: frozenset[int] = frozenset()
    sold: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Outlet → the product categories with a button there."""
    products: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Product → the outlets with a button of it."""
    programmes: Mapping[int, ProgrammeFacts] = field(default_factory=dict)
    sponsors: Mapping[int, Text] = field(default_factory=dict)
    sponsor_of_entitlement: Mapping[int, int] = field(default_factory=dict)
    spent_budgets: frozenset[int] = frozenset()
    """Sponsors whose budget runs now and has nothing left."""
    unlike_vouchers: Mapping[int, int] = field(default_factory=dict)
    """Voucher programme → of how many of its vouchers a sale tries sets, where one person has several values of it."""
    list_names: Mapping[int, Text] = field(default_factory=dict)

    @property
    def class_of_group(self) -> dict[int, int]:
        """Group → price class."""
        return {number: group.price_class for number, group in self.groups.items()}
