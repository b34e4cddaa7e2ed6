"""What the operations are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class NewPlacement:
    """A product's button at an outlet; `price_minor` None: the product's own price."""

    outlet_id: int
    place: int = 0
    colour: str = ""
    price_minor: int | None = None


@dataclass(frozen=True, slots=True)
class DayKind:
    """What a day is to the rules: 0 = Monday to 6, or 7 for a holiday."""

    acts_as: int
    name: str = ""
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class NewDay:
    """A day of a calendar; `kind` None: the usual day its weekday says."""

    date: date
    kind: DayKind | None


@dataclass(frozen=True, slots=True)
class DayChange:
    """What an import does to one day; None is a usual day."""

    date: date
    before: DayKind | None
    after: DayKind | None
