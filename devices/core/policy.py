"""The policy: an immutable, numbered compilation of every price, limit and funding rule.

Administrators edit models; publishing compiles them into this. Empty tuples in `Where` and `Who` mean "any".
"""

from typing import Annotated, Literal

import msgspec

EVALUATOR_VERSION = 2
MAX_RULES = 1_000
MAX_DAYS = 4_000
MAX_VOUCHERS = 3
"""So many vouchers at most in one sale: every admissible set of them is tried."""
MAX_CATEGORY_SETS = 8
"""So many different sets of product categories at most among all sources of funds."""
HOLIDAY = 7
"""The eighth weekday: a day that acts as none of the seven."""

Amount = Annotated[int, msgspec.Meta(ge=0)]
Ids = tuple[int, ...]


class Text(msgspec.Struct, frozen=True, array_like=True):
    """A name in both languages; English falls back to Chinese when empty."""

    zh: str
    en: str = ""

    def in_language(self, language: str) -> str:
        """The name for "zh…" or any other language code."""
        return self.zh if language.startswith("zh") or not self.en else self.en


class Where(msgspec.Struct, frozen=True, omit_defaults=True):
    """Places, times and products a rule is for; periods are meal-period ids, weekdays 0 = Monday to 7 = holiday.

    `from_date` and `to_date` are business dates, both included; "" leaves that end open.
    """

    sites: Ids = ()
    outlets: Ids = ()
    periods: Ids = ()
    weekdays: Ids = ()
    categories: Ids = ()
    from_date: str = ""
    to_date: str = ""

    @property
    def anywhere(self) -> bool:
        """Whether it is for every place, time of day and product; dates aside."""
        return not (self.sites or self.outlets or self.periods or self.weekdays or self.categories)


class Who(msgspec.Struct, frozen=True, omit_defaults=True):
    """People a rule is for: those who are in one of each kind that is named."""

    classes: Ids = ()
    groups: Ids = ()
    lists: Ids = ()


class MealPeriod(msgspec.Struct, frozen=True):
    """Minutes of the local day, end excluded; an end at or before the start crosses midnight.

    Served on `weekdays`, those of the day on which it begins; on every day where none is named.
    """

    id: int
    site: int
    name: Text
    start_min: int
    end_min: int
    weekdays: Ids = ()


class DayKind(msgspec.Struct, frozen=True, array_like=True):
    """A day of a site's calendar that is not what its weekday says: a holiday, or a make-up day."""

    site: int
    date: str
    acts_as: Annotated[int, msgspec.Meta(ge=0, le=HOLIDAY)]


class PriceRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """The price as a share of the list price (10,000 bp = 100 %, halves up) plus an amount for each sale.

    The result is rounded to a multiple of `round_to_minor`. With categories it prices only these lines of a basket.
    """

    id: int
    name: Text
    who: Who = Who()
    where: Where = Where()
    percent_bp: int = 10_000
    add_minor: int = 0
    round_to_minor: Annotated[int, msgspec.Meta(ge=1)] = 1
    rounding: Literal["half_up", "up", "down"] = "half_up"


class Programme(msgspec.Struct, frozen=True, omit_defaults=True):
    """A source of benefit lots. `part_payment` False means all of the rest of what it may pay for, or nothing.

    Of a voucher, a lot holds the value: it pays once, `percent_bp` of the price it is for (0: a fixed value) but no
    more than the lot, from a price of `threshold_minor` on. `alone` forbids any other voucher beside it, `excludes`
    these programmes. `most_minor` bounds a sale's part of a subsidy; 0 does not.
    """

    id: int
    name: Text
    where: Where = Where()
    part_payment: bool = True
    order: int = 0
    kind: Literal["subsidy", "voucher"] = "subsidy"
    most_minor: Amount = 0
    threshold_minor: Amount = 0
    percent_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    alone: bool = False
    excludes: Ids = ()


class Entitlement(msgspec.Struct, frozen=True, omit_defaults=True):
    """Identity only: so many meals a window, verified and counted; its sponsor bears the agreed price for each.

    It covers the price up to `covers_minor` (0: all of it); what is above is paid from other sources.
    """

    id: int
    name: Text
    who: Who = Who()
    where: Where = Where()
    window: "Window" = "period"
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    agreed_minor: Annotated[int, msgspec.Meta(ge=1)] = 1
    covers_minor: Amount = 0
    order: int = 0


Window = Literal["sale", "period", "day", "week", "month"]
"""Of the business date; a week is ISO 8601's, a period one serving of a meal (a day where there is none)."""


class Limit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ceiling in a window, on the price (without an entitlement's part) or on the purse's part, and on the count.

    One with a place, time or category of its own counts only what was sold there. `min_gap_s` is the least time
    since the person's last sale.
    """

    id: int
    name: Text
    window: Window
    on: Literal["total", "purse"] = "total"
    who: Who = Who()
    where: Where = Where()
    max_minor: Amount | None = None
    max_count: Amount | None = None
    min_gap_s: Amount = 0

    @property
    def scope(self) -> int:
        """Under which number its own sales are counted; 0 for the count of all sales."""
        return 0 if self.where.anywhere else self.id


class Block(msgspec.Struct, frozen=True, omit_defaults=True):
    """What these people may not buy there, or are warned of: categories (in `where`), products or allergens.

    With `avoided_only` an allergen counts only for people who said that they avoid it.
    """

    id: int
    name: Text
    who: Who = Who()
    where: Where = Where()
    products: Ids = ()
    allergens: Ids = ()
    avoided_only: bool = False
    action: Literal["refuse", "warn"] = "refuse"


Rule = PriceRule | Programme | Entitlement | Limit | Block

Source = Literal["entitlement", "voucher", "lots", "purse"]
FUNDING_ORDER: tuple[Source, ...] = ("entitlement", "voucher", "lots", "purse")


class AgeStep(msgspec.Struct, frozen=True):
    """With a snapshot no older than `up_to_s`, a terminal may accept this much a sale and a person."""

    up_to_s: int
    sale_minor: Amount
    person_minor: Amount


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """Everything `evaluate` may know besides the person, the place and the basket."""

    number: int
    starts_at_s: int
    min_evaluator: int = 1
    classes: tuple[tuple[int, Text], ...] = ()
    periods: Annotated[tuple[MealPeriod, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    prices: Annotated[tuple[PriceRule, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    programmes: Annotated[tuple[Programme, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    limits: Annotated[tuple[Limit, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    funding_order: tuple[Source, ...] = FUNDING_ORDER
    ages: tuple[AgeStep, ...] = ()
    entitlements: Annotated[tuple[Entitlement, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    blocks: Annotated[tuple[Block, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    days: Annotated[tuple[DayKind, ...], msgspec.Meta(max_length=MAX_DAYS)] = ()
    max_vouchers: Annotated[int, msgspec.Meta(ge=1, le=MAX_VOUCHERS)] = 2
    low_balance_minor: Amount = 0
    categories: tuple[tuple[int, Text], ...] = ()
    allergens: tuple[tuple[int, Text], ...] = ()

    def __post_init__(self) -> None:
        if self.funding_order == FUNDING_ORDER:
            # The very default is left out of the bytes, and a release that knows fewer sources reads its own.
            msgspec.structs.force_setattr(self, "funding_order", FUNDING_ORDER)
        if len(set(self.funding_order)) != len(self.funding_order):
            raise ValueError("each source of funds is asked once")
        if "entitlement" in self.funding_order[1:]:
            raise ValueError("an entitlement sets the amount, so it is asked first")
        if len(self.category_sets()) > MAX_CATEGORY_SETS:
            raise ValueError(f"at most {MAX_CATEGORY_SETS} different sets of categories")

    def category_sets(self) -> set[Ids]:
        """The different sets of categories that sources of funds are for."""
        sources: tuple[Programme | Entitlement, ...] = (*self.programmes, *self.entitlements)
        return {rule.where.categories for rule in sources if rule.where.categories}

    def programme(self, programme_id: int) -> Programme | None:
        """The programme of that id, or None where this policy does not know it."""
        return next((each for each in self.programmes if each.id == programme_id), None)


def encode_policy(policy: Policy) -> bytes:
    """The bytes that are numbered, signed (POLICY_DOMAIN) and kept for ever."""
    return msgspec.json.encode(policy)


def decode_policy(data: bytes) -> Policy:
    """Raises msgspec.ValidationError, naming the field, for anything that is not a policy."""
    return msgspec.json.decode(data, type=Policy)


def least_evaluator(policy: Policy) -> int:
    """The oldest evaluator that decides by this policy as this release does."""
    rules: tuple[PriceRule | Programme | Limit, ...] = (*policy.prices, *policy.programmes, *policy.limits)
    addressed: tuple[PriceRule | Limit, ...] = (*policy.prices, *policy.limits)
    second = (
        policy.entitlements
        or policy.blocks
        or policy.days
        or policy.low_balance_minor
        or policy.funding_order not in (FUNDING_ORDER, ("lots", "purse"))
        or any(period.weekdays for period in policy.periods)
        or any(each.where.categories or each.where.from_date or each.where.to_date for each in rules)
        or any(each.who.lists for each in addressed)
        or any(each.round_to_minor > 1 for each in policy.prices)
        or any(each.kind == "voucher" or each.most_minor for each in policy.programmes)
        or any(each.window not in ("sale", "day") or each.min_gap_s for each in policy.limits)
        or any(each.scope and each.window != "sale" for each in policy.limits)
    )
    return 2 if second else 1


def in_force(policies: tuple[Policy, ...], *, at_s: int) -> Policy | None:
    """The policy that governs a moment: the highest number already started that this evaluator can read."""
    started = [
        policy for policy in policies if policy.starts_at_s <= at_s and policy.min_evaluator <= EVALUATOR_VERSION
    ]
    return max(started, key=lambda policy: policy.number, default=None)
