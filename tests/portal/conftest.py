"""A student with a login, a purse, a benefit, and keys that may sign: what the pages stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from ecard.benefits.operations import issue_grants, open_programme
from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import link_user
from ecard.merchants.operations import save_meal_period
from ecard.payments.operations import top_up
from tests.support.campus import Campus, make_campus
from tests.support.issuing import make_keys_ready

PASSWORD = "lunch at noon 26"
MINUTES_PER_DAY = 1_440


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
    """The campus and two students with 100.00 each; the first has a meal subsidy of 6.00."""

    campus: Campus
    student: Student
    other: Student


@pytest.fixture(autouse=True)
def _no_requests_counted() -> None:
    cache.clear()


def make_student(cardholder: Cardholder, *, at: datetime) -> Student:
    user = User.objects.create_user(username=cardholder.number, password=PASSWORD)
    link_user(cardholder=cardholder, user=user, at=at)
    top_up(cardholder=cardholder, amount_minor=100_00, by=None, at=at, key=f"first {cardholder.number}")
    return Student(Cardholder.objects.get(pk=cardholder.pk), user)


def make_world() -> World:
    """Made a day ago, open around the clock, so that pre-signed codes exist whenever the tests run."""
    at = timezone.now() - timedelta(days=1)
    campus = make_campus(people=2, at=at)
    make_keys_ready(at=at)
    for code, name, name_en, start, end in (
        ("morning", "早间", "Morning", 0, 630),
        ("late", "晚间", "Late", 810, MINUTES_PER_DAY),
    ):
        save_meal_period(
            site=campus.site, code=code, name=name, name_en=name_en, start_minute=start, end_minute=end, at=at
        )
    student, other = (make_student(person, at=at) for person in campus.people)
    programme = open_programme(name="午餐补贴", name_en="Lunch subsidy")
    issue_grants(
        programme=programme,
        cardholders=[student.cardholder],
        amount_minor=6_00,
        period_key="this month",
        expires_at=timezone.now() + timedelta(days=20),
        at=at,
    )
    return World(campus, student, other)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def live_world(committed_db: None) -> World:
    return make_world()


@pytest.fixture
def signed_in(world: World, client: Client) -> Client:
    client.post("/sign-in/", {"number": world.student.number, "password": PASSWORD})
    return client


@pytest.fixture
def at_desk(world: World) -> Iterator[Callable[[int], None]]:
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
