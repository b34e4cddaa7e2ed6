"""What `evaluate` receives and gives; every sale's journal record carries both."""

from typing import Annotated, Literal

import msgspec

from devices.core.declines import Decline
from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.wire import Id, Positive, Whole

LegAmount = Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT_MINOR)]
LocalDate = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]


class Lot(msgspec.Struct, frozen=True, array_like=True):
    """A grant of bounded value with its own expiry; `id` is the ledger account that holds it."""

    id: Positive
    programme: Id
    remaining_minor: Whole
    expires_s: Whole


class Used(msgspec.Struct, frozen=True, array_like=True):
    """What was already spent on a business date, for limits per day."""

    business_date: LocalDate
    total_minor: Whole
    purse_minor: Whole
    count: Whole


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of the person as the decider knows it. `purse_minor` is what the purse leg may take here, now."""

    account_ref: Whole
    price_class: Id
    purse_minor: Whole
    per_sale_minor: Whole
    groups: tuple[Id, ...] = ()
    lots: tuple[Lot, ...] = ()
    used: tuple[Used, ...] = ()


class Tap(msgspec.Struct, frozen=True):
    """Where and when, already in the site's local terms; `period` is 0 outside meal periods."""

    at_s: Whole
    site: Id
    outlet: Id
    business_date: LocalDate
    weekday: Annotated[int, msgspec.Meta(ge=0, le=6)]
    minute: Annotated[int, msgspec.Meta(ge=0, lt=24 * 60)]
    period: Id = 0


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the basket; a typed or fixed amount is a line with product 0."""

    unit_minor: Whole
    quantity: Whole = 1
    product: Id = 0


class Leg(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the amount and the source it comes from; `ref` is the lot's id, 0 for the purse."""

    source: Literal["lot", "purse"]
    amount_minor: LegAmount
    ref: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] = 0
    programme: Id = 0


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of the evaluation; `sentences` turns it into words. Params are whole numbers by name."""

    code: str
    params: dict[str, Whole] = {}


class Quote(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer. `decline` None means approved, and then the legs sum to `amount_minor`."""

    policy: Id
    evaluator: Id
    list_minor: Whole
    amount_minor: Whole
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
