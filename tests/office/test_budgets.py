"""Budgets: counted from the ledger, drawn, and told before they run dry."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from ecard.benefits.budgets import count_days, forecast_of
from ecard.benefits.models import Sponsor, SponsorDay
from ecard.benefits.operations import expire_grants, issue_grants
from tests.support.settling import World


@pytest.fixture
def sponsor(world: World) -> Sponsor:
    found: Sponsor = world.programme.sponsor
    found.budget_minor, found.budget_from, found.budget_to = 100_00, date(2026, 11, 1), date(2026, 12, 31)
    found.save()
    return found


def give(world: World, amount_minor: int, *, days: int) -> None:
    at = world.at + timedelta(days=days)
    issue_grants(
        programme=world.programme,
        cardholders=[world.person()],
        amount_minor=amount_minor,
        period_key=f"day {days}",
        expires_at=at + timedelta(days=1),
        at=at,
    )


def spent(sponsor: Sponsor) -> dict[date, int]:
    return dict(SponsorDay.objects.filter(sponsor=sponsor).values_list("day", "spent_minor"))


def test_each_day_is_counted_once_however_often_it_is_counted(world: World, sponsor: Sponsor) -> None:
    count_days(at=world.at)
    assert spent(sponsor) == {date(2026, 11, 20): 20_00}
    for days in range(1, 9):
        give(world, days * 1_00, days=days)
        count_days(at=world.at + timedelta(days=days))
    expected = {date(2026, 11, 20) + timedelta(days=days): days * 1_00 for days in range(1, 9)}
    assert spent(sponsor) == {date(2026, 11, 20): 20_00, **expected}
    count_days(at=world.at + timedelta(days=9))
    assert spent(sponsor) == {date(2026, 11, 20): 20_00, **expected}


def test_what_expires_comes_back_to_the_budget(world: World, sponsor: Sponsor) -> None:
    later = world.at + timedelta(days=30)
    expire_grants(at=later)
    count_days(at=later)
    standing = forecast_of(sponsor, at=later)
    assert standing is not None
    assert standing.spent_minor == 0


def test_a_sponsor_without_a_budget_has_no_forecast(world: World) -> None:
    assert forecast_of(world.programme.sponsor, at=world.at) is None


@pytest.mark.parametrize(("budget_minor", "said"), [(10_00, "Spent"), (100_000_00, "Lasts until")])
def test_the_page_and_the_first_page_say_how_a_budget_stands(
    world: World, sponsor: Sponsor, admin: Client, budget_minor: int, said: str
) -> None:
    sponsor.budget_minor, sponsor.budget_to = budget_minor, timezone.now().date() + timedelta(days=300)
    sponsor.save()
    count_days(at=world.at)
    page = admin.get("/admin/budgets/", headers={"accept-language": "en"}).content.decode()
    assert said in page
    assert "<svg" in page
    first = admin.get("/admin/", headers={"accept-language": "en"}).content.decode()
    assert "/admin/budgets/" in first


def test_no_budget_yet_says_what_to_do(world: World, admin: Client) -> None:
    page = admin.get("/admin/budgets/", headers={"accept-language": "en"}).content.decode()
    assert "No sponsor has a budget yet" in page


def test_whoever_may_not_see_sponsors_sees_no_budgets(world: World, sponsor: Sponsor) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    client = Client()
    client.force_login(clerk)
    assert client.get("/admin/budgets/").status_code == 403
