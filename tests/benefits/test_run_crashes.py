"""A worker that dies in the middle of a run, and two that work on one: nobody is paid twice, nobody is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from typing import Any

import pytest
from django.db import connection

from ecard.benefits import runs
from ecard.benefits.models import Grant, RunState
from ecard.ledger.queries import balance_of
from tests.benefits.paying import credit, lots, purses, reversed_whole, staff, started, subsidy
from tests.support.backends import wait_until_gone
from tests.support.books import assert_books_balance
from tests.support.campus import NOON, make_campus
from tests.support.database import OtherThread

PEOPLE = 7
CHUNK = 3


class Killed(BaseException):
    """Not an Exception: nothing in the server may catch it and go on."""


@contextmanager
def killed_at(call: int, where: str) -> Iterator[None]:
    """Whoever calls `where` for the `call`-th time dies there: its connection breaks, uncommitted."""
    module, _dot, name = where.rpartition(".")
    real = getattr(import_module(module), name)
    broken: list[int] = []
    calls = count(1)

    def watched(*given: Any, **named: Any) -> Any:
        if next(calls) == call:
            broken.append(connection.connection.info.backend_pid)
            connection.connection.close()
            raise Killed
        return real(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, watched)
        with pytest.raises(Killed):
            yield
    connection.close()
    wait_until_gone(broken[0])


def work_through(run_id: int) -> int:
    """Work until nothing is left; gives how many chunks there were."""
    chunks = 0
    while runs.work_on(run_id=run_id, at=NOON, lines=CHUNK):
        chunks += 1
    return chunks


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize(
    "where",
    ["ecard.benefits.granting.open_funded", "ecard.benefits.granting.record", "ecard.benefits.runs.posting.give"],
)
def test_a_worker_killed_in_the_middle_is_followed_by_one_that_pays_nobody_twice(
    committed_db: None, where: str, call: int
) -> None:
    campus = make_campus(people=PEOPLE)
    run = started(subsidy())
    with killed_at(call, where):
        work_through(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done_lines) == (RunState.POSTING, (call - 1) * CHUNK)
    assert Grant.objects.count() == run.done_lines
    assert_books_balance()
    runs.continue_runs(clock=lambda: NOON)
    run.refresh_from_db()
    assert (run.state, run.done_lines) == (RunState.POSTED, PEOPLE)
    assert lots(campus.people) == [50_00] * PEOPLE
    assert balance_of(run.sponsor_id) == -PEOPLE * 50_00
    assert_books_balance()


@pytest.mark.parametrize("call", [1, 3])
def test_credits_cut_short_are_continued_and_fill_each_purse_once(committed_db: None, call: int) -> None:
    campus = make_campus(people=PEOPLE)
    run = started(credit())
    with killed_at(call, "ecard.benefits.runs.posting.record"):
        work_through(run.pk)
    work_through(run.pk)
    assert purses(campus.people) == [20_00] * PEOPLE
    assert_books_balance()


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_reversal_cut_short_is_continued_and_takes_back_each_grant_once(committed_db: None, call: int) -> None:
    campus = make_campus(people=PEOPLE)
    run = started(subsidy())
    work_through(run.pk)
    runs.reverse_run(run_id=run.pk, by=staff("boss"), reason="x", at=NOON)
    with killed_at(call, "ecard.benefits.runs.reversing.record"):
        work_through(run.pk)
    work_through(run.pk)
    run.refresh_from_db()
    assert (run.state, run.returned_minor, run.spent_minor) == (RunState.REVERSED, PEOPLE * 50_00, 0)
    assert lots(campus.people) == [0] * PEOPLE
    assert balance_of(run.sponsor_id) == 0
    assert_books_balance()


def test_two_workers_on_one_run_take_turns_and_pay_nobody_twice(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    campus = make_campus(people=20)
    run = started(subsidy())

    def work() -> int:
        chunks = 0
        while runs.work_on(run_id=run.pk, at=NOON, lines=1):
            chunks += 1
        return chunks

    other = second_connection(work)
    mine = work()
    assert mine + other.wait() == 20
    run.refresh_from_db()
    assert (run.state, run.done_lines) == (RunState.POSTED, 20)
    assert lots(campus.people) == [50_00] * 20
    assert_books_balance()


def test_a_run_started_twice_at_once_is_started_once(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    campus = make_campus()
    run = started(subsidy())
    others = [second_connection(lambda: runs.continue_runs(clock=lambda: NOON)) for _each in range(2)]
    runs.continue_runs(clock=lambda: NOON)
    for other in others:
        other.wait()
    assert lots(campus.people) == [50_00] * 3
    done = reversed_whole(run)
    assert done.returned_minor == 150_00
    assert_books_balance()
