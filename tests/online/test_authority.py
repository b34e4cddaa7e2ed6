"""Who carries the question: the time limit holds whatever the line does, and a bad line is left alone for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import cast

import pytest

from devices.core.messages import Authorise, Authorised, Enrolled, Refusal
from devices.core.quote import Person, Quote
from devices.drivers.network import NoAnswer
from devices.store.held import Held, Keys
from devices.sync.authority import QUIET_FIRST_MS, ServerAuthority
from devices.sync.server import Server
from tests.devices import world
from tests.devices.world import FakeClock

QUESTION = Authorise(1, 2, world.NOON_S * 1000, 1, "text", ())
ANSWER = Authorised(Person(1, 1, 5_00, 5_00), Quote(1, 2, 5_00, 5_00))
IDENTITY = Enrolled(world.TERMINAL, world.INSTITUTION, world.ROOT.public.hex(), 0)
HELD = Held(1, 5, 9, world.NOON_S, (), {}, {}, world.parameters(floor_minor=0, journal=2), 1)


class FakeLine:
    """A `Server` that answers as the test says, and hangs while `open` is not set."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()
        self.says: Authorised | Refusal | Exception = ANSWER
        self.asked = 0
        self.closed = False

    def authorise(self, _identity: Enrolled, _question: Authorise, *, keys: Keys) -> Authorised | Refusal:
        self.asked += 1
        self.reached.set()
        self.open.wait(20)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def line() -> FakeLine:
    return FakeLine()


@pytest.fixture
def authority(line: FakeLine, clock: FakeClock) -> Iterator[ServerAuthority]:
    made = ServerAuthority(
        cast(Server, line),
        identity=lambda: IDENTITY,
        keys=lambda: Keys(world.key_list(), {}),
        held=lambda: HELD,
        monotonic_ms=clock.monotonic_ms,
        limit_ms=20_000,
    )
    yield made
    line.open.set()
    made.stop(timeout_s=20)
    assert line.closed


def test_an_answer_in_time_is_handed_on(authority: ServerAuthority) -> None:
    assert authority.ask(QUESTION) == ANSWER
    assert authority.ask(QUESTION) == ANSWER


def test_a_refusal_is_no_answer_and_the_line_is_fine(authority: ServerAuthority, line: FakeLine) -> None:
    line.says = Refusal("late")
    assert authority.ask(QUESTION) is None
    assert authority.ready()


def test_an_answer_after_the_limit_is_never_heard_of_again(authority: ServerAuthority, line: FakeLine) -> None:
    authority._limit_ms = 50
    line.open.clear()
    assert authority.ask(QUESTION) is None
    assert line.reached.wait(20)
    authority._limit_ms = 20_000
    line.says = Refusal("late")
    line.open.set()
    while authority._busy:
        threading.Event().wait(0.01)
    assert authority.ask(QUESTION) is None


def test_while_a_question_hangs_no_other_is_asked(authority: ServerAuthority, line: FakeLine, clock: FakeClock) -> None:
    authority._limit_ms = 50
    line.open.clear()
    assert authority.ask(QUESTION) is None
    clock.pass_ms(3_600_000)
    assert not authority.ready()
    assert authority.ask(QUESTION) is None
    assert line.reached.wait(20)
    assert line.asked == 1


def test_a_line_that_fails_is_left_alone_each_time_longer(
    authority: ServerAuthority, line: FakeLine, clock: FakeClock
) -> None:
    line.says = NoAnswer("down")
    for pause_ms in (QUIET_FIRST_MS, 2 * QUIET_FIRST_MS, 4 * QUIET_FIRST_MS):
        assert authority.ask(QUESTION) is None
        clock.pass_ms(pause_ms - 1)
        assert not authority.ready()
        clock.pass_ms(1)
        assert authority.ready()
    line.says = ANSWER
    assert authority.ask(QUESTION) == ANSWER
    line.says = NoAnswer("down again")
    assert authority.ask(QUESTION) is None
    clock.pass_ms(QUIET_FIRST_MS)
    assert authority.ready()


def test_a_fault_nobody_foresaw_does_not_end_the_thread(
    authority: ServerAuthority, line: FakeLine, clock: FakeClock
) -> None:
    line.says = RuntimeError("a bug")
    assert authority.ask(QUESTION) is None
    clock.pass_ms(QUIET_FIRST_MS)
    line.says = ANSWER
    assert authority.ask(QUESTION) == ANSWER


def test_after_the_end_nothing_is_asked(authority: ServerAuthority) -> None:
    authority.stop()
    assert not authority.ready()
    assert authority.ask(QUESTION) is None
