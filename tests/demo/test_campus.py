"""The seeded campus, on the real database and through the real operations."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from devices.core.evaluate import place
from ecard.benefits.models import Grant
from ecard.benefits.queries import lots_of, policies_for_terminals
from ecard.cardholders.models import Cardholder
from ecard.codes.queries import waiting_draft
from ecard.demo import campus, ceremony
from ecard.demo.readback import books_balance
from ecard.ledger.queries import funds
from ecard.merchants.models import Allergen, CalendarDay, CalendarImport, Merchant, Outlet, Product, Site
from ecard.merchants.queries import catalogue_of
from ecard.terminals.models import Terminal
from tests.support.policies import policy_in_force

PEOPLE = 100
PASSWORDS = {"admin": "pass-a", "student": "pass-b", "staff": "pass-c"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def root_file(tmp_path: Path) -> Path:
    path = tmp_path / "root.json"
    assert ceremony.hold(root_file=path, passphrase="a passphrase for tests", at=timezone.now())
    return path


@pytest.fixture
def seeded(root_file: Path) -> None:
    assert campus.seed(people=PEOPLE, passwords=PASSWORDS, at=timezone.now())


def test_the_campus_is_made_once(seeded: None) -> None:
    assert not campus.seed(people=PEOPLE, passwords=PASSWORDS, at=timezone.now())
    assert Cardholder.objects.count() == PEOPLE
    assert (Merchant.objects.count(), Outlet.objects.count(), Terminal.objects.count()) == (3, 12, 2)
    assert set(Cardholder.objects.values_list("group__code", flat=True)) == {"students", "staff", "visitors"}
    assert books_balance()


def test_the_keys_ceremony_may_be_held_again(root_file: Path) -> None:
    assert not ceremony.hold(root_file=root_file, passphrase="a passphrase for tests", at=timezone.now())
    assert waiting_draft() is None


def test_every_minute_of_the_week_belongs_to_a_meal_period(seeded: None) -> None:
    soon = timezone.now() + timedelta(seconds=2)
    policy = policy_in_force(soon)
    assert policy is not None
    site = Site.objects.get()
    start_s = int(soon.timestamp())
    zone = soon.tzinfo
    assert zone is not None
    for minute in range(0, 24 * 60, 7):
        tap = place(at_s=start_s + minute * 60, zone=zone, site=site.pk, outlet=1, day_starts_min=0, policy=policy)
        assert tap.period


def test_every_purse_has_money_and_every_student_two_lots(seeded: None) -> None:
    purses = funds(Cardholder.objects.values_list("purse_id", flat=True))
    assert all(purse.balance_minor > 0 for purse in purses.values())
    students = Cardholder.objects.filter(group__code="students")
    lots = lots_of(students.values_list("account_ref", flat=True), at=timezone.now())
    assert len(lots) == students.count()
    assert {len(each) for each in lots.values()} == {2}
    assert all(first.expires_s < second.expires_s for first, second in lots.values())
    assert Grant.objects.count() == 2 * students.count()


def test_terminals_have_a_policy_that_names_every_rule(seeded: None) -> None:
    (signed,) = policies_for_terminals(timezone.now() + timedelta(seconds=2))
    policy = policy_in_force(timezone.now() + timedelta(seconds=2))
    assert policy is not None
    assert {rule.percent_bp for rule in policy.prices} == {8_000, 13_000}
    (subsidy,) = policy.programmes
    assert len(subsidy.where.outlets) == 4
    assert len(policy.limits) == 2
    assert len(signed.signature) == 64


def test_every_window_sells_something_and_cola_is_sold_everywhere(seeded: None) -> None:
    sold = [catalogue_of(outlet.pk) for outlet in Outlet.objects.all()]
    assert all(len(each.products) > 3 for each in sold)
    cola = Product.objects.get(code="cola")
    assert all(each.product(cola.pk) for each in sold)
    assert Product.objects.count() >= 24
    gluten = Allergen.objects.get(code="gluten")
    noodles = Product.objects.filter(category__code="noodles")
    assert noodles.count() == noodles.filter(allergens=gluten).count() == 4


def test_the_holidays_of_2026_came_by_an_import_that_can_be_undone(seeded: None) -> None:
    assert CalendarDay.objects.count() == 39
    assert len(CalendarImport.objects.get().days) == 39


def test_an_administrator_a_student_and_a_member_of_staff_can_sign_in(seeded: None) -> None:
    logins = campus.logins()
    assert [login.role for login in logins] == ["admin", "student", "staff"]
    for login in logins:
        user = get_user_model().objects.get(username=login.number)
        assert user.check_password(PASSWORDS[login.role])
        assert user.is_superuser is (login.role == "admin")
        assert Cardholder.objects.filter(user=user).exists() is (login.role != "admin")
