"""A campus in use, and more of everything on request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group as RightsGroup
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from devices.core.notes import SHIFT_OPENED
from ecard.approvals.models import Kind
from ecard.approvals.operations import ask
from ecard.benefits import runs
from ecard.benefits.models import (
    AgeStep,
    Block,
    Entitlement,
    LimitOn,
    PolicySettings,
    PriceRule,
    RunKind,
    SpendLimit,
    Window,
)
from ecard.benefits.operations import issue_grants, make_draft, open_programme, set_guardian_limit
from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import (
    add_members,
    make_price_class,
    open_cardholders,
    save_group,
    save_list,
    stop_account,
)
from ecard.cardholders.values import NewCardholder
from ecard.changes.operations import number_committed
from ecard.codes.operations import issue_credentials
from ecard.imports.operations import read_file
from ecard.imports.writing import csv_bytes
from ecard.ledger.operations import place_hold
from ecard.media.operations import bind_card, stop_card
from ecard.merchants.models import Outlet, Site
from ecard.merchants.operations import (
    import_days,
    save_allergen,
    save_category,
    save_meal_period,
    save_merchant,
    save_outlet,
    save_product,
    save_site,
)
from ecard.merchants.values import DayKind, NewDay, NewPlacement
from ecard.office.audit import begin_audit, continue_audit
from ecard.payments.operations import top_up
from ecard.settlement.rehearsal import work
from ecard.terminals.models import Supervisor
from ecard.terminals.operations import invite, save_supervisor
from tests.support.asking import Asker
from tests.support.campus import NOON
from tests.support.policies import publish_rules
from tests.support.settling import World, make_till, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world(at=NOON, people=4, subsidy_minor=5_00)


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss", password="a long password")


@pytest.fixture
def admin(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


@pytest.fixture
def fill(world: World, boss: User) -> Callable[[int], None]:
    """`fill(n)` adds n rows and more to the table of every page."""
    done = 0

    def add(count: int) -> None:
        nonlocal done
        for number in range(done + 1, done + count + 1):
            _one_more_of_everything(world, number, by=boss)
        done += count

    return add


def _one_more_of_everything(world: World, number: int, *, by: User) -> None:
    at = world.at
    person = _person(world, number)
    login = User.objects.create_user(f"clerk{number}", is_staff=True)
    login.groups.add(RightsGroup.objects.create(name=f"rights {number}"))
    AccessAttempt.objects.create(username=f"x{number}", ip_address="127.0.0.1", failures_since_start=number)
    _place_and_rules(world, number)
    top_up(cardholder=person, amount_minor=20_00, by=by, at=at, key=f"more {number}")
    place_hold(
        account_id=person.purse_id, amount_minor=1, key=f"hold {number}", at=at, expires_at=at + timedelta(days=1)
    )
    bind_card(cardholder=person, uid=number.to_bytes(7, "big"), by=by, at=at)
    lost = bind_card(cardholder=world.person(), uid=(1_000 + number).to_bytes(7, "big"), by=by, at=at)
    stop_card(card=lost, reason="lost", by=by, at=at)
    stop_account(cardholder=person, by=by, reason="lost", at=at)
    issue_grants(
        programme=world.programme,
        cardholders=[world.person()],
        amount_minor=1_00,
        period_key=f"extra {number}",
        expires_at=at + timedelta(days=2),
        at=at,
    )
    issue_credentials(cardholder=world.person(1), days=[(at.date(), number.to_bytes(32, "big"))], at=at)
    _sales(world, number, by=by)
    file = csv_bytes(("number", "name", "group"), [(f"F{number}", "王五", "students")])
    read_file(kind="people", data=file, name="people.csv", by=by, at=at)
    publish_rules(at=at, starts_at=at + timedelta(minutes=number))
    _rehearsal(number, by=by, at=at)
    number_committed(at=at)
    made = runs.new_run(
        kind=RunKind.CREDIT,
        sponsor_id=world.programme.sponsor_id,
        amount_minor=number,
        reason="a closed canteen",
        uploaded="M0001,",
        by=by,
        at=at,
    )
    runs.dry_run(run_id=made.pk, at=at)
    ask(kind=Kind.RUN, subject_id=1_000 + number, digest=b"d" * 32, summary="50 to 3 people", by=by, at=at)
    begin_audit(at=at)
    continue_audit(clock=lambda: at)


def _rehearsal(number: int, *, by: User, at: datetime) -> None:
    """A draft under which every sale so far is a little dearer."""
    PriceRule.objects.create(name=f"涨{number}", add_minor=1)
    draft = make_draft(name=f"draft {number}", by=by, at=at)
    PriceRule.objects.filter(name=f"涨{number}").update(active=False)
    day = timezone.localdate(at)
    work.start(draft_id=draft.pk, from_date=day, to_date=day, by=by, at=at)
    while work.work(clock=lambda: at):
        pass


def _person(world: World, number: int) -> Cardholder:
    group = save_group(
        code=f"group{number}",
        name=f"组{number}",
        price_class=make_price_class(code=10 + number, name=f"类{number}"),
        offline_limit_minor=100_00,
        per_sale_limit_minor=50_00,
        max_offline_sales=5,
        at=world.at,
    )
    (person,) = open_cardholders(people=[NewCardholder(f"M{number:04d}", "李四", group.pk)], at=world.at)
    named = save_list(code=f"list{number}", name=f"名单{number}", at=world.at)
    add_members(person_list=named, cardholder_ids=[person.pk], at=world.at)
    return person


def _place_and_rules(world: World, number: int) -> None:
    site = save_site(code=f"s{number}", name=f"校区{number}", at=world.at)
    merchant = save_merchant(code=f"m{number}", name=f"商户{number}")
    outlet = save_outlet(site=site, merchant=merchant, code=f"o{number}", name=f"窗口{number}", at=world.at)
    save_meal_period(site=site, code="l", name="午餐", start_minute=660, end_minute=780, at=world.at)
    _products_and_calendar(world, site, outlet, number)
    save_supervisor(
        supervisor=Supervisor(), name="王主管", site=site, terminals=(), active=True, pin="280417", at=world.at
    )
    open_programme(name=f"补贴{number}").outlets.set([outlet])
    PriceRule.objects.create(name=f"价{number}", percent_bp=9_000).outlets.set([outlet])
    limit = SpendLimit.objects.create(name=f"限{number}", window=Window.DAY, on=LimitOn.TOTAL, max_minor=500_00)
    limit.outlets.set([outlet])
    free = Entitlement.objects.create(name=f"免{number}", sponsor=world.programme.sponsor, agreed_minor=6_00)
    free.outlets.set([outlet])
    Block.objects.create(name=f"禁{number}").outlets.set([outlet])
    PolicySettings.objects.get_or_create(pk=1)
    set_guardian_limit(cardholder=world.person(), window=Window.DAY, max_minor=50_00, at=world.at)
    AgeStep.objects.create(up_to_s=604_800 + number, sale_minor=10_00, person_minor=20_00)


def _products_and_calendar(world: World, site: Site, outlet: Outlet, number: int) -> None:
    category = save_category(code=f"c{number}", name=f"类别{number}", at=world.at)
    allergen = save_allergen(code=f"a{number}", name=f"过敏原{number}", at=world.at)
    placements = [NewPlacement(each) for each in Outlet.objects.values_list("pk", flat=True)]
    for code, sold in (("p0", placements), (f"p{number}", [NewPlacement(outlet.pk)])):
        save_product(
            code=code,
            name=f"菜{number}",
            category=category,
            price_minor=8_00,
            allergens=[allergen],
            placements=sold,
            at=world.at,
        )
    days = [NewDay(world.at.date() + timedelta(days=day), DayKind(7, "校庆")) for day in range(number)]
    import_days(site=site, days=days, source="", by=None, at=world.at)


def _sales(world: World, number: int, *, by: User) -> None:
    """A sale, one beyond the purse, a reversal; and an upload under a sequence already held."""
    till = make_till(world, number=number)
    till.sell(number % 3, 5_00)
    till.sell(3, 400_00)
    till.reverse(till.sell(number % 3, 1_00))
    till.let_through(number % 3)
    till.note(SHIFT_OPENED)
    till.upload()
    sent = till.lines[-1]
    till.lines[-1] = sent.replace(b'"at_ms":', b'"at_ms":1')
    till.send(till.sealed(1))
    till.lines[-1] = sent
    world.settle()
    Asker(till).ask(1_00, person=number % 3)
    invite(terminal=till.terminal, by=by, at=world.at)
