"""Past sales under a draft: the same rules change nothing, others change what they must, and nothing is lost midway."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from devices.core.quote import Lot
from ecard.benefits.models import (
    Block,
    Entitlement,
    LimitOn,
    PriceRule,
    Programme,
    ProgrammeKind,
    Schedule,
    SpendLimit,
    Window,
)
from ecard.benefits.operations import issue_grants, open_programme, open_sponsor
from ecard.benefits.queries import policy_by_number
from ecard.settlement.models import (
    Outcome,
    RehearsalPerson,
    RehearsalSale,
    Sale,
)
from tests.support.campus import NOON
from tests.support.policies import publish_rules
from tests.support.rehearsing import DAY, rehearse, results, sold
from tests.support.settling import Till, World, make_till

pytestmark = pytest.mark.django_db


def test_under_the_policy_in_force_nothing_differs(world: World, till: Till) -> None:
    """Not even where a terminal that knew nothing of the others let a second sale of the day through."""
    SpendLimit.objects.create(name="日", window=Window.DAY, max_minor=90_00, max_count=1, on=LimitOn.PURSE)
    SpendLimit.objects.create(name="周", window=Window.WEEK, max_minor=300_00)
    world.policy = policy_by_number(publish_rules(at=world.at - timedelta(minutes=5)).number)
    lots = {place: world.lots(place) for place in range(3)}
    for place in (0, 1, 2, 0, 1):
        till.sell(place, 8_00, lots=lots[place])
    sold(world, till, 4_00, 60_00)
    found = results(rehearse())
    assert (found["sales"], found["same"], found["outcomes"], found["declined"]) == (7, 7, {}, {})
    assert found["own"]["now_minor"] == found["own"]["draft_minor"] > 0
    assert all(pair["now_minor"] == pair["draft_minor"] for pair in found["sponsors"].values())
    assert found["sponsors"]
    assert not RehearsalSale.objects.exists()
    assert RehearsalPerson.objects.filter(changed=0, more_minor=0).count() == 3


def test_a_dearer_price_shows_who_pays_more_and_what_merchants_take(world: World, till: Till) -> None:
    sold(world, till, 10_00, 20_00, 30_00, 10_00)
    PriceRule.objects.create(name="涨", percent_bp=11_000)
    rehearsal = rehearse()
    found = results(rehearsal)
    assert found["own"] == {"now_minor": 70_00, "draft_minor": 77_00}
    (merchant,) = found["merchants"].values()
    assert merchant == {"now_minor": 70_00, "draft_minor": 77_00}
    assert found["people_more"] == {"count": 3, "amount_minor": 7_00}
    assert found["outcomes"] == {str(int(Outcome.MORE)): {"count": 4, "amount_minor": 7_00}}
    dearest = RehearsalSale.objects.order_by("id").first()
    assert dearest is not None
    assert (dearest.now_minor, dearest.draft_minor, dearest.more_minor) == (30_00, 33_00, 3_00)
    first = RehearsalPerson.objects.get(rehearsal=rehearsal, account_ref=world.person(0).account_ref)
    assert (first.sales, first.now_minor, first.draft_minor, first.more_minor) == (2, 20_00, 22_00, 2_00)


def test_what_would_not_have_been_sold_is_counted_with_its_reason_and_left_out_of_who_pays(
    world: World, till: Till
) -> None:
    sold(world, till, 30_00, 30_00, 30_00, people=1)
    SpendLimit.objects.create(name="日", window=Window.DAY, max_minor=70_00)
    found = results(rehearse())
    assert found["declined"] == {"over_day_limit": {"count": 1, "amount_minor": 30_00}}
    assert found["own"] == {"now_minor": 60_00, "draft_minor": 60_00}
    kept = RehearsalSale.objects.get()
    assert (kept.outcome, kept.why, kept.now_minor) == (Outcome.DECLINED, "over_day_limit", 30_00)
    person = RehearsalPerson.objects.get()
    assert (person.declined, person.declined_minor, person.more_minor) == (1, 30_00, 0)


def test_a_sale_that_is_not_made_leaves_room_for_the_next(world: World, till: Till) -> None:
    """60 is refused, so that 30 after it fits below 70, and then 50 does not."""
    sold(world, till, 60_00, 30_00, 50_00, people=1)
    SpendLimit.objects.create(name="笔", window=Window.SALE, max_minor=55_00)
    SpendLimit.objects.create(name="日", window=Window.DAY, max_minor=70_00)
    rehearse()
    kept = {row.amount_minor: row.why for row in RehearsalSale.objects.all()}
    assert kept == {60_00: "over_sale_limit", 50_00: "over_day_limit"}


@pytest.mark.parametrize("window", [Window.PERIOD, Window.DAY, Window.WEEK, Window.MONTH])
def test_a_window_that_nobody_counted_then_is_counted_here(world: World, till: Till, window: Window) -> None:
    sold(world, till, 10_00, 10_00, 10_00, people=1)
    SpendLimit.objects.create(name="限", window=window, max_count=2)
    found = results(rehearse())
    assert found["declined"] == {"too_many_in_window": {"count": 1, "amount_minor": 10_00}}


def test_what_was_spent_earlier_in_the_month_counts_though_the_stretch_begins_later(world: World, till: Till) -> None:
    sold(world, till, 40_00, people=1)
    till.clock += timedelta(days=1)
    world.at += timedelta(days=1)
    world.phones.clear()
    sold(world, till, 40_00, people=1)
    SpendLimit.objects.create(name="月", window=Window.MONTH, max_minor=70_00)
    next_day = DAY + timedelta(days=1)
    found = results(rehearse(from_date=next_day, to_date=next_day))
    assert found["declined"] == {"over_month_limit": {"count": 1, "amount_minor": 40_00}}


def test_a_limit_of_its_own_place_counts_only_there(world: World, till: Till) -> None:
    other = make_till(world, number=2, other_outlet=True)
    for one in (till, other):
        sold(world, one, 30_00, 30_00, people=1)
    limit = SpendLimit.objects.create(name="此处", window=Window.DAY, max_minor=50_00)
    limit.outlets.set([world.campus.other_outlet])
    rehearse()
    assert [row.outlet_id for row in RehearsalSale.objects.all()] == [world.campus.other_outlet.pk]


def test_the_least_time_between_two_sales_is_taken_from_the_last_that_would_be_made(world: World, till: Till) -> None:
    """Ten seconds apart: with a gap of 15 every second one is refused, and the refused ones do not count."""
    sold(world, till, 1_00, 2_00, 3_00, 4_00, people=1)
    SpendLimit.objects.create(name="隔", window=Window.DAY, min_gap_s=15)
    rehearse()
    assert sorted(RehearsalSale.objects.values_list("amount_minor", flat=True)) == [2_00, 4_00]


def new_programme(world: World, *, amount_minor: int = 100_00, **terms: Any) -> Programme:
    """A programme that the policy in force does not know."""
    sponsor = open_sponsor(name="后勤处")
    made = Programme.objects.create(name="健身", name_en="Gym", sponsor=sponsor, amount_minor=amount_minor, **terms)
    made.for_groups.set([world.campus.group])
    return made


@pytest.mark.parametrize(
    "terms",
    [
        {"schedule": Schedule.ONCE, "schedule_dates": [date(2027, 1, 1)]},
        {"schedule": Schedule.DATES, "schedule_dates": [date(2026, 9, 1), date(2027, 2, 20)]},
        {"schedule": Schedule.MONTHLY, "schedule_day": 1},
        {"schedule": Schedule.BY_HAND},
    ],
)
def test_a_hundred_a_year_that_only_one_place_takes_shows_what_it_would_cost(
    world: World, till: Till, terms: dict[str, Any]
) -> None:
    gym = make_till(world, number=2, other_outlet=True)
    sold(world, till, 20_00, 20_00)
    sold(world, gym, 60_00, 60_00, people=1)
    programme = new_programme(world, **terms)
    programme.outlets.set([world.campus.other_outlet])
    found = results(rehearse())
    assert found["sponsors"] == {str(programme.sponsor_id): {"now_minor": 0, "draft_minor": 100_00}}
    assert found["own"] == {"now_minor": 160_00, "draft_minor": 60_00}
    assert found["people_less"] == {"count": 1, "amount_minor": 100_00}


def test_a_new_programme_is_issued_anew_on_each_of_its_days_in_the_stretch(world: World, till: Till) -> None:
    sold(world, till, 10_00, 10_00, people=1)
    for _day in range(4):
        till.clock += timedelta(days=1)
        world.at += timedelta(days=1)
        world.phones.clear()
        sold(world, till, 10_00, people=1)
    new_programme(world, amount_minor=7_00, schedule=Schedule.WEEKLY, schedule_day=1)
    found = results(rehearse(to_date=DAY + timedelta(days=4)))
    (pair,) = found["sponsors"].values()
    assert pair == {"now_minor": 0, "draft_minor": 14_00}, "Friday's week and Monday's"


def test_a_new_programme_is_only_for_those_it_is_for(world: World, till: Till) -> None:
    sold(world, till, 10_00, 10_00)
    programme = new_programme(world, schedule=Schedule.MONTHLY)
    programme.for_groups.clear()
    programme.for_attributes = {"grade": ["9"]}
    programme.save()
    assert results(rehearse())["sponsors"] == {}


def test_a_programme_that_was_in_force_is_not_issued_again(world: World, till: Till) -> None:
    Programme.objects.update(amount_minor=50_00, schedule=Schedule.MONTHLY)
    sold(world, till, 10_00, 10_00)
    assert results(rehearse())["sponsors"] == {}


def test_a_voucher_that_the_draft_keeps_for_later_is_there_later(world: World, till: Till) -> None:
    """The real one took 15 off the first sale; under the draft its threshold is 30, so it waits for the second."""
    programme = open_programme(name="夜宵券")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER, threshold_minor=10_00)
    issue_grants(
        programme=Programme.objects.get(pk=programme.pk),
        cardholders=[world.person()],
        amount_minor=15_00,
        period_key="one",
        expires_at=NOON + timedelta(days=1),
        at=NOON,
    )
    world.policy = policy_by_number(publish_rules(at=world.at - timedelta(minutes=5)).number)
    lots = tuple(lot for lot in world.lots() if lot.programme == programme.pk)
    assert len(lots) == 1
    till.sell(0, 20_00, lots=lots)
    sold(world, till, 40_00, people=1)
    Programme.objects.filter(pk=programme.pk).update(threshold_minor=30_00)
    found = results(rehearse())
    assert found["sponsors"] == {str(programme.sponsor_id): {"now_minor": 15_00, "draft_minor": 15_00}}
    kept = {row.amount_minor: row.more_minor for row in RehearsalSale.objects.all()}
    assert kept == {20_00: 15_00, 40_00: -15_00}


def test_a_lot_that_the_draft_spends_first_is_gone_later(world: World, till: Till) -> None:
    lots = tuple(Lot(lot.id, lot.programme, lot.remaining_minor, lot.expires_s) for lot in world.lots())
    Programme.objects.update(part_payment=False)
    world.policy = policy_by_number(publish_rules(at=world.at - timedelta(minutes=5)).number)
    till.sell(0, 9_00, lots=lots)
    till.sell(0, 5_00, lots=lots)
    till.upload()
    world.settle()
    Programme.objects.update(part_payment=True)
    found = results(rehearse())
    (pair,) = found["sponsors"].values()
    assert pair == {"now_minor": 5_00, "draft_minor": 5_00}
    assert {row.amount_minor: row.more_minor for row in RehearsalSale.objects.all()} == {9_00: -5_00, 5_00: 5_00}


def test_a_free_meal_is_counted_and_borne_by_its_sponsor(world: World, till: Till) -> None:
    sold(world, till, 10_00, 10_00, people=1)
    sponsor = open_sponsor(name="工会")
    Entitlement.objects.create(name="午餐", sponsor=sponsor, window=Window.PERIOD, count=1, agreed_minor=8_00)
    found = results(rehearse())
    assert found["sponsors"] == {str(sponsor.pk): {"now_minor": 0, "draft_minor": 8_00}}
    assert found["own"] == {"now_minor": 20_00, "draft_minor": 10_00}
    assert found["amount"] == {"now_minor": 20_00, "draft_minor": 18_00}


def test_a_new_meal_period_is_looked_up_for_old_sales(world: World, till: Till) -> None:
    """Lunch moves to the evening: sales of noon fall outside, so a price for lunch is no price for them."""
    sold(world, till, 10_00)
    rule = PriceRule.objects.create(name="午", percent_bp=5_000)
    rule.periods.set([world.campus.lunch])
    assert results(rehearse())["own"]["draft_minor"] == 5_00
    world.campus.lunch.start_minute, world.campus.lunch.end_minute = 1_080, 1_200
    world.campus.lunch.save()
    assert results(rehearse())["own"]["draft_minor"] == 10_00


def test_sales_taken_back_and_sales_in_suspense_are_no_part_of_it(world: World, till: Till) -> None:
    seq = till.sell(0, 10_00)
    till.reverse(seq)
    till.sell(1, 10_00, code=world.code(2, at=till.clock))
    sold(world, till, 20_00)
    assert Sale.objects.count() == 3
    assert results(rehearse())["sales"] == 1


def test_what_is_blocked_is_told_by_its_reason(world: World, till: Till) -> None:
    sold(world, till, 10_00)
    Block.objects.create(name="无")
    assert results(rehearse())["declined"] == {}
