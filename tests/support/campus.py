"""A small campus made through the real operations, for tests of what stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ecard.cardholders.models import Cardholder, Group, PriceClass
from ecard.cardholders.operations import make_price_class, open_cardholders, save_group
from ecard.cardholders.values import NewCardholder
from ecard.merchants.models import MealPeriod, Merchant, Outlet, Site
from ecard.merchants.operations import save_meal_period, save_merchant, save_outlet, save_site

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
"""Friday 12:00 in Shanghai."""


@dataclass(frozen=True, slots=True)
class Campus:
    site: Site
    merchant: Merchant
    outlet: Outlet
    other_outlet: Outlet
    lunch: MealPeriod
    price_class: PriceClass
    group: Group
    people: tuple[Cardholder, ...]


def make_campus(*, people: int = 3, at: datetime = NOON) -> Campus:
    """One site with two outlets, lunch from 10:30 to 13:30, and students S0001, S0002, …"""
    site = save_site(code="main", name="本部", name_en="Main campus", at=at)
    merchant = save_merchant(code="north", name="北食堂", name_en="North canteen")
    first, second = (
        save_outlet(site=site, merchant=merchant, code=f"n{number}", name=f"{number}号窗口", at=at) for number in (1, 2)
    )
    lunch = save_meal_period(
        site=site, code="lunch", name="午餐", name_en="Lunch", start_minute=630, end_minute=810, at=at
    )
    price_class = make_price_class(code=1, name="学生", name_en="Student")
    group = save_group(
        code="students",
        name="学生",
        name_en="Students",
        price_class=price_class,
        offline_limit_minor=200_00,
        per_sale_limit_minor=60_00,
        max_offline_sales=20,
        at=at,
    )
    opened = open_cardholders(
        people=[
            NewCardholder(number=f"S{number:04d}", name="张三", group_id=group.pk) for number in range(1, people + 1)
        ],
        at=at,
    )
    return Campus(site, merchant, first, second, lunch, price_class, group, tuple(opened))
