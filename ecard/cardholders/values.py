"""What other apps are given to know about cardholders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NewCardholder:
    """A person to be opened. `number` is the student or staff number."""

    number: str
    name: str
    group_id: int
    user_id: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangedCardholder:
    """All that one person is to be from now on. `id` is the cardholder's."""

    id: int
    name: str
    group_id: int
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CardholderView:
    """A cardholder with the limits of the group; `purse_id` is a ledger account. Amounts in minor units."""

    id: int
    account_ref: int
    number: str
    name: str
    active: bool
    purse_id: int
    group_id: int
    price_class: int
    offline_limit_minor: int
    per_sale_limit_minor: int
    max_offline_sales: int
    avoid_allergens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DenyEntry:
    """What terminals refuse of an account: codes issued before a time, or everything (None)."""

    account_ref: int
    codes_before: datetime | None
