"""A campus whose people have ¥100 and a lot of ¥5 each, and terminals that ask before they sell."""

from __future__ import annotations

import pytest

from ecard.cardholders.models import Group
from tests.support.asking import Asker
from tests.support.campus import NOON
from tests.support.settling import World, make_till, make_world


@pytest.fixture
def world(db: None) -> World:
    world = make_world(at=NOON, subsidy_minor=5_00)
    Group.objects.update(per_sale_limit_minor=200_00)
    return world


@pytest.fixture
def asker(world: World) -> Asker:
    return Asker(make_till(world))


@pytest.fixture
def other(world: World) -> Asker:
    return Asker(make_till(world, number=2, other_outlet=True))
