"""Two students with a login, a purse and a subsidy, at a campus that sells and whose keys may sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import link_user
from ecard.merchants.operations import save_meal_period
from ecard.payments.operations import top_up
from tests.support import settling
from tests.support.settling import Till, make_till

PASSWORD = "lunch at noon 26"
MINUTES_PER_DAY = 1_440
PHONE: ViewportSize = {"width": 390, "height": 844}


@dataclass(frozen=True, slots=True)
class Student:
    """A cardholder whose login name is their number."""

    cardholder: Cardholder
    user: User

    @property
    def number(self) -> str:
        return self.user.username


@dataclass(frozen=True, slots=True)
class World:
    """What sells, and two students with 100.00 and a subsidy of 6.00 each."""

    selling: settling.World
    student: Student
    other: Student

    def buy(self, *amounts_minor: int, place: int = 0, with_subsidy: bool = False) -> Till:
        """A student (0 or 1) buys for each amount at a terminal, which uploads; all is posted."""
        till = self.selling.tills[0] if self.selling.tills else make_till(self.selling)
        for amount_minor in amounts_minor:
            lots = self.selling.lots(place) if with_subsidy else ()
            till.sell(place, amount_minor, lots=lots)
        till.upload()
        self.selling.settle()
        return till


@pytest.fixture(autouse=True)
def _no_requests_counted() -> None:
    cache.clear()


def make_student(cardholder: Cardholder, *, at: datetime) -> Student:
    user = User.objects.create_user(username=cardholder.number, password=PASSWORD)
    link_user(cardholder=cardholder, user=user, at=at)
    return Student(Cardholder.objects.get(pk=cardholder.pk), user)


def make_world() -> World:
    """Made two hours ago, open around the clock, so that pre-signed codes exist whenever the tests run."""
    at = timezone.now() - timedelta(hours=2)
    selling = settling.make_world(at=at, people=2, subsidy_minor=6_00)
    for code, start, end in (("morning", 0, 630), ("late", 810, MINUTES_PER_DAY)):
        save_meal_period(site=selling.campus.site, code=code, name=code, start_minute=start, end_minute=end, at=at)
    student, other = (make_student(person, at=at) for person in selling.campus.people)
    return World(selling, student, other)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def live_world(committed_db: None) -> World:
    return make_world()


@pytest.fixture
def context(browser: Browser, site: str, live_world: World) -> Iterator[BrowserContext]:
    """A phone's browser, new, on the whole server."""
    opened = browser.new_context(base_url=site, viewport=PHONE, device_scale_factor=2, locale="en")
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def signed_in(world: World, client: Client) -> Client:
    client.post("/sign-in/", {"number": world.student.number, "password": PASSWORD})
    return client


@pytest.fixture
def at_desk(world: World) -> Callable[[int], None]:
    """Top the student up by an amount in minor units."""

    def pay_in(amount_minor: int) -> None:
        now = timezone.now()
        top_up(
            cardholder=world.student.cardholder,
            amount_minor=amount_minor,
            by=None,
            at=now,
            key=f"desk {now.isoformat()}",
        )

    return pay_in
