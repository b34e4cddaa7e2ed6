"""The demo campus, made once through the real operations. Its rules are in `rules`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.models import Group as Rights
from django.db import transaction

from ecard.cardholders.models import Cardholder, Group
from ecard.cardholders.operations import make_price_class, open_cardholders, save_group, set_avoided
from ecard.cardholders.values import NewCardholder
from ecard.demo import menu, rules
from ecard.demo.fleet import FLEET
from ecard.demo.names import names
from ecard.merchants.models import Allergen, Merchant, Outlet, Site
from ecard.merchants.operations import save_meal_period, save_merchant, save_outlet, save_site
from ecard.payments.operations import TOP_UPS_LIMIT, top_ups
from ecard.payments.values import NewTopUp
from ecard.terminals.models import DeviceKind, Supervisor, Terminal, TerminalMode
from ecard.terminals.operations import publish, register, save_supervisor
from ecard.terminals.values import DeviceSettings

CLASS_STUDENT, CLASS_STAFF, CLASS_VISITOR, CLASS_PUPIL = 1, 2, 3, 4
STAFF_SHARE, VISITOR_SHARE, PUPIL_SHARE = 0.14, 0.04, 0.06
CHUNK = 2_000
OFFICE = ("admin", "manager")
"""Logins of administration; the others are of people with a phone."""
GROUP_OF_LOGIN = {"student": "students", "staff": "staff", "visitor": "visitors", "pupil": "pupils"}
MANAGER_RIGHTS = "食堂主管 · Canteen manager"

# code, Chinese, English, and their windows
_CANTEENS = (
    (
        "north",
        "北苑食堂",
        "North canteen",
        (("盖浇饭", "Rice bowls"), ("面食", "Noodles"), ("炒菜", "Stir-fry"), ("豆浆", "Soy milk")),
    ),
    (
        "south",
        "南苑食堂",
        "South canteen",
        (("自选餐", "Buffet"), ("麻辣烫", "Hot pot"), ("粥铺", "Porridge"), ("水果", "Fruit")),
    ),
    (
        "halal",
        "清真食堂",
        "Halal canteen",
        (("拉面", "Hand-pulled noodles"), ("抓饭", "Pilaf"), ("烤肉", "Grill"), ("奶茶", "Milk tea")),
    ),
    ("gym", "体育馆", "Gym", (("健身", "Fitness"),)),
)
# code, Chinese, English, and the outlet's names
_DEVICES_STAND_AT = (
    ("bus", "校园巴士", "Campus bus", "校园巴士1路", "Campus bus, line 1"),
    ("milk", "牛奶柜", "Milk cabinets", "教学楼牛奶柜", "Milk cabinet, teaching building"),
)
_STOPS = ("北门 North gate", "图书馆 Library", "第一教学楼 Building 1", "体育馆 Gym", "南门 South gate")
# by the name of the terminal: what a tap asks for, the price where it is fixed, and the device's own settings
_SET_TO: dict[str, tuple[TerminalMode, int, DeviceSettings]] = {
    "北苑1号机": (TerminalMode.FIXED, 15_00, DeviceSettings()),
    "南苑1号机": (TerminalMode.TYPED, 0, DeviceSettings(floor_minor=30_00)),
    "北苑4号机": (TerminalMode.PRODUCTS, 0, DeviceSettings()),
    "南苑称重台": (TerminalMode.TYPED, 0, DeviceSettings(kind=DeviceKind.WEIGHING, per_kg_minor=39_60)),
    "体育馆闸机": (TerminalMode.PASS, 0, DeviceSettings(kind=DeviceKind.GATE, anti_passback=True)),
    "校园巴士1路": (
        TerminalMode.FIXED,
        2_00,
        DeviceSettings(kind=DeviceKind.BUS, line="1", stops=_STOPS),
    ),
    "牛奶柜": (TerminalMode.PRODUCTS, 0, DeviceSettings(kind=DeviceKind.CABINET)),
}
# Every minute of the day belongs to one, so that the demo sells whenever it is opened.
_PERIODS = (
    ("breakfast", "早餐", "Breakfast", 6 * 60, 10 * 60),
    ("lunch", "午餐", "Lunch", 10 * 60, 14 * 60),
    ("afternoon", "下午茶", "Afternoon", 14 * 60, 16 * 60 + 30),
    ("dinner", "晚餐", "Dinner", 16 * 60 + 30, 20 * 60),
    ("night", "夜宵", "Late night", 20 * 60, 30 * 60),
)


@dataclass(frozen=True, slots=True)
class Login:
    """Someone who can sign in to the demo."""

    role: str
    number: str
    name: str


def seed(*, people: int, passwords: Mapping[str, str], at: datetime, bare: bool = False) -> bool:
    """Make the campus, all or nothing; False where it was made before. The keys must be there already.

    A `bare` campus has no rules but the steps offline: its canteen manager begins with the templates.
    """
    if Site.objects.exists():
        return False
    with transaction.atomic():
        admin = get_user_model().objects.create_superuser("admin", password=passwords["admin"])
        _manager(password=passwords["manager"])
        outlets = _places(at) + _outlets_of_devices(Site.objects.get(), at=at)
        menu.sell(outlets, at=at)
        menu.mark_holidays(outlets[0].site, by=admin, at=at)
        groups = _groups(at)
        cardholders = _people(groups, count=people, passwords=passwords, at=at)
        _fill_purses(cardholders, by=admin, at=at)
        by_group = {code: [each for each in cardholders if each.group_id == groups[code].pk] for code in groups}
        _avoid_gluten(by_group["pupils"], at=at)
        late = rules.late_shift(by_group["staff"], at=at)
        if not bare:
            rules.make_rules(rules.Campus(groups, by_group, outlets), late=late, at=at)
        equip(at=at)
        publish(at=at, starts_at=at, by=admin)
    return True


def logins() -> list[Login]:
    """Who can sign in: an administrator, a canteen manager, and the first of each group of cardholders."""
    held = Cardholder.objects.filter(user__isnull=False, group__code__in=GROUP_OF_LOGIN.values()).order_by("number")
    first: dict[str, Cardholder] = {}
    for each in held.select_related("group")[:20]:
        first.setdefault(each.group.code, each)
    found = [Login(role, role, "") for role in OFFICE]
    for role, code in GROUP_OF_LOGIN.items():
        if code in first:
            found.append(Login(role, first[code].number, first[code].name))
    return found


def terminals() -> list[Terminal]:
    """The demo's terminals, in the order they were registered."""
    return list(Terminal.objects.select_related("outlet").order_by("pk")[: len(FLEET)])


def _places(at: datetime) -> list[Outlet]:
    site = save_site(code="main", name="江城大学", name_en="River City University", at=at)
    for code, name, name_en, start, end in _PERIODS:
        save_meal_period(site=site, code=code, name=name, name_en=name_en, start_minute=start, end_minute=end, at=at)
    outlets = []
    for code, name, name_en, windows in _CANTEENS:
        merchant: Merchant = save_merchant(code=code, name=name, name_en=name_en)
        for number, (sells, sells_en) in enumerate(windows, start=1):
            outlet = save_outlet(
                site=site,
                merchant=merchant,
                code=f"{code}-{number}",
                name=f"{name}{number}号窗·{sells}",
                name_en=f"{name_en} {number} · {sells_en}",
                at=at,
            )
            outlets.append(outlet)
    return outlets


def _manager(*, password: str) -> None:
    made = get_user_model().objects.create_user("manager", password=password, is_staff=True)
    made.groups.add(Rights.objects.get(name=MANAGER_RIGHTS))


def appoint(pins: Mapping[str, str], *, at: datetime) -> None:
    """Who may open the supervisor's menu, where nobody is yet; `pins` by name."""
    site = Site.objects.get()
    if not Supervisor.objects.filter(site=site).exists():
        for name, pin in pins.items():
            save_supervisor(supervisor=Supervisor(), name=name, site=site, terminals=[], active=True, at=at, pin=pin)


def _outlets_of_devices(site: Site, *, at: datetime) -> list[Outlet]:
    """Where devices that are no canteen's stand."""
    outlets = []
    for code, name, name_en, outlet_name, outlet_name_en in _DEVICES_STAND_AT:
        merchant = save_merchant(code=code, name=name, name_en=name_en)
        made = save_outlet(
            site=site, merchant=merchant, code=f"{code}-1", name=outlet_name, name_en=outlet_name_en, at=at
        )
        outlets.append(made)
    return outlets


@transaction.atomic
def equip(*, at: datetime) -> None:
    """Register the devices that are missing: all of a new campus, or those that a kept one did not have yet."""
    known = set(Terminal.objects.values_list("outlet__code", "name")[: len(FLEET)])
    missing = [each for each in FLEET if (each.outlet, each.name) not in known]
    if not missing or Terminal.objects.count() + len(missing) > len(FLEET):
        return
    site = Site.objects.get()
    if not Outlet.objects.filter(code=menu.MILK_CABINET).exists():
        menu.sell_milk(_outlets_of_devices(site, at=at), at=at)
    at_outlet = {each.code: each for each in Outlet.objects.filter(code__in={each.outlet for each in missing})}
    for each in missing:
        mode, fixed_minor, device = _SET_TO[each.name]
        register(
            name=each.name, outlet=at_outlet[each.outlet], at=at, mode=mode, fixed_minor=fixed_minor, device=device
        )


def _avoid_gluten(pupils: list[Cardholder], *, at: datetime) -> None:
    """The first, who can sign in, and every tenth pupil."""
    gluten = Allergen.objects.get(code="gluten").pk
    for each in pupils[::10]:
        set_avoided(cardholder=each, allergens=[gluten], at=at)


def _groups(at: datetime) -> dict[str, Group]:
    rows = (
        ("students", "学生", "Students", CLASS_STUDENT, 200_00, 60_00, 20),
        ("staff", "教职工", "Staff", CLASS_STAFF, 300_00, 100_00, 20),
        ("visitors", "访客", "Visitors", CLASS_VISITOR, 50_00, 50_00, 5),
        ("pupils", "附小学生", "Pupils", CLASS_PUPIL, 100_00, 40_00, 10),
    )
    return {
        code: save_group(
            code=code,
            name=name,
            name_en=name_en,
            price_class=make_price_class(code=price_class, name=name, name_en=name_en),
            offline_limit_minor=offline_minor,
            per_sale_limit_minor=per_sale_minor,
            max_offline_sales=sales,
            at=at,
        )
        for code, name, name_en, price_class, offline_minor, per_sale_minor, sales in rows
    }


def _people(groups: Mapping[str, Group], *, count: int, passwords: Mapping[str, str], at: datetime) -> list[Cardholder]:
    staff, visitors, pupils = (max(2, int(count * share)) for share in (STAFF_SHARE, VISITOR_SHARE, PUPIL_SHARE))
    kinds = (
        ("students", "2026", count - staff - visitors - pupils, "student"),
        ("staff", "T", staff, "staff"),
        ("visitors", "V", visitors, "visitor"),
        ("pupils", "P", pupils, "pupil"),
    )
    drawn = names()
    new: list[NewCardholder] = []
    for code, prefix, size, login in kinds:
        for number, name in enumerate(islice(drawn, size), start=1):
            known_as = f"{prefix}{number:05d}"
            user_id = _user(known_as, passwords[login]) if number == 1 else None
            new.append(NewCardholder(known_as, name, groups[code].pk, user_id))
    opened: list[Cardholder] = []
    for start in range(0, len(new), CHUNK):
        opened += open_cardholders(people=new[start : start + CHUNK], at=at)
    return opened


def _user(number: str, password: str) -> int:
    return int(get_user_model().objects.create_user(number, password=password).pk)


def _fill_purses(cardholders: list[Cardholder], *, by: AbstractBaseUser, at: datetime) -> None:
    """From ¥60 to ¥300; each fortieth person came with almost nothing, and is declined at lunch."""
    new = [
        NewTopUp(each, 3_00 if place % 40 == 39 else 60_00 + place * 37 % 241 * 1_00, f"demo-seed-{each.number}")
        for place, each in enumerate(cardholders)
    ]
    for start in range(0, len(new), TOP_UPS_LIMIT):
        top_ups(new=new[start : start + TOP_UPS_LIMIT], by=by, at=at)
