"""What benefits take and give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeAlias

UsageRow: TypeAlias = tuple[int, date, int, int, int, int, int, int]
"""(account ref, business date, meal period, scope, total, purse part, count, moment in unix seconds) to be added.

A reversal's amounts and count are negative and its moment is 0.
"""


class Recipient(Protocol):
    """Who receives a grant: a Cardholder or a CardholderView."""

    @property
    def id(self) -> int: ...

    @property
    def account_ref(self) -> int: ...

    @property
    def number(self) -> str: ...


@dataclass(frozen=True, slots=True)
class IssueReport:
    """What one run of a subsidy did; `already` had theirs, `closed` have no account any more."""

    issued: int
    already: int
    closed: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ExpiryReport:
    """What one sweep returned to sponsors."""

    grants: int
    returned_minor: int
