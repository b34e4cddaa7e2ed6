"""Sales written down as people read them: local times, products by number, dates on which a grant ends.

The vectors and the page of rules by example are both in this form; all amounts are whole fen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from devices.core.catalogue import Catalogue, line_of
from devices.core.evaluate import evaluate, place
from devices.core.policy import Policy
from devices.core.quote import Line, Person, Quote, Tap

Case = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sale:
    """All that a decision needs, and the catalogue that names the products."""

    policy: Policy
    person: Person
    tap: Tap
    basket: tuple[Line, ...]
    catalogue: Catalogue

    def quote(self) -> Quote:
        return evaluate(policy=self.policy, person=self.person, tap=self.tap, basket=self.basket)


def sale_of(case: Case, common: Case) -> Sale:
    """`case` over `common`: its `policy`, `person` and `tap` add to those, field by field."""
    policy = msgspec.convert({**common["policy"], **case.get("policy", {})}, Policy)
    catalogue = msgspec.convert(common["catalogue"], Catalogue)
    given = {**common["tap"], **case.get("tap", {})}
    zone = ZoneInfo(given["zone"])
    person = dict(common["person"]) | case.get("person", {})
    person["lots"] = [[*lot[:3], _ends(lot[3], zone)] for lot in person.get("lots", [])]
    if "last" in person:
        person["last_s"] = _moment(person.pop("last"), zone)
    tap = place(
        at_s=_moment(given["at"], zone),
        zone=zone,
        site=given["site"],
        outlet=given["outlet"],
        day_starts_min=given["day_starts_min"],
        policy=policy,
    )
    basket = tuple(_line(each, catalogue) for each in case["basket"])
    return Sale(policy=policy, person=msgspec.convert(person, Person), tap=tap, basket=basket, catalogue=catalogue)


def _line(given: int | list[int], catalogue: Catalogue) -> Line:
    """A typed amount, or [product, quantity]."""
    if isinstance(given, int):
        return Line(given)
    product = catalogue.product(given[0])
    assert product is not None, f"there is no product {given[0]}"
    return line_of(product, quantity=given[1])


def _moment(local: str, zone: ZoneInfo) -> int:
    return int(datetime.fromisoformat(local).replace(tzinfo=zone).timestamp())


def _ends(last_day: str, zone: ZoneInfo) -> int:
    return _moment((date.fromisoformat(last_day) + timedelta(days=1)).isoformat(), zone)
