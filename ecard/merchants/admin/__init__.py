"""Places, calendars and products in Django admin, changed through operations."""

from ecard.merchants.admin import calendars, places, products

__all__ = ["calendars", "places", "products"]
