"""The server is killed at any point of an upload or a posting; what comes after ends in the ledger of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.core.messages import Ack
from ecard.embedded import DatabaseAddresses
from ecard.ledger.queries import replay_check, sum_of_balances
from ecard.settlement import queries
from ecard.settlement.checkpoints import CHECK_POINTS, POST_POINTS, RECEIVE_POINTS, watcher
from ecard.settlement.models import Batch, Sale, SaleReversal
from ecard.settlement.rules import split_record_id
from ecard.terminals.models import Stream
from tests.support.backends import wait_until_gone
from tests.support.campus import NOON
from tests.support.database import FirstState, restore_first_state
from tests.support.settling import Till, World, make_till, make_world

ALL_POINTS = (*RECEIVE_POINTS, *CHECK_POINTS, *POST_POINTS)
UPLOAD_RECORDS = 3
GROUP_RECORDS = 4


class Killed(BaseException):
    """Not an Exception: nothing in the server may catch it and go on."""


@contextmanager
def killed_at(point: str | None, *, after: int = 0) -> Iterator[list[str]]:
    """The process dies when it comes to `point` once more than `after` times: its connection breaks, uncommitted."""
    passed: list[str] = []
    broken: list[int] = []

    def watch(name: str) -> None:
        passed.append(name)
        if name == point and passed.count(name) == after + 1:
            broken.append(connection.connection.info.backend_pid)
            connection.connection.close()
            raise Killed(name)

    token = watcher.set(watch)
    try:
        yield passed
    except Killed:
        connection.close()
        wait_until_gone(broken[0])
    finally:
        watcher.reset(token)


def lunch(world: World) -> tuple[Till, Till]:
    """Two journals: sales funded and not, a lot spent twice, a reversal, a code taken again, and one elsewhere."""
    first, second = make_till(world), make_till(world, number=2, other_outlet=True)
    lots = world.lots(0)
    first.sell(0, 8_00, lots=lots)
    second.sell(0, 7_00, lots=lots)
    code = world.code(1, at=first.clock + timedelta(seconds=15))
    first.reverse(first.sell(1, 90_00, code=code))
    first.clock -= timedelta(seconds=5)
    first.sell(1, 70_00, code=code)
    first.sell(1, 60_00)
    shared = world.code(2, at=first.clock + timedelta(seconds=10))
    second.clock = first.clock
    for till in (first, second):
        till.sell(2, 5_00, code=shared)
    second.start()
    second.sell(2, 6_00)
    return first, second


def uploads(till: Till) -> list[Callable[[], None]]:
    """What a terminal sends, in order; it repeats what was not answered."""

    def send(epoch: int, first: int, last: int) -> Callable[[], None]:
        def once() -> None:
            answer = till.upload(first, last, epoch=epoch)
            assert isinstance(answer, Ack)
            assert answer.status in ("accepted", "repeat"), answer
            assert answer.acknowledged >= last

        return once

    return [
        send(epoch, first, min(len(lines), first + UPLOAD_RECORDS - 1))
        for epoch, lines in [*till.past.items(), (till.epoch, till.lines)]
        for first in range(1, len(lines) + 1, UPLOAD_RECORDS)
    ]


def rush(kills: list[tuple[str, int]]) -> tuple[World, set[str]]:
    """Make the campus, upload and settle the lunch, dying as told; each step is repeated until it ends."""
    world = make_world(at=NOON, subsidy_minor=5_00)
    deaths = iter(kills)
    passed: set[str] = set()

    def step(work: Callable[[], object]) -> None:
        done = False
        while not done:
            point, after = next(deaths, (None, 0))
            with killed_at(point, after=after) as seen:
                work()
                done = True
            passed.update(seen)

    for till in lunch(world):
        for upload in uploads(till):
            step(upload)
        step(lambda: world.settle(limit_records=GROUP_RECORDS, limit_batches=1))
    return world, passed


def ledger(world: World) -> dict[str, object]:
    """What has to come out alike, however often the server died."""
    epochs = {stream.pk: (stream.terminal_id, stream.epoch) for stream in Stream.objects.all()}
    parts = ("purse_minor", "grant_minor", "sponsor_minor", "loss_minor", "suspense_minor", "attempt")
    sales = {}
    for key, *paid in Sale.objects.values_list("id", *parts):
        stream_id, seq = split_record_id(key)
        sales[(*epochs[stream_id], seq)] = paid
    return {
        "purses": [world.purse(place) for place in range(3)],
        "lots": [[lot.remaining_minor for lot in world.lots(place)] for place in range(3)],
        "sales": sales,
        "reversals": SaleReversal.objects.count(),
        "streams": sorted(Stream.objects.values_list("terminal_id", "epoch", "next_seq", "posted_through")),
    }


MODEL: dict[str, object] = {
    "purses": [100_00 - 3_00 - 2_00, 0, 100_00 - 5_00 - 6_00],
    "lots": [[], [5_00], [5_00]],
    "reversals": 1,
}


def assert_sound(world: World) -> None:
    counts = queries.upload_counts()
    assert (counts.lost, counts.twice, counts.set_aside) == (0, 0, 0)
    assert counts.records_posted == counts.records_received == 12
    assert not Batch.objects.filter(posted_at__isnull=True).exists()
    assert sum_of_balances() == 0
    assert replay_check().differences == ()
    assert all(queries.recheck(sale).same for sale in Sale.objects.all())
    found = ledger(world)
    assert {name: found[name] for name in MODEL} == MODEL
    assert sum(sale.loss_minor for sale in Sale.objects.all()) == 30_00
    assert sum(sale.suspense_minor for sale in Sale.objects.all()) == 5_00


def test_the_model_is_what_an_undisturbed_server_gives(committed_db: None) -> None:
    world, passed = rush([])
    assert_sound(world)
    assert passed == set(ALL_POINTS)


@pytest.mark.parametrize("point", ALL_POINTS)
def test_a_server_killed_at_a_point_loses_nothing_and_doubles_nothing(committed_db: None, point: str) -> None:
    world, _passed = rush([(point, 0), (point, 0), (point, 1)] * 8)
    assert_sound(world)


@given(kills=st.lists(st.tuples(st.sampled_from(ALL_POINTS), st.integers(0, 2)), min_size=1, max_size=30))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_sequence_of_deaths_ends_in_the_model(
    committed_db: None,
    database_addresses: DatabaseAddresses,
    first_state: FirstState,
    kills: list[tuple[str, int]],
) -> None:
    connection.close()
    restore_first_state(database_addresses.superuser_url, first_state)
    world, _passed = rush(kills)
    assert_sound(world)
