"""Reading places and meal periods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ecard.merchants.models import MealPeriod, Outlet

OUTLETS_LIMIT = 5_000


@dataclass(frozen=True, slots=True)
class OutletView:
    """An outlet with whom it pays; `account_id` is the merchant's ledger account."""

    id: int
    code: str
    name: str
    name_en: str
    site_id: int
    merchant_id: int
    account_id: int
    open: bool


@dataclass(frozen=True, slots=True)
class MealPeriodView:
    """A meal period in minutes after local midnight, the end excluded (it may pass 1440)."""

    id: int
    code: str
    name: str
    name_en: str
    start_minute: int
    end_minute: int


def outlets_of_site(site_id: int) -> list[OutletView]:
    """The open outlets of a site, in order of code."""
    return _outlets(site_id=site_id, closed_at__isnull=True)


def outlets_by_id(outlet_ids: Iterable[int]) -> dict[int, OutletView]:
    """Those of the outlets that exist, closed ones included."""
    return {view.id: view for view in _outlets(pk__in=set(outlet_ids))}


def meal_periods_of_site(site_id: int) -> list[MealPeriodView]:
    """The meal periods of a site, in order of their start."""
    rows = MealPeriod.objects.filter(site_id=site_id).order_by("start_minute")
    return [
        MealPeriodView(*row) for row in rows.values_list("id", "code", "name", "name_en", "start_minute", "end_minute")
    ]


def _outlets(**condition: object) -> list[OutletView]:
    rows = Outlet.objects.filter(**condition).order_by("code")
    fields = ("id", "code", "name", "name_en", "site_id", "merchant_id", "merchant__account_id", "closed_at")
    return [
        OutletView(
            id=row[0],
            code=row[1],
            name=row[2],
            name_en=row[3],
            site_id=row[4],
            merchant_id=row[5],
            account_id=row[6],
            open=row[7] is None,
        )
        for row in rows.values_list(*fields)[:OUTLETS_LIMIT]
    ]
