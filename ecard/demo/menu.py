"""What the demo's canteens sell, and China's holidays of 2026."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.contrib.auth.models import AbstractBaseUser

from ecard import merchants
from ecard.merchants.calendar_rows import calendar_of
from ecard.merchants.models import Allergen, Outlet, Site
from ecard.merchants.operations import import_days, save_category, save_product
from ecard.merchants.tables import rows_of_file
from ecard.merchants.values import NewPlacement

HOLIDAYS = Path(merchants.__file__).parent / "static" / "merchants" / "china-2026.csv"
EVERYWHERE = "*"
MILK_CABINET = "milk-1"
NOT_EVERYWHERE = ("bus-1", MILK_CABINET)
"""A bus and a milk cabinet sell what is theirs."""

_Product = tuple[str, str, str, str, int, str, str]

# code, Chinese, English, and the colour of the buttons
_CATEGORIES = (
    ("rice", "米饭套餐", "Rice meals", ""),
    ("noodles", "面食", "Noodles", "warn"),
    ("dishes", "炒菜", "Dishes", ""),
    ("breakfast", "粥点", "Breakfast", "yes"),
    ("fruit", "水果", "Fruit", "yes"),
    ("drinks", "饮品", "Drinks", "info"),
    ("fizzy", "碳酸饮料", "Fizzy drinks", "no"),
    ("sports", "运动", "Sports", "info"),
)
# code, Chinese, English, category, price, allergens, and the windows that sell it
_PRODUCTS = (
    ("beef-rice", "红烧牛肉饭", "Braised beef rice", "rice", 15_00, "gluten soya", "north-1"),
    ("curry-rice", "咖喱鸡饭", "Chicken curry rice", "rice", 13_00, "gluten milk celery mustard", "north-1"),
    ("pork-rice", "卤肉饭", "Stewed pork rice", "rice", 12_00, "gluten soya eggs", "north-1"),
    ("pilaf", "羊肉抓饭", "Lamb pilaf", "rice", 18_00, "", "halal-2"),
    ("beef-noodles", "牛肉面", "Beef noodles", "noodles", 14_00, "gluten soya", "north-2"),
    ("egg-noodles", "番茄鸡蛋面", "Tomato and egg noodles", "noodles", 10_00, "gluten eggs", "north-2"),
    ("zhajiang-noodles", "炸酱面", "Noodles with soybean paste", "noodles", 12_00, "gluten soya", "north-2"),
    ("pulled-noodles", "兰州拉面", "Hand-pulled noodles", "noodles", 13_00, "gluten", "halal-1"),
    ("mapo-tofu", "麻婆豆腐", "Mapo tofu", "dishes", 8_00, "soya", "north-3 south-1"),
    ("gongbao-chicken", "宫保鸡丁", "Gongbao chicken", "dishes", 12_00, "peanuts soya", "north-3"),
    ("greens", "清炒时蔬", "Stir-fried greens", "dishes", 6_00, "", "north-3 south-1"),
    ("egg-tomato", "番茄炒蛋", "Scrambled eggs with tomato", "dishes", 8_00, "eggs", "north-3 south-1"),
    ("steamed-fish", "清蒸鱼", "Steamed fish", "dishes", 16_00, "fish soya", "north-3 south-1"),
    ("shrimp", "白灼虾", "Poached shrimp", "dishes", 20_00, "crustaceans", "south-1"),
    ("malatang", "麻辣烫", "Spicy hot pot", "dishes", 16_00, "soya peanuts sesame", "south-2"),
    ("lamb-skewer", "羊肉串", "Lamb skewer", "dishes", 5_00, "sesame", "halal-3"),
    ("millet-porridge", "小米粥", "Millet porridge", "breakfast", 2_00, "", "south-3"),
    ("egg-porridge", "皮蛋瘦肉粥", "Porridge with pork and century egg", "breakfast", 4_00, "eggs", "south-3"),
    ("bun", "肉包", "Pork bun", "breakfast", 2_50, "gluten soya", "north-4 south-3"),
    ("youtiao", "油条", "Fried dough stick", "breakfast", 2_00, "gluten", "north-4 south-3"),
    ("apple", "苹果", "Apple", "fruit", 3_00, "", "south-4"),
    ("fruit-cup", "水果杯", "Fruit cup", "fruit", 8_00, "", "south-4"),
    ("soya-milk", "豆浆", "Soya milk", "drinks", 2_50, "soya", "north-4 south-3"),
    ("yoghurt", "酸奶", "Yoghurt", "drinks", 5_00, "milk", "north-4 halal-4"),
    ("milk-tea", "珍珠奶茶", "Bubble tea", "drinks", 10_00, "milk", "halal-4"),
    ("gym-visit", "健身房单次", "Gym visit", "sports", 20_00, "", "gym-1"),
    ("badminton", "羽毛球场一小时", "Badminton court for an hour", "sports", 30_00, "", "gym-1"),
    ("whole-milk", "纯牛奶", "Whole milk", "drinks", 3_50, "milk", MILK_CABINET),
    ("low-fat-milk", "低脂牛奶", "Low-fat milk", "drinks", 3_50, "milk", MILK_CABINET),
    ("drinking-yoghurt", "酸奶饮品", "Drinking yoghurt", "drinks", 4_50, "milk", MILK_CABINET),
    ("oat-milk", "燕麦奶", "Oat drink", "drinks", 5_00, "gluten", MILK_CABINET),
    ("water", "矿泉水", "Mineral water", "drinks", 2_00, "", EVERYWHERE),
    ("cola", "可乐", "Cola", "fizzy", 3_50, "", EVERYWHERE),
    ("lemonade", "柠檬汽水", "Lemonade", "fizzy", 3_50, "", EVERYWHERE),
)


def sell(outlets: Sequence[Outlet], *, at: datetime) -> None:
    """Put the products on the outlets' buttons, food first."""
    _sell(_PRODUCTS, outlets, at=at)


def sell_milk(outlets: Sequence[Outlet], *, at: datetime) -> None:
    """Only what is sold at the milk cabinet, for a campus that sells the rest already."""
    _sell([each for each in _PRODUCTS if each[-1] == MILK_CABINET], outlets, at=at)


def _sell(products: Sequence[_Product], outlets: Sequence[Outlet], *, at: datetime) -> None:
    made = {code: save_category(code=code, name=name, name_en=en, at=at) for code, name, en, _colour in _CATEGORIES}
    colours = {code: colour for code, _name, _en, colour in _CATEGORIES}
    allergens = {each.code: each for each in Allergen.objects.all()[:100]}
    for place, (code, name, name_en, category, price_minor, contains, windows) in enumerate(products):
        placements = [
            NewPlacement(outlet.pk, place=place, colour=colours[category])
            for outlet in outlets
            if (windows == EVERYWHERE and outlet.code not in NOT_EVERYWHERE) or outlet.code in windows.split()
        ]
        save_product(
            code=code,
            name=name,
            name_en=name_en,
            category=made[category],
            price_minor=price_minor,
            allergens=[allergens[each] for each in contains.split()],
            placements=placements,
            at=at,
        )


def mark_holidays(site: Site, *, by: AbstractBaseUser, at: datetime) -> None:
    """Bring in the holidays and make-up days of 2026, as an administrator would."""
    calendar = calendar_of(rows_of_file(HOLIDAYS.read_bytes()))
    import_days(site=site, days=calendar.days, source=HOLIDAYS.name, by=by, at=at)
