"""What the cardholder's pages show. Amounts in minor units, and beside them as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from devices.core.money import format_minor

LEAST = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Benefit:
    """What is left of the grants of one programme that run out together."""

    name: str
    remaining_minor: int
    expires_at: datetime

    @property
    def remaining(self) -> str:
        """As money."""
        return format_minor(self.remaining_minor)

    @property
    def last_moment(self) -> datetime:
        """Until when people say that it lasts: what ends at midnight lasts until the day before."""
        return self.expires_at - LEAST


@dataclass(frozen=True, slots=True)
class PurseShown:
    """The purse and the benefits. `funds_minor` is what a new sale could take from the purse."""

    balance_minor: int
    held_minor: int
    benefits: tuple[Benefit, ...]

    @property
    def funds_minor(self) -> int:
        """The balance without what is held."""
        return self.balance_minor - self.held_minor

    @property
    def balance(self) -> str:
        """As money."""
        return format_minor(self.balance_minor)

    @property
    def held(self) -> str:
        """As money; empty where nothing is held."""
        return format_minor(self.held_minor) if self.held_minor else ""


@dataclass(frozen=True, slots=True)
class SaleShown:
    """One sale in a list. `reasons` are sentences, in lists that show them; what is in suspense nobody paid yet."""

    id: int
    outlet: str
    taken_at: datetime
    business_date: date
    amount_minor: int
    benefit_minor: int
    suspense_minor: int
    reversed_at: datetime | None
    reasons: tuple[str, ...] = ()

    @property
    def amount(self) -> str:
        """As money."""
        return format_minor(self.amount_minor)

    @property
    def benefit(self) -> str:
        """The part that benefits paid, as money."""
        return format_minor(self.benefit_minor)


@dataclass(frozen=True, slots=True)
class LegShown:
    """Who paid which part."""

    name: str
    amount_minor: int

    @property
    def amount(self) -> str:
        """As money."""
        return format_minor(self.amount_minor)


@dataclass(frozen=True, slots=True)
class LineShown:
    """One product of a basket, at its list price."""

    name: str
    quantity: int
    amount: str


@dataclass(frozen=True, slots=True)
class SaleDetail:
    """One sale whole; no lines where only an amount was typed."""

    sale: SaleShown
    lines: tuple[LineShown, ...]
    legs: tuple[LegShown, ...]
    terminal_id: int
    policy: int


@dataclass(frozen=True, slots=True)
class Day:
    """The sales of one business date."""

    date: date
    sales: tuple[SaleShown, ...]


@dataclass(frozen=True, slots=True)
class SalesPage:
    """A page of sales, newest first; `next_before` leads to the older ones and is empty at the end."""

    purse: PurseShown
    days: tuple[Day, ...]
    is_later: bool
    next_before: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What the code page keeps for the time without a network."""

    name: str
    number: str
    group: str
    purse: PurseShown
    sales: tuple[SaleShown, ...]
