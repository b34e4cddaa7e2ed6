"""Where, when and what is sold: places and meals, calendars, products."""

from ecard.merchants.models.calendars import CalendarDay, CalendarImport, DayActsAs
from ecard.merchants.models.places import MealPeriod, Merchant, Outlet, Site
from ecard.merchants.models.products import Allergen, ButtonColour, Category, Placement, Product
from ecard.merchants.naming import Named

__all__ = [
    "Allergen",
    "ButtonColour",
    "CalendarDay",
    "CalendarImport",
    "Category",
    "DayActsAs",
    "MealPeriod",
    "Merchant",
    "Named",
    "Outlet",
    "Placement",
    "Product",
    "Site",
]
