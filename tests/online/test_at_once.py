"""Two terminals that ask about one code at the same moment, on two real connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from devices.core.declines import Why
from devices.core.messages import Authorised
from ecard.benefits.models import Entitlement
from ecard.benefits.operations import open_sponsor
from ecard.benefits.queries import policy_by_number
from ecard.settlement.checkpoints import watcher
from ecard.settlement.models import AuthorisedHold
from tests.support.asking import Asker
from tests.support.campus import NOON
from tests.support.database import OtherThread
from tests.support.policies import publish_rules
from tests.support.settling import World, make_till, make_world

WAIT_S = 30
WOULD_BE_DONE_S = 1.0


@pytest.fixture
def world(committed_db: None) -> World:
    return make_world(at=NOON)


def asked_at_once(
    slow: Callable[[], Any], quick: Callable[[], Any], connect: Callable[[Callable[[], Any]], OtherThread[Any]]
) -> tuple[Authorised, Authorised]:
    """The answers to two questions, the second one put while the first one's hold is not committed."""
    held, go = threading.Event(), threading.Event()

    def watch(name: str) -> None:
        if name == "authorise.held" and not held.is_set():
            held.set()
            assert go.wait(WAIT_S)

    def ask_and_wait() -> Any:
        watcher.set(watch)
        return slow()

    first = connect(ask_and_wait)
    assert held.wait(WAIT_S)
    second = connect(quick)
    threading.Event().wait(WOULD_BE_DONE_S)
    go.set()
    said, said_to_other = first.wait(), second.wait()
    assert isinstance(said, Authorised)
    assert isinstance(said_to_other, Authorised)
    return said, said_to_other


def test_one_code_shown_to_two_terminals_at_once_is_approved_at_one(
    world: World, second_connection: Callable[[Callable[[], Any]], OtherThread[Any]]
) -> None:
    """Attack: a friend holds a picture of the code before another terminal while the first one is still asking."""
    first, other = Asker(make_till(world)), Asker(make_till(world, number=2, other_outlet=True))
    question = first.question(10_00)
    other.till.clock = first.till.clock
    copied = other.question(10_00, code=question.evidence)
    approved, declined = asked_at_once(lambda: first.send(question), lambda: other.send(copied), second_connection)
    assert approved.quote.approved
    assert declined.quote.decline is not None
    assert declined.quote.decline.why is Why.ALREADY_USED
    assert AuthorisedHold.objects.count() == 1


def test_two_fresh_codes_shown_at_once_have_the_one_meal_of_the_day_once(
    world: World, second_connection: Callable[[Callable[[], Any]], OtherThread[Any]]
) -> None:
    """Attack: two phones of one person, each before a terminal at the same moment."""
    Entitlement.objects.create(name="午餐", sponsor=open_sponsor(name="后勤处"), agreed_minor=6_00)
    world.policy = policy_by_number(publish_rules(at=world.at - timedelta(minutes=1)).number)
    first, other = Asker(make_till(world)), Asker(make_till(world, number=2, other_outlet=True))
    mine, also_mine = first.question(10_00), other.question(10_00)
    had, paid = asked_at_once(lambda: first.send(mine), lambda: other.send(also_mine), second_connection)
    assert [leg.source for leg in had.quote.legs] == ["entitlement"]
    assert [leg.source for leg in paid.quote.legs] == ["purse"]
