"""Why a place or a time is refused."""

from __future__ import annotations


class MerchantError(Exception):
    """The family. Nothing was changed."""


class UnknownZone(MerchantError):
    """The administrator named a time zone that does not exist; `args[0]` is the name."""


class PeriodsOverlap(MerchantError):
    """The administrator gave a meal period a time that another one of the site already has."""


class BadTime(MerchantError):
    """The administrator gave minutes that are no time of day, or an end before the start."""
