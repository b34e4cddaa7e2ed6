"""What a check finds, and where it is to be put right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from devices.core.policy import Block, Entitlement, Limit, PriceRule, Programme, Rule, Text


class Ref(NamedTuple):
    """The record to open: its model as "app.model", and its key."""

    model: str
    pk: int


_MODELS: dict[type[Rule], str] = {
    PriceRule: "benefits.pricerule",
    Programme: "benefits.programme",
    Entitlement: "benefits.entitlement",
    Limit: "benefits.spendlimit",
    Block: "benefits.block",
}
SETTINGS = Ref("benefits.policysettings", 1)


def ref_of(rule: Rule) -> Ref:
    """The record from which a rule was compiled."""
    return Ref(_MODELS[type(rule)], rule.id)


class FindingCode(StrEnum):
    """What is odd about a policy that may be published nevertheless."""

    TIED_PRICES = "tied_prices"
    DEAD_LIMIT = "dead_limit"
    SPONSOR_DRY = "sponsor_dry"
    EXCLUDES_EACH_OTHER = "excludes_each_other"
    THRESHOLD_TOO_HIGH = "threshold_too_high"
    DATES_OVER = "dates_over"
    DATES_REVERSED = "dates_reversed"
    NOT_SERVED_THEN = "not_served_then"
    NO_SUCH_DAY = "no_such_day"
    GROUP_EMPTY = "group_empty"
    LIST_EMPTY = "list_empty"
    CLASS_EMPTY = "class_empty"
    NOBODY = "nobody"
    NOT_SOLD = "not_sold"
    BLOCKS_NOTHING = "blocks_nothing"
    NOBODY_GETS_IT = "nobody_gets_it"
    NEVER_ISSUED = "never_issued"
    SOURCE_LEFT_OUT = "source_left_out"
    UNPRICED = "unpriced"
    SELLS_NOTHING = "sells_nothing"
    NO_OFFLINE = "no_offline"
    PRICED_AT_NOTHING = "priced_at_nothing"
    MANY_VOUCHER_SETS = "many_voucher_sets"


@dataclass(frozen=True, slots=True)
class Finding:
    """One oddity. `ref` is where to put it right; `rule` and `other` are what the two things at odds are called."""

    code: FindingCode
    ref: Ref
    rule: Text
    other: Text | None = None
    other_ref: Ref | None = None
    named: tuple[int, ...] = ()
    amount_minor: int = 0
