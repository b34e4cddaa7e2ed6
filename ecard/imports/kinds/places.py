"""Places as files name them: a code that is unique within a site comes after the site's, "main/n1"."""

from __future__ import annotations

from ecard.merchants.models import MealPeriod, Outlet


def outlets_by_code() -> dict[str, int]:
    """Outlets' ids."""
    rows = Outlet.objects.values_list("site__code", "code", "pk")
    return {f"{site}/{code}": pk for site, code, pk in rows}


def periods_by_code() -> dict[str, int]:
    """Meal periods' ids."""
    rows = MealPeriod.objects.values_list("site__code", "code", "pk")
    return {f"{site}/{code}": pk for site, code, pk in rows}
