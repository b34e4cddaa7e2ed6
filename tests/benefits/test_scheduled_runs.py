"""Programmes that issue by their calendar: approved once, each period once, and what goes over to the next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from ecard.approvals.operations import approve
from ecard.benefits import runs
from ecard.benefits.models import ActiveSchedule, Duplicate, Ends, Grant, LeftOut, Programme, Run, RunState, Schedule
from ecard.benefits.operations import EXPIRY_GRACE, expire_grants, open_programme, open_sponsor
from ecard.benefits.runs.errors import BadRun
from ecard.ledger.operations import place_hold
from ecard.ledger.queries import balance_of
from tests.benefits.paying import lots, paid, staff, subsidy
from tests.benefits.test_run_reversals import spend
from tests.support.books import assert_books_balance
from tests.support.campus import make_campus
from tests.support.database import OtherThread

NOVEMBER = datetime(2026, 10, 31, 16, 0, tzinfo=UTC)
"""1 November 2026, 0:00 in Shanghai."""
DECEMBER = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
JANUARY = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def monthly(**terms: Any) -> Programme:
    """50.00 on the first of each month."""
    programme = open_programme(name="餐补", name_en="Meal subsidy")
    given = {"amount_minor": 50_00, "schedule": Schedule.MONTHLY, "schedule_day": 1, **terms}
    for name, value in given.items():
        setattr(programme, name, value)
    programme.save()
    return programme


def activated(programme: Programme, *, at: datetime = NOVEMBER) -> Programme:
    asked = runs.ask_schedule(programme_id=programme.pk, by=staff("clerk"), at=at - MINUTE)
    approve(approval_id=asked.pk, by=staff("boss"), at=at - MINUTE, reauthenticated=False)
    return programme


def tick(at: datetime) -> list[str]:
    """What the hour's look issues: the periods."""
    made = runs.run_due(clock=lambda: at)
    return list(Run.objects.filter(pk__in=made).order_by("pk").values_list("period_key", flat=True))


@pytest.mark.django_db
def test_a_schedule_that_nobody_approved_issues_nothing() -> None:
    make_campus(at=NOVEMBER - MINUTE)
    programme = monthly()
    assert tick(NOVEMBER) == []
    runs.ask_schedule(programme_id=programme.pk, by=staff("clerk"), at=NOVEMBER)
    assert tick(NOVEMBER) == []
    assert not Run.objects.exists()


@pytest.mark.django_db
def test_an_approved_schedule_issues_each_period_once_from_its_first_minute() -> None:
    campus = make_campus(at=NOVEMBER - MINUTE)
    activated(monthly())
    assert tick(NOVEMBER - timedelta(seconds=1)) == []
    assert tick(NOVEMBER) == ["2026-11"]
    for later in (MINUTE, timedelta(days=1), timedelta(days=29)):
        assert tick(NOVEMBER + later) == []
    assert lots(campus.people) == [50_00] * 3
    run = Run.objects.get()
    assert (run.state, run.scheduled, run.expires_at) == (RunState.POSTED, True, DECEMBER)
    assert tick(DECEMBER) == ["2026-12"]
    assert_books_balance()


@pytest.mark.django_db
def test_what_was_missed_while_the_server_slept_is_issued_late_as_long_as_it_counts() -> None:
    make_campus(at=NOVEMBER - MINUTE)
    activated(monthly())
    assert tick(NOVEMBER) == ["2026-11"]
    assert tick(JANUARY + timedelta(days=20)) == ["2027-01"]
    run = Run.objects.latest("pk")
    assert run.expires_at == datetime(2027, 1, 31, 16, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_an_issue_whose_last_day_is_over_is_not_made_any_more() -> None:
    make_campus(at=NOVEMBER - MINUTE)
    activated(monthly(ends=Ends.DATE, ends_on=date(2026, 11, 30)))
    assert tick(NOVEMBER) == ["2026-11"]
    assert tick(DECEMBER) == []


@pytest.mark.django_db
def test_changed_terms_need_another_approval() -> None:
    make_campus(at=NOVEMBER - MINUTE)
    programme = activated(monthly())
    assert tick(NOVEMBER) == ["2026-11"]
    Programme.objects.filter(pk=programme.pk).update(amount_minor=5_000_00)
    assert tick(DECEMBER) == []
    Programme.objects.filter(pk=programme.pk).update(amount_minor=50_00)
    assert tick(DECEMBER) == ["2026-12"]
    Programme.objects.filter(pk=programme.pk).update(amount_minor=60_00)
    activated(Programme.objects.get(pk=programme.pk), at=JANUARY)
    assert tick(JANUARY) == ["2027-01"]
    assert Run.objects.latest("pk").amount_minor == 60_00
    assert ActiveSchedule.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"schedule": Schedule.WEEKLY},
        {"schedule_day": 2},
        {"pieces": 2},
        {"ends": Ends.DAYS, "ends_days": 300},
        {"for_attributes": {"grade": ["1"]}},
    ],
)
def test_each_of_its_terms_is_part_of_what_was_approved(change: dict[str, Any]) -> None:
    make_campus(at=NOVEMBER - MINUTE)
    programme = activated(monthly())
    Programme.objects.filter(pk=programme.pk).update(**change)
    assert tick(NOVEMBER + timedelta(days=1)) == []


@pytest.mark.django_db
def test_a_programme_out_of_use_issues_nothing() -> None:
    make_campus(at=NOVEMBER - MINUTE)
    programme = activated(monthly())
    Programme.objects.filter(pk=programme.pk).update(active=False)
    assert tick(NOVEMBER) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "terms", [{"schedule": Schedule.BY_HAND}, {"schedule": Schedule.ONCE}, {"schedule": Schedule.DATES}]
)
def test_a_calendar_without_days_cannot_be_asked_for(terms: dict[str, Any]) -> None:
    programme = monthly(**terms)
    with pytest.raises(BadRun):
        runs.ask_schedule(programme_id=programme.pk, by=staff("clerk"), at=NOVEMBER)


@pytest.mark.django_db
def test_whoever_got_the_period_by_hand_is_left_out_of_the_schedules_run() -> None:
    campus = make_campus(at=NOVEMBER - MINUTE)
    programme = activated(monthly())
    first = campus.people[0]
    paid(subsidy(programme=programme, uploaded=f"{first.number},", expires_at=DECEMBER, at=NOVEMBER), at=NOVEMBER)
    assert tick(NOVEMBER) == ["2026-11"]
    line = Run.objects.latest("pk").lines.get(cardholder=first)
    assert (line.left_out, line.duplicate) == (LeftOut.DUPLICATE, Duplicate.SAME_PERIOD)
    assert lots(campus.people) == [50_00] * 3


@pytest.mark.django_db
def test_a_weekly_programme_does_not_take_its_own_last_week_for_a_duplicate() -> None:
    campus = make_campus(at=NOVEMBER - MINUTE)
    activated(monthly(schedule=Schedule.WEEKLY, schedule_day=1))
    monday = NOVEMBER + timedelta(days=1)
    assert tick(monday + timedelta(hours=5)) == ["2026-W45"]
    assert tick(monday + timedelta(days=7)) == ["2026-W46"]
    assert lots(campus.people) == [100_00] * 3


@pytest.mark.django_db
def test_the_database_itself_refuses_a_second_scheduled_run_of_a_period() -> None:
    make_campus(at=NOVEMBER - MINUTE)
    programme = activated(monthly())
    tick(NOVEMBER)
    with pytest.raises(IntegrityError, match="scheduled_once_per_period"), transaction.atomic():
        subsidy(programme=programme, scheduled=True, at=NOVEMBER, expires_at=DECEMBER)


def test_two_beats_at_the_same_time_issue_a_period_once(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    campus = make_campus(people=9, at=NOVEMBER - MINUTE)
    activated(monthly())
    others = [second_connection(lambda: tick(NOVEMBER)) for _each in range(2)]
    made = [tick(NOVEMBER), *(other.wait() for other in others)]
    assert sorted(len(each) for each in made) == [0, 0, 1]
    assert lots(campus.people) == [50_00] * 9
    assert_books_balance()


@pytest.mark.django_db
def test_what_is_left_goes_over_up_to_the_cap_and_the_rest_returns_to_the_sponsor() -> None:
    campus = make_campus(at=NOVEMBER - MINUTE)
    programme = activated(monthly(ends=Ends.ROLLOVER, rollover_cap_minor=20_00))
    tick(NOVEMBER)
    november = {grant.cardholder_id: grant for grant in Grant.objects.all()}
    spend(november[campus.people[0].pk].account_id, 35_00)
    spend(november[campus.people[1].pk].account_id, 50_00)
    assert tick(DECEMBER) == ["2026-12"]
    december = Grant.objects.filter(period_key="2026-12").order_by("cardholder_id")
    assert [balance_of(grant.account_id) for grant in december] == [65_00, 50_00, 70_00]
    assert Run.objects.latest("pk").rolled_minor == 35_00
    assert [balance_of(november[person.pk].account_id) for person in campus.people] == [0, 0, 30_00]
    expire_grants(at=DECEMBER + EXPIRY_GRACE)
    assert balance_of(november[campus.people[2].pk].account_id) == 0
    assert balance_of(programme.sponsor_id) == -(3 * 50_00 + 3 * 50_00) + 30_00
    assert_books_balance()


@pytest.mark.django_db
def test_what_is_held_for_a_sale_does_not_go_over_and_nothing_goes_over_twice() -> None:
    campus = make_campus(people=1, at=NOVEMBER - MINUTE)
    activated(monthly(schedule=Schedule.WEEKLY, schedule_day=1, ends=Ends.ROLLOVER, rollover_cap_minor=20_00))
    monday = NOVEMBER + timedelta(days=1)
    tick(monday)
    first = Grant.objects.get()
    place_hold(account_id=first.account_id, amount_minor=45_00, key="k", at=monday, expires_at=monday + EXPIRY_GRACE)
    tick(monday + timedelta(days=7))
    second = Grant.objects.get(period_key="2026-W46")
    assert balance_of(second.account_id) == 55_00
    tick(monday + timedelta(days=7, hours=1))
    tick(monday + timedelta(days=14))
    third = Grant.objects.get(period_key="2026-W47")
    assert balance_of(third.account_id) == 70_00
    assert balance_of(first.account_id) == 45_00
    assert campus.people[0].grants.count() == 3
    assert_books_balance()


def test_the_database_keeps_no_schedule_without_an_amount(db: None) -> None:
    sponsor = open_sponsor(name="后勤")
    with pytest.raises(IntegrityError, match="scheduled_with_an_amount"):
        Programme.objects.create(name="无额", sponsor=sponsor, schedule=Schedule.MONTHLY)
