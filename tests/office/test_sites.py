"""A login limited to site A neither reads nor writes site B's, whatever address or number it guesses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin
from django.contrib.admin import site as admin_site
from django.contrib.auth.models import Group as RightsGroup
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from devices.core.notes import SHIFT_OPENED
from ecard.benefits.models import Entitlement, LimitOn, PriceRule, SpendLimit, Sponsor, Window
from ecard.benefits.operations import open_programme, open_sponsor
from ecard.merchants.models import CalendarDay, MealPeriod, Outlet, Product, Site
from ecard.merchants.operations import (
    import_days,
    save_category,
    save_meal_period,
    save_merchant,
    save_outlet,
    save_product,
    save_site,
)
from ecard.merchants.values import DayKind, NewDay, NewPlacement
from ecard.office.models import SiteRight
from ecard.office.roles import ROLES, make_roles
from ecard.office.scoping import SCOPES, SHARED, Scoped
from ecard.settlement.models import Sale
from ecard.terminals.models import Supervisor, Terminal
from ecard.terminals.operations import invite, save_supervisor
from tests.support.asking import Asker
from tests.support.campus import NOON
from tests.support.settling import World, make_till, make_world


@dataclass(frozen=True)
class Theirs:
    """What stands at one site."""

    site: Site
    outlet: Outlet
    meal: MealPeriod
    product: Product
    records: tuple[Model, ...]


def make_theirs(world: World, name: str, *, number: int) -> Theirs:
    """A site with one of everything that belongs to a site, sales included."""
    at = NOON
    site = save_site(code=name, name=f"校区{name}", at=at)
    merchant = save_merchant(code=f"m-{name}", name=f"商户{name}")
    outlet = save_outlet(site=site, merchant=merchant, code="o", name=f"窗口{name}", at=at)
    meal = save_meal_period(site=site, code="l", name=f"午餐{name}", start_minute=630, end_minute=810, at=at)
    import_days(site=site, days=[NewDay(at.date(), DayKind(7, f"假{name}"))], source=name, by=None, at=at)
    drinks = save_category(code="drinks", name="饮料", at=at)
    product = save_product(
        code=f"cola-{name}", name="可乐", category=drinks, price_minor=3_00, placements=[NewPlacement(outlet.pk)], at=at
    )
    till = make_till(world, number=number)
    Terminal.objects.filter(pk=till.terminal.pk).update(outlet=outlet)
    till.terminal.refresh_from_db()
    till.reverse(till.sell(0, 1_00))
    till.sell(1, 400_00)
    till.let_through(1)
    till.note(SHIFT_OPENED)
    till.upload()
    world.settle()
    Asker(till).ask(1_00)
    invite(terminal=till.terminal, by=User.objects.create(username=f"inviter-{name}"), at=at)
    return Theirs(site, outlet, meal, product, tuple(_records(site, outlet, till.terminal, product, name)))


def _records(site: Site, outlet: Outlet, terminal: Terminal, product: Product, name: str) -> Iterator[Model]:
    yield from (site, outlet, *site.meal_periods.all(), *CalendarDay.objects.filter(site=site), product, terminal)
    yield from site.calendar_imports.all()
    yield from (*terminal.streams.all(), *terminal.sales.all(), *terminal.batches.all())
    yield from (*terminal.sale_exceptions.all(), *terminal.passages.all(), *terminal.notes.all())
    yield from terminal.authorised_holds.all()
    save_supervisor(supervisor=Supervisor(), name="王", site=site, terminals=(), active=True, pin="280417", at=NOON)
    yield from site.supervisors.all()
    for sale in terminal.sales.all():
        if hasattr(sale, "reversal"):
            yield sale.reversal
    programme = open_programme(name=f"补贴{name}")
    programme.sites.set([site])
    rule = PriceRule.objects.create(name=f"价{name}", percent_bp=9_000)
    rule.outlets.set([outlet])
    limit = SpendLimit.objects.create(name=f"限{name}", window=Window.DAY, on=LimitOn.TOTAL, max_minor=500_00)
    limit.periods.set(site.meal_periods.all())
    sponsor = Sponsor.objects.first() or open_sponsor(name="校方")
    meal = Entitlement.objects.create(name=f"餐{name}", sponsor=sponsor, agreed_minor=5_00)
    meal.sites.set([site])
    yield from (programme, rule, limit, meal)


@pytest.fixture
def world(db: None) -> World:
    return make_world(at=NOON, people=2)


@pytest.fixture
def mine(world: World) -> Theirs:
    return make_theirs(world, "a", number=51)


@pytest.fixture
def other(world: World, mine: Theirs) -> Theirs:
    return make_theirs(world, "b", number=52)


@pytest.fixture
def manager(mine: Theirs, other: Theirs) -> Client:
    """With every right there is, and limited to one site: only the limit holds it back."""
    user = User.objects.create_user("manager", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    SiteRight.objects.create(user=user, site=mine.site)
    client = Client()
    client.force_login(user)
    return client


def page(record: Model, kind: str) -> str:
    meta = record._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{kind}", args=[record.pk])


def registered(records: tuple[Model, ...]) -> list[Model]:
    return [each for each in records if type(each) in admin_site._registry]


def list_page(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_changelist")


def test_a_manager_of_site_a_sees_what_is_theirs_and_nothing_of_site_b(
    manager: Client, mine: Theirs, other: Theirs
) -> None:
    seen = set()
    for record in registered(mine.records):
        seen.add(record._meta.label_lower)
        assert manager.get(page(record, "change")).status_code == 200, record
    for record in registered(other.records):
        assert manager.get(page(record, "change")).status_code == 404, record
        assert manager.get(page(record, "history")).status_code == 404, record
    assert {label for label in SCOPES if _is_registered(label)} - {"terminals.enrolmentcode", "benefits.block"} <= seen


def _is_registered(label: str) -> bool:
    return label in {model._meta.label_lower for model in admin_site._registry}


def test_no_list_of_site_as_manager_names_a_record_of_site_b(manager: Client, mine: Theirs, other: Theirs) -> None:
    for record in registered(mine.records):
        label = record._meta.label_lower
        model_admin: Any = admin_site._registry[type(record)]
        found = manager.get(list_page(label)).context["cl"].queryset
        foreign = {each.pk for each in other.records if type(each) is type(record)}
        assert record.pk in set(found.values_list("pk", flat=True)), label
        assert not foreign & set(found.values_list("pk", flat=True)), label
        assert isinstance(model_admin, Scoped)


def test_a_manager_of_site_a_cannot_write_site_bs_by_guessing_addresses(
    manager: Client, mine: Theirs, other: Theirs
) -> None:
    before = {record: type(record)._base_manager.filter(pk=record.pk).values().get() for record in other.records}
    form = {"name": "mine", "_form_submitted": "on", "reason": "x", "note": "x", "confirmed": "1"}
    for record in registered(other.records):
        model_admin: Any = admin_site._registry[type(record)]
        for kind in ("change", "delete"):
            assert manager.post(page(record, kind), form).status_code == 404, record
        for action in model_admin._get_base_actions_detail():
            address = page(record, action.method.original_function_name)
            assert manager.post(address, form).status_code in (403, 404), address
            assert manager.get(address).status_code in (403, 404), address
    assert {
        record: type(record)._base_manager.filter(pk=record.pk).values().get() for record in other.records
    } == before


def test_a_manager_of_site_a_cannot_name_places_of_site_b_in_a_form(
    manager: Client, mine: Theirs, other: Theirs
) -> None:
    rule = {"name": "价", "percent_bp": "80", "add_minor": "0", "round_to_minor": "1", "rounding": "half_up"}
    add = reverse("admin:benefits_pricerule_add")
    for places in ({"sites": [other.site.pk]}, {"outlets": [other.outlet.pk]}, {"periods": [other.meal.pk]}, {}):
        assert manager.post(add, {**rule, **places}).status_code == 200, places
    assert not PriceRule.objects.filter(name="价").exists()
    assert manager.post(add, {**rule, "active": "on", "outlets": [mine.outlet.pk]}).status_code == 302
    outlet = {"site": other.site.pk, "code": "new", "merchant": mine.outlet.merchant_id, "name": "新"}
    assert manager.post(reverse("admin:merchants_outlet_add"), outlet).status_code == 200
    meal = {"site": other.site.pk, "code": "n", "name": "夜", "start_minute": "20:00", "end_minute": "21:00"}
    assert manager.post(reverse("admin:merchants_mealperiod_add"), meal).status_code == 200
    assert other.site.outlets.count() == 1
    assert other.site.meal_periods.count() == 1


def test_a_manager_of_site_a_cannot_sell_a_product_at_site_b_or_change_one_that_is_sold_there(
    manager: Client, mine: Theirs, other: Theirs
) -> None:
    save_product(
        code="both",
        name="两校",
        category=mine.product.category,
        price_minor=3_00,
        placements=[NewPlacement(mine.outlet.pk), NewPlacement(other.outlet.pk)],
        at=NOON,
    )
    both = Product.objects.get(code="both")
    assert manager.get(page(both, "change")).status_code == 200
    form = {
        "name": "可乐",
        "name_en": "",
        "category": mine.product.category_id,
        "price_minor": "1",
        "active": "on",
        "placements-TOTAL_FORMS": 1,
        "placements-INITIAL_FORMS": 0,
        "placements-0-outlet": other.outlet.pk,
        "placements-0-place": 0,
    }
    assert manager.post(page(both, "change"), form).status_code == 403
    manager.post(page(mine.product, "change"), form)
    assert list(mine.product.outlets.all()) == [mine.outlet]
    assert list(other.outlet.products.order_by("code")) == [both, other.product]


def test_a_manager_imports_and_undoes_the_calendar_of_their_site_and_no_other(
    manager: Client, mine: Theirs, other: Theirs
) -> None:
    year, bring_in = (reverse(f"admin:merchants_calendarday_{each}") for each in ("year", "bring_in"))
    shown = manager.get(year, {"site": other.site.pk}).content.decode()
    assert "校区a" in shown
    assert "校区b" not in shown
    rows = {"text": "2026-10-01\t休\t国庆节", "seen": "x"}
    before = other.site.calendar_days.count()
    assert "校区b" not in manager.get(bring_in, {"site": other.site.pk}).content.decode()
    assert "valid choice" in manager.post(bring_in, {**rows, "site": other.site.pk}).content.decode()
    looked = manager.post(bring_in, {**rows, "site": mine.site.pk})
    seen = looked.context["form"].data["seen"]
    manager.post(bring_in, {**rows, "site": mine.site.pk, "seen": seen, "take_over": "1"})
    assert mine.site.calendar_days.filter(date="2026-10-01").exists()
    newest = mine.site.calendar_imports.latest("pk")
    manager.post(page(newest, "undo"), {"_form_submitted": "on"})
    assert not mine.site.calendar_days.filter(date="2026-10-01").exists()
    assert other.site.calendar_days.count() == before


@pytest.mark.parametrize("label", ["imports.importbatch", "benefits.policydraft", "cardholders.cardholder"])
def test_a_page_about_all_sites_says_whom_to_ask(manager: Client, label: str) -> None:
    shut = manager.get(list_page(label))
    assert shut.status_code == 403
    assert "Ask an administrator who looks after all of it" in shut.content.decode()
    assert reverse("admin:index") in shut.content.decode()


def test_choices_offered_while_typing_are_those_of_the_own_site(manager: Client, mine: Theirs, other: Theirs) -> None:
    answer = manager.get(
        reverse("admin:autocomplete"),
        {"app_label": "benefits", "model_name": "pricerule", "field_name": "outlets", "term": ""},
    )
    assert {each["id"] for each in answer.json()["results"]} == {str(mine.outlet.pk)}


def test_everything_that_has_no_site_is_shut_to_a_login_limited_to_some(manager: Client, world: World) -> None:
    shut = 0
    for model in admin_site._registry:
        label = model._meta.label_lower
        if label in SCOPES:
            continue
        expected = 200 if label in SHARED else 403
        assert manager.get(list_page(label)).status_code == expected, label
        assert manager.get(reverse(f"admin:{label.replace('.', '_')}_add")).status_code == 403, label
        record = model._default_manager.first()
        if record is not None and label not in SHARED:
            assert manager.get(page(record, "change")).status_code == 403, label
            shut += 1
    assert shut > 5
    for name in ("office-ask", "office-budgets", "office-gallery", "codes_keylist_waiting"):
        assert manager.get(reverse(f"admin:{name}" if name.startswith("codes") else name)).status_code == 403
    assert manager.get(reverse("admin:index")).context["cards"] == []


def test_sums_of_the_whole_institution_are_not_on_the_first_page(manager: Client, world: World) -> None:
    shown = manager.get(reverse("admin:index")).content.decode()
    assert "office-card" not in shown
    assert "Outlets" in shown


def test_every_admin_page_is_wrapped() -> None:
    assert [model for model, admin in admin_site._registry.items() if not isinstance(admin, Scoped)] == []


def test_a_login_limited_to_sites_is_made_so_on_its_own_page(mine: Theirs) -> None:
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    user = User.objects.create_user("clerk", is_staff=True)
    joined = user.date_joined
    form = {
        "username": "clerk",
        "is_active": "on",
        "date_joined_0": joined.date().isoformat(),
        "date_joined_1": joined.time().isoformat("seconds"),
        "is_staff": "on",
        "site_rights-TOTAL_FORMS": 1,
        "site_rights-INITIAL_FORMS": 0,
        "site_rights-0-site": mine.site.pk,
    }
    assert boss.post(page(user, "change"), form).status_code == 302
    assert list(SiteRight.objects.values_list("user", "site")) == [(user.pk, mine.site.pk)]


@pytest.mark.django_db
def test_roles_are_ready_with_the_rights_that_go_with_them() -> None:
    names = {role.name for role in ROLES}
    assert names <= set(RightsGroup.objects.values_list("name", flat=True))

    def may(name: str, right: str) -> bool:
        user = User.objects.create_user(f"{name} {right}", is_staff=True)
        user.groups.add(RightsGroup.objects.get(name__endswith=name))
        return user.has_perm(right)

    assert may("Canteen manager", "benefits.change_pricerule")
    assert not may("Canteen manager", "cardholders.change_cardholder")
    assert not may("Canteen manager", "benefits.publish_policy")
    assert may("Finance", "settlement.change_saleexception")
    assert may("Finance", "approvals.approve_run")
    assert not may("Finance", "cardholders.change_cardholder")
    assert may("Card office", "payments.take_cash")
    assert not may("Card office", "ledger.view_transfer")
    assert may("Auditor", "ledger.view_transfer")
    assert may("Administrator", "auth.change_user")


@pytest.mark.django_db
def test_an_auditor_may_change_nothing() -> None:
    auditor = RightsGroup.objects.get(name__endswith="Auditor")
    verbs = {codename.partition("_")[0] for codename in auditor.permissions.values_list("codename", flat=True)}
    assert verbs == {"view", "begin"}


@pytest.mark.django_db
def test_every_right_that_a_role_names_exists() -> None:
    known = set(Permission.objects.values_list("content_type__app_label", "codename"))
    for role in ROLES:
        named = [tuple(right.split(".")) for right in role.named]
        for model, verbs in role.models.items():
            app, _dot, name = model.partition(".")
            named += [(app, f"{verb}_{name}") for verb in verbs if name != "*"]
        assert [each for each in named if each not in known] == [], role.name


@pytest.mark.django_db
def test_a_role_that_the_institution_changed_is_left_as_it_is() -> None:
    finance = RightsGroup.objects.get(name__endswith="Finance")
    finance.permissions.clear()
    make_roles(sender=None)
    assert finance.permissions.count() == 0


@pytest.mark.django_db
def test_a_sale_of_another_site_is_not_found_by_its_number(manager: Client, other: Theirs) -> None:
    sale = Sale.objects.filter(outlet=other.outlet).first()
    assert sale is not None
    assert str(sale.pk) not in manager.get(list_page("settlement.sale"), {"q": str(sale.pk)}).content.decode().replace(
        f"q={sale.pk}", ""
    ).replace(f'value="{sale.pk}"', "")


def test_no_name_of_the_wrapper_is_one_that_an_admin_uses_for_itself() -> None:
    """Each admin goes on with its own methods; the wrapper only asks before them."""
    django_own = {name for name in dir(ModelAdmin) if not name.startswith("__")}
    own = {name for name in vars(Scoped) if not name.startswith(("__", "_Scoped__"))}
    assert own <= django_own


def test_whoever_mistypes_an_address_of_administration_is_led_back_there(manager: Client) -> None:
    lost = manager.get("/admin/merchants/outlet/1/nothing/")
    assert lost.status_code == 404
    assert reverse("admin:index") in lost.content.decode()
