"""The policy: an immutable, numbered compilation of every price, limit and funding rule.

Administrators edit models; publishing compiles them into this. Empty tuples in `Where` and `Who` mean "any".
"""

from typing import Annotated, Literal

import msgspec

EVALUATOR_VERSION = 1
MAX_RULES = 1_000

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
    """Places and times a rule is for; periods are meal-period ids, weekdays 0 = Monday."""

    sites: Ids = ()
    outlets: Ids = ()
    periods: Ids = ()
    weekdays: Ids = ()


class Who(msgspec.Struct, frozen=True, omit_defaults=True):
    """People a rule is for."""

    classes: Ids = ()
    groups: Ids = ()


class MealPeriod(msgspec.Struct, frozen=True):
    """Minutes of the local day, end excluded; an end at or before the start crosses midnight."""

    id: int
    site: int
    name: Text
    start_min: int
    end_min: int


class PriceRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """The price as a share of the list price (10,000 bp = 100 %, halves up) plus an amount."""

    id: int
    name: Text
    who: Who = Who()
    where: Where = Where()
    percent_bp: int = 10_000
    add_minor: int = 0


class Programme(msgspec.Struct, frozen=True, omit_defaults=True):
    """A source of benefit lots. `part_payment` False means all of the rest or nothing."""

    id: int
    name: Text
    where: Where = Where()
    part_payment: bool = True
    order: int = 0


class Limit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ceiling per sale or per business day, on the whole price or on the purse's part."""

    id: int
    name: Text
    window: Literal["sale", "day"]
    on: Literal["total", "purse"] = "total"
    who: Who = Who()
    where: Where = Where()
    max_minor: Amount | None = None
    max_count: Amount | None = None


class AgeStep(msgspec.Struct, frozen=True):
    """With a snapshot no older than `up_to_s`, a terminal may accept this much a sale and a person."""

    up_to_s: int
    sale_minor: Amount
    person_minor: Amount


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything `evaluate` may know besides the person, the place and the basket."""

    number: int
    starts_at_s: int
    min_evaluator: int = EVALUATOR_VERSION
    classes: tuple[tuple[int, Text], ...] = ()
    periods: Annotated[tuple[MealPeriod, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    prices: Annotated[tuple[PriceRule, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    programmes: Annotated[tuple[Programme, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    limits: Annotated[tuple[Limit, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    funding_order: tuple[Literal["lots", "purse"], ...] = ("lots", "purse")
    ages: tuple[AgeStep, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.funding_order)) != len(self.funding_order):
            raise ValueError("each source of funds is asked once")

    def programme(self, programme_id: int) -> Programme | None:
        """The programme of that id, or None where this policy does not know it."""
        return next((each for each in self.programmes if each.id == programme_id), None)


def encode_policy(policy: Policy) -> bytes:
    """The bytes that are numbered, signed (POLICY_DOMAIN) and kept for ever."""
    return msgspec.json.encode(policy)


def decode_policy(data: bytes) -> Policy:
    """Raises msgspec.ValidationError, naming the field, for anything that is not a policy."""
    return msgspec.json.decode(data, type=Policy)


def in_force(policies: tuple[Policy, ...], *, at_s: int) -> Policy | None:
    """The policy that governs a moment: the highest number already started that this evaluator can read."""
    started = [
        policy for policy in policies if policy.starts_at_s <= at_s and policy.min_evaluator <= EVALUATOR_VERSION
    ]
    return max(started, key=lambda policy: policy.number, default=None)
