"""Issuing grants once, and returning what is left of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from ecard.benefits.errors import BadGrant
from ecard.benefits.models import Grant, Programme
from ecard.benefits.operations import EXPIRY_GRACE, expire_grants, issue_grants, open_programme
from ecard.benefits.queries import lots_of, sponsors_of_programmes
from ecard.benefits.values import IssueReport
from ecard.cardholders.operations import close_cardholder
from ecard.changes.models import Change, Topic
from ecard.ledger.operations import place_hold
from ecard.ledger.queries import balance_of, replay_check, sum_of_balances
from tests.support.campus import NOON, Campus, make_campus
from tests.support.database import OtherThread

EXPIRES = NOON + timedelta(days=10)


def issue(
    campus: Campus, programme: Programme, *, period_key: str = "2026-11", amount_minor: int = 50_00
) -> IssueReport:
    return issue_grants(
        programme=programme,
        cardholders=campus.people,
        amount_minor=amount_minor,
        period_key=period_key,
        expires_at=EXPIRES,
        at=NOON,
    )


@pytest.mark.django_db
def test_a_grant_moves_the_sponsors_money_into_a_lot_of_the_person() -> None:
    campus = make_campus()
    programme = open_programme(name="餐补", name_en="Meal subsidy")
    report = issue(campus, programme)
    assert report == IssueReport(issued=3, already=0, closed=0, amount_minor=150_00)
    lots = lots_of([person.account_ref for person in campus.people], at=NOON)
    assert {lot.remaining_minor for person in lots.values() for lot in person} == {50_00}
    assert {lot.programme for person in lots.values() for lot in person} == {programme.pk}
    assert {lot.expires_s for person in lots.values() for lot in person} == {int(EXPIRES.timestamp())}
    assert balance_of(programme.sponsor_id) == -150_00
    assert sum_of_balances() == 0
    assert sponsors_of_programmes([programme.pk]) == {programme.pk: programme.sponsor_id}


@pytest.mark.django_db
def test_a_second_run_for_the_same_period_issues_nothing() -> None:
    campus = make_campus()
    programme = open_programme(name="餐补")
    issue(campus, programme)
    assert issue(campus, programme) == IssueReport(issued=0, already=3, closed=0, amount_minor=0)
    assert issue(campus, programme, period_key="2026-12").issued == 3
    assert balance_of(programme.sponsor_id) == -300_00


@pytest.mark.django_db
def test_the_database_itself_refuses_a_second_grant_of_one_period() -> None:
    campus = make_campus()
    programme = open_programme(name="餐补")
    issue(campus, programme)
    grant = Grant.objects.first()
    assert grant is not None
    spare = open_programme(name="另一个")
    grant.pk, grant.account_id = None, spare.sponsor_id
    with pytest.raises(IntegrityError, match="benefits_grant_once_per_period"), transaction.atomic():
        grant.save(force_insert=True)


def test_two_runs_at_the_same_time_issue_each_grant_once(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    campus = make_campus(people=20)
    programme = open_programme(name="餐补")
    runs = [second_connection(lambda: issue(campus, programme)) for _ in range(3)]
    reports = [run.wait() for run in runs]
    assert sorted(report.issued for report in reports) == [0, 0, 20]
    assert Grant.objects.count() == 20
    assert balance_of(programme.sponsor_id) == -20 * 50_00


@pytest.mark.django_db
def test_a_run_tells_terminals_of_everyone_who_received() -> None:
    campus = make_campus()
    Change.objects.all().delete()
    issue(campus, open_programme(name="餐补"))
    change = Change.objects.get()
    assert change.topic == Topic.CARDHOLDER
    assert sorted(change.refs) == sorted(person.account_ref for person in campus.people)


@pytest.mark.django_db
def test_a_closed_account_receives_nothing() -> None:
    campus = make_campus()
    close_cardholder(cardholder=campus.people[0], at=NOON)
    report = issue(campus, open_programme(name="餐补"))
    assert (report.issued, report.closed) == (2, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"amount_minor": 0}, "amount"),
        ({"amount_minor": 100_000_01}, "amount"),
        ({"expires_at": NOON}, "expiry"),
        ({"period_key": ""}, "period"),
        ({"period_key": "x" * 41}, "period"),
    ],
)
def test_a_grant_nobody_could_mean_is_refused(changed: dict[str, Any], what: str) -> None:
    campus = make_campus(people=1)
    good: dict[str, Any] = {"amount_minor": 1, "expires_at": EXPIRES, "period_key": "2026-11"}
    with pytest.raises(BadGrant, match=what):
        issue_grants(programme=open_programme(name="餐补"), cardholders=campus.people, at=NOON, **{**good, **changed})
    assert not Grant.objects.exists()


@pytest.mark.django_db
def test_what_is_left_goes_back_to_the_sponsor_after_the_grace() -> None:
    campus = make_campus()
    programme = open_programme(name="餐补")
    issue(campus, programme)
    refs = [person.account_ref for person in campus.people]
    assert lots_of(refs, at=EXPIRES) == {}
    assert expire_grants(at=EXPIRES + EXPIRY_GRACE - timedelta(seconds=1)).grants == 0
    report = expire_grants(at=EXPIRES + EXPIRY_GRACE)
    assert (report.grants, report.returned_minor) == (3, 150_00)
    assert balance_of(programme.sponsor_id) == 0
    assert expire_grants(at=EXPIRES + EXPIRY_GRACE).grants == 0
    assert replay_check().differences == ()


@pytest.mark.django_db
def test_a_grant_with_an_open_hold_waits_for_the_next_sweep() -> None:
    campus = make_campus(people=1)
    issue(campus, open_programme(name="餐补"))
    grant = Grant.objects.get()
    swept_at = EXPIRES + EXPIRY_GRACE
    place_hold(
        account_id=grant.account_id,
        amount_minor=1,
        key="t",
        at=swept_at,
        expires_at=swept_at + timedelta(minutes=1),
    )
    assert expire_grants(at=swept_at).grants == 0
    assert balance_of(grant.account_id) == 50_00
