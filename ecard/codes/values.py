"""What goes into issuing and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol


class AccountHolder(Protocol):
    """Whoever is known by an account ref: a Cardholder row or a CardholderView."""

    @property
    def account_ref(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Credential:
    """A device-bound code without its moment, for one local day. `credential` is 132 bytes; times are unix seconds."""

    date: date
    credential: bytes
    not_before_s: int
    not_after_s: int


class PreSigned(NamedTuple):
    """One pre-signed code and the unix second at which its slot begins."""

    not_before_s: int
    text: str


@dataclass(frozen=True, slots=True)
class ServingHours:
    """Minutes of the local day in which a zone sells, as a set."""

    zone: str
    minutes: frozenset[int]


@dataclass(frozen=True, slots=True)
class IssueLimits:
    """What one person may draw a local day, and what a pre-signed code may at most do. Amounts in minor units.

    A pre-signed list is worth what its holder is worth until it runs out, so it is worth less than a phone's code.
    """

    credentials_a_day: int = 400
    pre_signed_a_day: int = 20_000
    pre_signed_per_sale_minor: int = 30_00
    pre_signed_offline_minor: int = 50_00
    pre_signed_sales: int = 5


@dataclass(frozen=True, slots=True)
class RoleState:
    """Where the keys of a role stand. `successor_since` None: the successor awaits the root, or there is none.

    `due`: the key in use is old enough to be rotated.
    """

    role: str
    label: str
    key_id: int | None
    since: datetime | None
    successor_id: int | None
    successor_since: datetime | None
    due: bool


@dataclass(frozen=True, slots=True)
class ListVersion:
    """A numbered key list; `data` is the draft's body, or the wire form the root signed."""

    number: int
    data: bytes
    at: datetime
