"""The attacker's counters: terminals with the real SDK on a server in memory, and a campus on the real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.core.funds import PersonRow
from tests.devices import world as device_world
from tests.devices.conftest import Bench
from tests.support.campus import NOON
from tests.support.settling import Till, World, make_till, make_world


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[[], Bench]]:
    """Enrolled terminals, each with a line of its own. Person 1 has ¥100 and an offline limit of ¥60."""
    made: list[Bench] = []

    def make() -> Bench:
        clock = device_world.FakeClock()
        server = device_world.FakeServer(clock)
        person = PersonRow(1, "张*", 1, (1,), 200_00, 60_00, 20, 100_00)
        device_world.add_people(server, person)
        bench = Bench(tmp_path / f"terminal-{len(made)}", clock, server)
        bench.open()
        bench.enrol()
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.terminal.close()


@pytest.fixture
def world(db: None) -> World:
    return make_world(at=NOON, subsidy_minor=5_00)


@pytest.fixture
def till(world: World) -> Till:
    return make_till(world)


@pytest.fixture
def other(world: World) -> Till:
    return make_till(world, number=2, other_outlet=True)
