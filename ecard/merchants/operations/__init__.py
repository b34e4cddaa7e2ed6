"""Making places, times, calendars and products."""

from ecard.merchants.operations.calendars import import_days, remove_day, save_day, undo_import
from ecard.merchants.operations.places import close_outlet, save_meal_period, save_merchant, save_outlet, save_site
from ecard.merchants.operations.products import save_allergen, save_category, save_product

__all__ = [
    "close_outlet",
    "import_days",
    "remove_day",
    "save_allergen",
    "save_category",
    "save_day",
    "save_meal_period",
    "save_merchant",
    "save_outlet",
    "save_product",
    "save_site",
    "undo_import",
]
