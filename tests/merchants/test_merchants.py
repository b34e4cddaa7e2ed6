"""Sites, merchants, outlets and meal periods."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from ecard.changes.models import Change, Topic
from ecard.ledger.models import Account, AccountKind
from ecard.merchants import operations, queries
from ecard.merchants.errors import BadTime, PeriodsOverlap, UnknownZone
from ecard.merchants.models import MealPeriod, Outlet, Site
from ecard.merchants.rules import MINUTES_PER_DAY, clashes, clock_text

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def site(db: None) -> Site:
    return operations.save_site(code="east", name="东校区", name_en="East campus", at=AT)


def period(site: Site, code: str, start: int, end: int) -> MealPeriod:
    return operations.save_meal_period(site=site, code=code, name=code, start_minute=start, end_minute=end, at=AT)


def test_a_merchant_gets_a_busy_account_of_its_own(db: None) -> None:
    merchant = operations.save_merchant(code="noodles", name="面馆")
    account = Account.objects.get(pk=merchant.account_id)
    assert (account.kind, account.floor_minor) == (AccountKind.MERCHANT, None)
    renamed = operations.save_merchant(code="noodles", name="新面馆")
    assert (renamed.pk, renamed.account_id, renamed.name) == (merchant.pk, merchant.account_id, "新面馆")


def test_outlets_come_with_whom_they_pay_closed_ones_too(site: Site) -> None:
    merchant = operations.save_merchant(code="noodles", name="面馆")
    outlet = operations.save_outlet(site=site, merchant=merchant, code="n1", name="一号窗口", at=AT)
    open_one = queries.outlets_by_id([outlet.pk, 30_000])
    assert open_one == {outlet.pk: queries.OutletView(outlet.pk, merchant.pk, merchant.account_id)}
    operations.close_outlet(outlet=outlet, at=AT)
    assert queries.outlets_by_id([outlet.pk]) == open_one


def test_an_outlet_keeps_its_number_when_it_is_changed(site: Site) -> None:
    first, second = (operations.save_merchant(code=code, name=code) for code in ("a", "b"))
    outlet = operations.save_outlet(site=site, merchant=first, code="n1", name="old", at=AT)
    changed = operations.save_outlet(site=site, merchant=second, code="n1", name="new", at=AT)
    assert changed.pk == outlet.pk
    assert Outlet.objects.get().merchant == second


def test_what_changes_at_a_site_is_told_to_terminals(site: Site) -> None:
    Change.objects.all().delete()
    period(site, "lunch", 660, 780)
    assert list(Change.objects.values_list("topic", "refs")) == [(Topic.SITE, [site.pk])]


def test_meal_periods_come_in_order_and_may_not_overlap(site: Site) -> None:
    period(site, "lunch", 660, 780)
    period(site, "breakfast", 390, 540)
    assert [found.code for found in site.meal_periods.all()] == ["breakfast", "lunch"]
    with pytest.raises(PeriodsOverlap):
        period(site, "brunch", 530, 670)
    assert period(site, "lunch", 670, 790).start_minute == 670


def test_a_meal_past_midnight_meets_the_early_one(site: Site) -> None:
    period(site, "late", 1_320, 1_500)
    with pytest.raises(PeriodsOverlap):
        period(site, "early", 30, 120)
    period(site, "early", 60, 120)


@pytest.mark.parametrize(("start", "end"), [(600, 600), (700, 600), (-1, 10), (1_440, 1_500), (0, 1_441)])
def test_minutes_that_are_no_period_are_refused(site: Site, start: int, end: int) -> None:
    with pytest.raises(BadTime):
        period(site, "x", start, end)


def test_the_database_refuses_a_period_that_ends_before_it_starts(site: Site) -> None:
    made = period(site, "lunch", 660, 780)
    with pytest.raises(IntegrityError), transaction.atomic():
        MealPeriod.objects.filter(pk=made.pk).update(end_minute=600)


def test_a_time_zone_that_does_not_exist_is_refused(db: None) -> None:
    with pytest.raises(UnknownZone):
        operations.save_site(code="x", name="x", zone="Mars/Olympus", at=AT)
    with pytest.raises(BadTime):
        operations.save_site(code="x", name="x", day_starts_minute=1_440, at=AT)


@given(
    start=st.integers(0, MINUTES_PER_DAY - 1),
    length=st.integers(1, MINUTES_PER_DAY),
    other_start=st.integers(0, MINUTES_PER_DAY - 1),
    other_length=st.integers(1, MINUTES_PER_DAY),
)
def test_periods_overlap_exactly_when_they_share_a_minute_of_the_clock(
    start: int, length: int, other_start: int, other_length: int
) -> None:
    minutes = {minute % MINUTES_PER_DAY for minute in range(start, start + length)}
    others = {minute % MINUTES_PER_DAY for minute in range(other_start, other_start + other_length)}
    found = clashes((start, start + length, ()), [(other_start, other_start + other_length, (0,))])
    assert found == bool(minutes & others)


def test_meals_of_different_days_may_share_their_hours(site: Site) -> None:
    save = partial(operations.save_meal_period, site=site, at=AT)
    lunch = save(code="lunch", name="午餐", start_minute=660, end_minute=780, weekdays=[4, 0, 1, 2, 3, 0])
    assert lunch.weekdays == [0, 1, 2, 3, 4]
    save(code="brunch", name="早午餐", start_minute=600, end_minute=780, weekdays=[5, 6, 7])
    with pytest.raises(PeriodsOverlap):
        save(code="snack", name="点心", start_minute=700, end_minute=710)
    with pytest.raises(PeriodsOverlap):
        save(code="snack", name="点心", start_minute=700, end_minute=710, weekdays=[7])


def test_a_meal_past_midnight_keeps_clear_of_any_morning(site: Site) -> None:
    """With make-up days any kind of day may follow any other."""
    save = partial(operations.save_meal_period, site=site, at=AT)
    save(code="late", name="夜宵", start_minute=1_320, end_minute=1_500, weekdays=[4])
    with pytest.raises(PeriodsOverlap):
        save(code="early", name="早点", start_minute=30, end_minute=120, weekdays=[0])


@pytest.mark.parametrize("days", [[8], [-1], [0, 9]])
def test_a_day_that_is_none_is_refused(site: Site, days: list[int]) -> None:
    with pytest.raises(BadTime):
        operations.save_meal_period(site=site, code="x", name="x", start_minute=60, end_minute=90, weekdays=days, at=AT)
    made = period(site, "y", 60, 90)
    with pytest.raises(IntegrityError), transaction.atomic():
        MealPeriod.objects.filter(pk=made.pk).update(weekdays=[8])


@pytest.mark.parametrize(("minute", "text"), [(0, "00:00"), (690, "11:30"), (1_439, "23:59"), (1_500, "01:00")])
def test_minutes_are_shown_as_a_clock(minute: int, text: str) -> None:
    assert clock_text(minute) == text
