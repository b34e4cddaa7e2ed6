"""Reading places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ecard.merchants.models import Outlet


@dataclass(frozen=True, slots=True)
class OutletView:
    """An outlet with whom it pays; `account_id` is the merchant's ledger account."""

    id: int
    merchant_id: int
    account_id: int


def outlets_by_id(outlet_ids: Iterable[int]) -> dict[int, OutletView]:
    """Those of the outlets that exist, closed ones included; the caller bounds the ids."""
    rows = Outlet.objects.filter(pk__in=set(outlet_ids)).values_list("id", "merchant_id", "merchant__account_id")
    return {row[0]: OutletView(*row) for row in rows}
