"""What `evaluate` receives and gives; every sale's journal record carries both."""

from typing import Annotated, Literal

import msgspec

from devices.core.declines import Decline
from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.policy import Window
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


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """What was spent in another window than a whole day, or in a scope of its own (`windows.window_key`).

    Scope 0 is everything; a limit's id, what that limit counts; an entitlement's id below zero, its meals.
    """

    key: Annotated[str, msgspec.Meta(max_length=20)]
    scope: Whole
    total_minor: Whole
    purse_minor: Whole
    count: Whole


class Guard(msgspec.Struct, frozen=True, array_like=True):
    """A limit that a guardian set for one person; it adds to those of the policy. 0 for categories blocks them."""

    id: Id
    window: Window
    max_minor: Whole | None = None
    max_count: Whole | None = None
    categories: tuple[Id, ...] = ()


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of the person as the decider knows it. `purse_minor` is what the purse leg may take here, now.

    `avoid` are allergens, `last_s` is the moment of the last sale, 0 where none is known; `purse_only` is somebody
    whom the snapshot does not know.
    """

    account_ref: Whole
    price_class: Id
    purse_minor: Whole
    per_sale_minor: Whole
    groups: tuple[Id, ...] = ()
    lots: tuple[Lot, ...] = ()
    used: tuple[Used, ...] = ()
    lists: tuple[Id, ...] = ()
    avoid: tuple[Id, ...] = ()
    guards: tuple[Guard, ...] = ()
    tallies: tuple[Tally, ...] = ()
    last_s: Whole = 0
    purse_only: bool = False


class Tap(msgspec.Struct, frozen=True):
    """Where and when, already in the site's local terms; `period` is 0 outside meal periods, `weekday` 7 a holiday."""

    at_s: Whole
    site: Id
    outlet: Id
    business_date: LocalDate
    weekday: Annotated[int, msgspec.Meta(ge=0, le=7)]
    minute: Annotated[int, msgspec.Meta(ge=0, lt=24 * 60)]
    period: Id = 0


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the basket; a typed or fixed amount is a line with product 0."""

    unit_minor: Whole
    quantity: Whole = 1
    product: Id = 0
    category: Id = 0
    allergens: tuple[Id, ...] = ()


class Leg(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the amount and the source it comes from; `ref` is a lot's or an entitlement's id, 0 for the purse."""

    source: Literal["lot", "purse", "voucher", "entitlement"]
    amount_minor: LegAmount
    ref: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] = 0
    programme: Id = 0


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of the evaluation; `sentences` turns it into words. Params are whole numbers by name."""

    code: str
    params: dict[str, Whole] = {}


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """What a sale adds to a scope of its own, besides that of all sales."""

    scope: Whole
    total_minor: Whole
    purse_minor: Whole


class Quote(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer. `decline` None means approved, and then the legs sum to `amount_minor`."""

    policy: Id
    evaluator: Id
    list_minor: Whole
    amount_minor: Whole
    legs: tuple[Leg, ...] = ()
    reasons: tuple[Reason, ...] = ()
    decline: Decline | None = None
    counted: tuple[Counted, ...] = ()

    @property
    def approved(self) -> bool:
        """Whether the sale may go ahead."""
        return self.decline is None

    def leg_minor(self, source: str) -> int:
        """The sum of the legs from one kind of source."""
        return sum(leg.amount_minor for leg in self.legs if leg.source == source)
