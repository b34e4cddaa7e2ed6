"""A campus that sells: three people with ¥100 each and a subsidy of ¥5, and two terminals."""

from __future__ import annotations

import pytest

from tests.support.campus import NOON
from tests.support.settling import Till, World, make_till, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world(at=NOON, subsidy_minor=5_00)


@pytest.fixture
def till(world: World) -> Till:
    return make_till(world)


@pytest.fixture
def other(world: World) -> Till:
    return make_till(world, number=2, other_outlet=True)
