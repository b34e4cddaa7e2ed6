"""What `evaluate` receives and gives; every sale's journal record carries both."""

from typing import Literal

import msgspec

from devices.core.declines import Decline


class Lot(msgspec.Struct, frozen=True, array_like=True):
    """A grant of bounded value with its own expiry; `id` is the ledger account that holds it."""

    id: int
    programme: int
    remaining_minor: int
    expires_s: int


class Used(msgspec.Struct, frozen=True, array_like=True):
    """What was already spent on a business date, for limits per day."""

    business_date: str
    total_minor: int
    purse_minor: int
    count: int


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of the person as the decider knows it. `purse_minor` is what the purse leg may take here, now."""

    account_ref: int
    price_class: int
    purse_minor: int
    per_sale_minor: int
    groups: tuple[int, ...] = ()
    lots: tuple[Lot, ...] = ()
    used: tuple[Used, ...] = ()


class Tap(msgspec.Struct, frozen=True):
    """Where and when, already in the site's local terms; `period` is 0 outside meal periods."""

    at_s: int
    site: int
    outlet: int
    business_date: str
    weekday: int
    minute: int
    period: int = 0


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the basket; a typed or fixed amount is a line with product 0."""

    unit_minor: int
    quantity: int = 1
    product: int = 0


class Leg(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the amount and the source it comes from; `ref` is the lot's id, 0 for the purse."""

    source: Literal["lot", "purse"]
    amount_minor: int
    ref: int = 0
    programme: int = 0


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of the evaluation; `sentences` turns it into words. Params are whole numbers by name."""

    code: str
    params: dict[str, int] = {}


class Quote(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer. `decline` None means approved, and then the legs sum to `amount_minor`."""

    policy: int
    evaluator: int
    list_minor: int
    amount_minor: int
    legs: tuple[Leg, ...] = ()
    reasons: tuple[Reason, ...] = ()
    decline: Decline | None = None

    @property
    def approved(self) -> bool:
        """Whether the sale may go ahead."""
        return self.decline is None

    def leg_minor(self, source: str) -> int:
        """The sum of the legs from one kind of source."""
        return sum(leg.amount_minor for leg in self.legs if leg.source == source)
