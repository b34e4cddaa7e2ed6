"""Two real connections, stopped at named points of receiving and posting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from devices.core.messages import Ack
from ecard.ledger.models import AccountKind
from ecard.ledger.operations import house_account
from ecard.ledger.queries import replay_check, sum_of_balances
from ecard.settlement import operations, queries
from ecard.settlement.checkpoints import watcher
from ecard.settlement.models import Batch, ExceptionKind, Sale, SaleException
from ecard.settlement.values import PostReport
from tests.support.campus import NOON
from tests.support.database import OtherThread
from tests.support.settling import Till, World, make_till, make_world

WAIT_S = 30
WOULD_BE_DONE_S = 0.5
Second = Callable[[Callable[[], Any]], OtherThread[Any]]


class Stopped:
    """Work in another thread that waits at `point` until `go`."""

    def __init__(self, second: Second, point: str, work: Callable[[], Any]) -> None:
        self._point, self._work = point, work
        self._there, self._go = threading.Event(), threading.Event()
        self._thread = second(self._run)
        assert self._there.wait(WAIT_S), f"the work never came to {point}"

    def go(self) -> Any:
        """Let it go on; gives its result."""
        self._go.set()
        return self._thread.wait()

    def release(self) -> OtherThread[Any]:
        """Let it go on and do not wait."""
        self._go.set()
        return self._thread

    def _run(self) -> Any:
        watcher.set(self._watch)
        try:
            return self._work()
        finally:
            self._there.set()

    def _watch(self, name: str) -> None:
        if name == self._point and not self._there.is_set():
            self._there.set()
            assert self._go.wait(WAIT_S)


@pytest.fixture
def world(committed_db: None) -> World:
    made = make_world(at=NOON, subsidy_minor=5_00)
    for kind in (AccountKind.OFFLINE_LOSS, AccountKind.SUSPENSE):
        house_account(kind=kind)  # opened by the first posting ever, for which a second one would wait
    return made


@pytest.fixture
def tills(world: World) -> tuple[Till, Till]:
    return make_till(world), make_till(world, number=2, other_outlet=True)


def check_all(world: World) -> None:
    while operations.check_evidence(at=world.at).batches:
        continue


def post(world: World) -> PostReport:
    return operations.post(at=world.at)


def assert_sound(world: World, *, sales: int) -> None:
    counts = queries.upload_counts()
    assert (counts.sales, counts.lost, counts.twice) == (sales, 0, 0)
    assert sum_of_balances() == 0
    assert replay_check().differences == ()


@pytest.mark.parametrize("point", ["receive.opened", "receive.locked", "receive.stored", "receive.advanced"])
@pytest.mark.parametrize("first_ever", [True, False])
def test_the_same_upload_on_two_connections_is_stored_once(
    world: World, tills: tuple[Till, Till], second_connection: Second, point: str, first_ever: bool
) -> None:
    till, _other = tills
    if not first_ever:
        till.upload()
    till.sell()
    data = till.sealed(1 if first_ever else 2)
    slow = Stopped(second_connection, point, lambda: till.send(data))
    quick = second_connection(lambda: till.send(data))
    if point == "receive.opened":
        quick.wait()
    answers = {slow.go().status, quick.wait().status}
    assert answers == {"accepted", "repeat"}
    assert Batch.objects.count() == (1 if first_ever else 2)
    world.settle()
    assert_sound(world, sales=1)


def test_two_different_continuations_cannot_both_be_taken(
    world: World, tills: tuple[Till, Till], second_connection: Second
) -> None:
    till, _other = tills
    till.upload()
    till.sell(0, 10_00)
    mine = till.sealed(2)
    till.lines[1] = till.lines[1].replace(b'"shown_minor":1000', b'"shown_minor":9000')
    theirs = till.sealed(2)
    slow = Stopped(second_connection, "receive.stored", lambda: till.send(mine))
    quick = second_connection(lambda: till.send(theirs))
    assert slow.go() == Ack("accepted", till.epoch, 2)
    assert quick.wait() == Ack("quarantined", till.epoch, 2)


@pytest.mark.parametrize("point", ["post.taken", "post.sales", "post.transfers", "post.usage", "post.marked"])
def test_two_workers_never_take_the_same_terminal(
    world: World, tills: tuple[Till, Till], second_connection: Second, point: str
) -> None:
    for place, till in enumerate(tills):
        till.sell(place)
        till.upload()
        till.sell(place)
        till.upload()
    check_all(world)
    slow = Stopped(second_connection, point, lambda: operations.post(at=world.at, limit_records=3))
    done = second_connection(lambda: operations.settle(clock=lambda: world.at, limit_records=3)).wait()
    assert done.posted == 3
    assert slow.go().records == 3
    assert_sound(world, sales=4)


@pytest.mark.parametrize("point", ["post.taken", "post.sales", "post.transfers", "post.usage"])
def test_receiving_does_not_wait_for_posting(
    world: World, tills: tuple[Till, Till], second_connection: Second, point: str
) -> None:
    till, _other = tills
    till.sell()
    till.upload()
    check_all(world)
    till.sell()
    slow = Stopped(second_connection, point, lambda: post(world))
    assert second_connection(till.upload).wait() == Ack("accepted", till.epoch, 3)
    slow.go()
    world.settle()
    assert_sound(world, sales=2)


def test_posting_does_not_wait_for_receiving_but_at_its_last_step(
    world: World, tills: tuple[Till, Till], second_connection: Second
) -> None:
    till, _other = tills
    for each in tills:
        each.sell()
        each.upload()
    check_all(world)
    till.sell()
    slow = Stopped(second_connection, "receive.stored", till.upload)
    posting = second_connection(lambda: post(world))
    assert slow.go() == Ack("accepted", till.epoch, 3)
    assert posting.wait().sales == 2
    world.settle()
    assert_sound(world, sales=3)


@pytest.mark.parametrize("point", ["post.sales", "post.transfers", "post.usage", "post.marked"])
def test_one_code_posted_by_two_workers_at_once_is_paid_once(
    world: World, tills: tuple[Till, Till], second_connection: Second, point: str
) -> None:
    till, other = tills
    code = world.code(0, at=other.clock)
    till.sell(0, 9_00, code=code)
    till.upload()
    check_all(world)
    slow = Stopped(second_connection, point, lambda: post(world))
    other.sell(0, 9_00, code=code)
    other.upload()
    check_all(world)
    quick = second_connection(lambda: post(world))
    assert slow.go().suspended + quick.wait().suspended == 1
    assert world.purse(0) == 91_00
    assert [each.kind for each in SaleException.objects.all()] == [ExceptionKind.PRESENTED_TWICE]
    assert_sound(world, sales=2)


@pytest.mark.parametrize("point", ["post.taken", "post.sales"])
def test_a_purse_spent_by_another_worker_meanwhile_is_decided_again(
    world: World, tills: tuple[Till, Till], second_connection: Second, point: str
) -> None:
    till, other = tills
    till.sell(0, 80_00)
    till.upload()
    check_all(world)
    slow = Stopped(second_connection, point, lambda: post(world))
    other.sell(0, 70_00)
    other.upload()
    check_all(world)
    assert post(world).sales == 1
    assert slow.go().exceptions == 1
    assert world.purse(0) == 0
    assert sum(sale.loss_minor for sale in Sale.objects.all()) == 50_00
    assert_sound(world, sales=2)


def test_two_workers_that_wait_for_each_other_both_finish(
    world: World, tills: tuple[Till, Till], second_connection: Second
) -> None:
    """One holds a presentation and wants the accounts, the other holds the accounts and wants the presentation."""
    till, other = tills
    code = world.code(0, at=other.clock)
    till.sell(0, 9_00, code=code)
    till.upload()
    check_all(world)
    slow = Stopped(second_connection, "post.sales", lambda: post(world))
    other.sell(0, 9_00, code=code)
    other.sell(1, 150_00)
    other.upload()
    check_all(world)
    quick = second_connection(lambda: post(world))
    time.sleep(WOULD_BE_DONE_S)
    assert quick.is_running
    slow.go()
    quick.wait()
    assert world.purse(0) == 91_00
    assert_sound(world, sales=3)


def test_two_checkers_share_the_work(world: World, tills: tuple[Till, Till], second_connection: Second) -> None:
    for till in tills:
        till.sell()
        till.upload()
    slow = Stopped(second_connection, "check.taken", lambda: operations.check_evidence(at=world.at, limit=1))
    assert operations.check_evidence(at=world.at).batches == 1
    assert slow.go().batches == 1
    world.settle()
    assert_sound(world, sales=2)
