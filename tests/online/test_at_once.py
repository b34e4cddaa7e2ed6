"""Two terminals that ask about one code at the same moment, on two real connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from devices.core.declines import Why
from devices.core.messages import Authorised
from ecard.settlement.checkpoints import watcher
from ecard.settlement.models import AuthorisedHold
from tests.support.asking import Asker
from tests.support.campus import NOON
from tests.support.database import OtherThread
from tests.support.settling import World, make_till, make_world

WAIT_S = 30
WOULD_BE_DONE_S = 1.0


@pytest.fixture
def world(committed_db: None) -> World:
    return make_world(at=NOON)


def test_one_code_shown_to_two_terminals_at_once_is_approved_at_one(
    world: World, second_connection: Callable[[Callable[[], Any]], OtherThread[Any]]
) -> None:
    """Attack: a friend holds a picture of the code before another terminal while the first one is still asking."""
    first, other = Asker(make_till(world)), Asker(make_till(world, number=2, other_outlet=True))
    question = first.question(10_00)
    other.till.clock = first.till.clock
    copied = other.question(10_00, code=question.evidence)
    held, go = threading.Event(), threading.Event()

    def watch(name: str) -> None:
        if name == "authorise.held" and not held.is_set():
            held.set()
            assert go.wait(WAIT_S)

    def ask_and_wait() -> Any:
        watcher.set(watch)
        return first.send(question)

    slow = second_connection(ask_and_wait)
    assert held.wait(WAIT_S)
    quick = second_connection(lambda: other.send(copied))
    threading.Event().wait(WOULD_BE_DONE_S)
    go.set()
    approved, declined = slow.wait(), quick.wait()
    assert isinstance(approved, Authorised)
    assert approved.quote.approved
    assert isinstance(declined, Authorised)
    assert declined.quote.decline is not None
    assert declined.quote.decline.why is Why.ALREADY_USED
    assert AuthorisedHold.objects.count() == 1
