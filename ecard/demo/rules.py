"""The demo campus's rules and what its sponsors gave: each story of the templates, set up by the same operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecard.benefits.models import (
    Block,
    BlockAction,
    Entitlement,
    LimitOn,
    PriceRule,
    Programme,
    ProgrammeKind,
    Schedule,
    SpendLimit,
    Sponsor,
    Window,
)
from ecard.benefits.operations import issue_grants, open_programme, open_sponsor
from ecard.cardholders.models import Cardholder, Group, PersonList
from ecard.cardholders.operations import add_members, save_list
from ecard.merchants.models import Allergen, Category, MealPeriod, Outlet

PERIOD = timedelta(days=30)
CANTEENS = ("north", "south", "halal")


@dataclass(frozen=True, slots=True)
class Campus:
    """What the rules are about; `people` by the code of their group."""

    groups: Mapping[str, Group]
    people: Mapping[str, Sequence[Cardholder]]
    outlets: Sequence[Outlet]

    def outlets_of(self, merchant: str) -> list[Outlet]:
        return [each for each in self.outlets if each.merchant.code == merchant]


def late_shift(staff: Sequence[Cardholder], *, at: datetime) -> PersonList:
    """Every other member of staff works late."""
    made = save_list(code="late-shift", name="晚班人员", name_en="Late shift", at=at)
    add_members(person_list=made, cardholder_ids=[each.pk for each in staff[::2]], at=at)
    return made


def make_rules(campus: Campus, *, late: PersonList, at: datetime) -> None:
    """All of the demo's rules, and the grants of its programmes."""
    affairs = _sponsor("学生处", "Student affairs", "CC-1001", budget_minor=400_000_00, at=at)
    union = _sponsor("工会", "Staff union", "CC-2001", budget_minor=60_000_00, at=at)
    _prices(campus.groups)
    _limits(campus.groups)
    _blocks(campus.groups)
    _free_breakfast(campus, sponsor=affairs)
    _meal_subsidy(campus, sponsor=affairs, at=at)
    _gym_allowance(campus, sponsor=affairs, at=at)
    _nutrition(campus, sponsor=affairs, at=at)
    _late_voucher(campus, late=late, sponsor=union, at=at)


def _sponsor(name: str, name_en: str, cost_centre: str, *, budget_minor: int, at: datetime) -> Sponsor:
    made = open_sponsor(name=name, name_en=name_en, cost_centre=cost_centre)
    made.budget_minor = budget_minor
    made.budget_from, made.budget_to = at.date() - PERIOD, at.date() + 3 * PERIOD
    made.save(update_fields=["budget_minor", "budget_from", "budget_to"])
    return made


def _prices(groups: Mapping[str, Group]) -> None:
    staff = PriceRule.objects.create(name="教职工八折", name_en="Staff 80 %", percent_bp=8_000)
    staff.classes.set([groups["staff"].price_class])
    visitors = PriceRule.objects.create(name="访客价", name_en="Visitor price", percent_bp=13_000)
    visitors.classes.set([groups["visitors"].price_class])


def _limits(groups: Mapping[str, Group]) -> None:
    SpendLimit.objects.create(name="单笔上限", name_en="Per sale", window=Window.SALE, max_minor=100_00)
    day = SpendLimit.objects.create(
        name="学生每日", name_en="Students a day", window=Window.DAY, on=LimitOn.PURSE, max_minor=120_00, max_count=12
    )
    day.groups.set([groups["students"]])


def _blocks(groups: Mapping[str, Group]) -> None:
    cola = Block.objects.create(name="不卖可乐", name_en="No cola")
    cola.groups.set([groups["pupils"]])
    cola.categories.set([Category.objects.get(code="fizzy")])
    gluten = Block.objects.create(name="麸质提醒", name_en="Gluten warning", action=BlockAction.WARN, avoided_only=True)
    gluten.allergens.set([Allergen.objects.get(code="gluten")])


def _free_breakfast(campus: Campus, *, sponsor: Sponsor) -> None:
    """In the canteens: on the bus or at the milk cabinet it would be gone before the meal."""
    free = Entitlement.objects.create(
        name="免费早餐", name_en="Free breakfast", sponsor=sponsor, agreed_minor=6_00, covers_minor=10_00
    )
    free.groups.set([campus.groups["pupils"]])
    free.outlets.set([each for code in CANTEENS for each in campus.outlets_of(code)])
    free.periods.set([MealPeriod.objects.get(code="breakfast")])


def _meal_subsidy(campus: Campus, *, sponsor: Sponsor, at: datetime) -> None:
    """Two lots each: a small one that ends within a week is spent before the month's."""
    subsidy = open_programme(name="学生餐补", name_en="Student meal subsidy", sponsor_id=sponsor.pk)
    subsidy.outlets.set(campus.outlets_of("north"))
    for period_key, amount_minor, days in (("week-1", 6_00, 7), ("month-1", 60_00, 30)):
        issue_grants(
            programme=subsidy,
            cardholders=campus.people["students"],
            amount_minor=amount_minor,
            period_key=period_key,
            expires_at=at + timedelta(days=days),
            at=at,
        )


def _gym_allowance(campus: Campus, *, sponsor: Sponsor, at: datetime) -> None:
    gym = open_programme(name="健身补贴", name_en="Gym allowance", sponsor_id=sponsor.pk)
    gym.outlets.set(campus.outlets_of("gym"))
    issue_grants(
        programme=gym,
        cardholders=campus.people["students"],
        amount_minor=100_00,
        period_key=str(at.year),
        expires_at=at + timedelta(days=365),
        at=at,
    )


def _nutrition(campus: Campus, *, sponsor: Sponsor, at: datetime) -> None:
    """A pupil's milk of the month; the cabinet takes it by itself."""
    milk = open_programme(name="营养补贴", name_en="Nutrition subsidy", sponsor_id=sponsor.pk)
    milk.outlets.set(campus.outlets_of("milk"))
    issue_grants(
        programme=milk,
        cardholders=campus.people["pupils"],
        amount_minor=80_00,
        period_key="month-1",
        expires_at=at + timedelta(days=30),
        at=at,
    )


def _late_voucher(campus: Campus, *, late: PersonList, sponsor: Sponsor, at: datetime) -> None:
    """Issued by hand for this week: the schedule's next one comes on Monday."""
    voucher = Programme.objects.create(
        name="晚班晚餐券",
        name_en="Late-shift dinner voucher",
        kind=ProgrammeKind.VOUCHER,
        sponsor=sponsor,
        amount_minor=15_00,
        threshold_minor=20_00,
        transferable=True,
        for_list=late,
        schedule=Schedule.BY_HAND,
    )
    voucher.periods.set([MealPeriod.objects.get(code="dinner")])
    on_the_list = set(late.members.values_list("cardholder_id", flat=True))
    issue_grants(
        programme=voucher,
        cardholders=[each for each in campus.people["staff"] if each.pk in on_the_list],
        amount_minor=15_00,
        period_key="week-1",
        expires_at=at + timedelta(days=7),
        at=at,
    )
