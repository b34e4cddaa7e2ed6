"""Why a place, a time or a product is refused."""

from __future__ import annotations


class MerchantError(Exception):
    """The family. Nothing was changed."""


class UnknownZone(MerchantError):
    """The administrator named a time zone that does not exist; `args[0]` is the name."""


class PeriodsOverlap(MerchantError):
    """The administrator gave a meal period a time that another one of the site already has."""


class BadTime(MerchantError):
    """The administrator gave minutes that are no time of day, or an end before the start."""


class BadPrice(MerchantError):
    """The administrator gave a product a price that a terminal cannot charge; `args[0]` is the product's code."""


class CatalogueFull(MerchantError):
    """The administrator put more products at an outlet than its terminals hold; `args[0]` is the outlet's id."""


class ImportUndone(MerchantError):
    """The administrator undid an import that was undone before."""


class DaysChangedSince(MerchantError):
    """The administrator undid an import whose days were changed after it; `args[0]` are those dates."""
