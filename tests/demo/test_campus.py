"""The seeded campus, on the real database and through the real operations."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from devices.core.evaluate import evaluate
from devices.core.evaluate import place as placed
from devices.core.quote import Line, Person
from ecard.benefits.models import Block, Entitlement, Grant, PriceRule, Programme, SpendLimit, Sponsor
from ecard.benefits.queries import lots_of, policies_for_terminals
from ecard.cardholders.models import Cardholder, Group
from ecard.codes.queries import waiting_draft
from ecard.demo import campus, ceremony, place
from ecard.demo.readback import books_balance
from ecard.ledger.queries import funds
from ecard.merchants.models import Allergen, CalendarDay, CalendarImport, Merchant, Outlet, Product, Site
from ecard.merchants.queries import catalogue_of
from ecard.terminals.models import Terminal
from tests.support.policies import policy_in_force

PEOPLE = 100
PASSWORDS = {login: f"pass-{login}" for login in place.LOGINS}

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
    assert (Merchant.objects.count(), Outlet.objects.count(), Terminal.objects.count()) == (6, 15, 7)
    groups = set(Cardholder.objects.values_list("group__code", flat=True))
    assert groups == {"students", "staff", "visitors", "pupils"}
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
        tap = placed(at_s=start_s + minute * 60, zone=zone, site=site.pk, outlet=1, day_starts_min=0, policy=policy)
        assert tap.period


def test_every_purse_has_money_and_every_student_meal_money_and_an_allowance_for_the_gym(seeded: None) -> None:
    purses = funds(Cardholder.objects.values_list("purse_id", flat=True))
    assert all(purse.balance_minor > 0 for purse in purses.values())
    students = Cardholder.objects.filter(group__code="students")
    lots = lots_of(students.values_list("account_ref", flat=True), at=timezone.now())
    assert len(lots) == students.count()
    assert {len(each) for each in lots.values()} == {3}
    assert all(each == tuple(sorted(each, key=lambda lot: lot.expires_s)) for each in lots.values())
    assert Grant.objects.filter(cardholder__group__code="students").count() == 3 * students.count()


def test_half_of_the_staff_works_late_and_has_a_voucher(seeded: None) -> None:
    staff = Cardholder.objects.filter(group__code="staff")
    holders = Grant.objects.filter(programme__for_list__code="late-shift").values_list("cardholder__number", flat=True)
    assert set(holders) == set(list(staff.order_by("number").values_list("number", flat=True))[::2])


def test_terminals_have_a_policy_that_names_every_rule(seeded: None) -> None:
    (signed,) = policies_for_terminals(timezone.now() + timedelta(seconds=2))
    policy = policy_in_force(timezone.now() + timedelta(seconds=2))
    assert policy is not None
    assert {rule.percent_bp for rule in policy.prices} == {8_000, 13_000}
    assert [len(each.where.outlets) for each in policy.programmes] == [4, 1, 1, 0]
    assert {each.action for each in policy.blocks} == {"refuse", "warn"}
    assert (len(policy.limits), len(policy.entitlements)) == (2, 1)
    assert len(signed.signature) == 64


@pytest.mark.parametrize(("outlet", "free"), [("north-4", True), ("milk-1", False), ("bus-1", False), ("gym-1", False)])
def test_a_pupils_free_breakfast_is_eaten_in_a_canteen_and_not_drunk_or_ridden(
    seeded: None, outlet: str, free: bool
) -> None:
    soon = timezone.now() + timedelta(seconds=2)
    policy, site, where = policy_in_force(soon), Site.objects.get(), Outlet.objects.get(code=outlet)
    assert policy is not None
    zone = ZoneInfo(site.zone)
    at_breakfast = soon.astimezone(zone).replace(hour=8) + timedelta(days=1)
    tap = placed(
        at_s=int(at_breakfast.timestamp()), zone=zone, site=site.pk, outlet=where.pk, day_starts_min=0, policy=policy
    )
    pupil = Group.objects.get(code="pupils")
    person = Person(1, pupil.price_class.code, purse_minor=50_00, per_sale_minor=50_00, groups=(pupil.pk,))
    quote = evaluate(policy=policy, person=person, tap=tap, basket=(Line(3_50),))
    assert [leg.source for leg in quote.legs] == ["entitlement" if free else "purse"]


def test_each_sponsor_has_a_budget(seeded: None) -> None:
    assert {each.budget_minor for each in Sponsor.objects.all()} == {400_000_00, 60_000_00}


def test_a_bare_campus_has_people_places_and_products_and_no_rules(root_file: Path) -> None:
    assert campus.seed(people=PEOPLE, passwords=PASSWORDS, at=timezone.now(), bare=True)
    rules = (Programme, Entitlement, PriceRule, SpendLimit, Block)
    assert not any(rule._base_manager.exists() for rule in rules)
    assert policy_in_force(timezone.now() + timedelta(seconds=2)) is not None
    assert (Cardholder.objects.count(), Terminal.objects.count()) == (PEOPLE, 7)


def test_every_window_sells_something_and_cola_is_sold_everywhere(seeded: None) -> None:
    sold = [catalogue_of(outlet.pk) for outlet in Outlet.objects.exclude(merchant__code__in=("bus", "milk"))]
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


def test_administration_and_one_person_of_each_group_can_sign_in(seeded: None) -> None:
    logins = campus.logins()
    assert tuple(login.role for login in logins) == place.LOGINS
    for login in logins:
        user = get_user_model().objects.get(username=login.number)
        assert user.check_password(PASSWORDS[login.role])
        assert user.is_superuser is (login.role == "admin")
        assert user.is_staff is (login.role in campus.OFFICE)
        assert Cardholder.objects.filter(user=user).exists() is (login.role not in campus.OFFICE)


def test_the_manager_edits_rules_and_drafts_and_does_not_approve(seeded: None) -> None:
    manager = get_user_model().objects.get(username="manager")
    for may in ("benefits.add_programme", "benefits.change_pricerule", "benefits.add_policydraft"):
        assert manager.has_perm(may)
    for may_not in ("approvals.approve_policy", "approvals.approve_run", "auth.change_user"):
        assert not manager.has_perm(may_not)
