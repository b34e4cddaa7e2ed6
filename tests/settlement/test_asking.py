"""What would this person pay here, now or then, for this?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.core.declines import Why
from devices.core.quote import Line
from ecard.cardholders.operations import stop_account
from ecard.payments.operations import top_up
from ecard.settlement.asking import Answer, CannotAsk, ask
from tests.support.campus import NOON
from tests.support.settling import World, make_till, make_world

MEAL = (Line(12_00),)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def world(db: None) -> World:
    return make_world(at=NOON, people=2, subsidy_minor=5_00)


def asked(world: World, *, person: int = 0, basket: tuple[Line, ...] = MEAL, minutes: int = 0, now: int = 0) -> Answer:
    return ask(
        account_ref=world.person(person).account_ref,
        outlet_id=world.campus.outlet.pk,
        basket=basket,
        at=NOON + timedelta(minutes=minutes),
        now=NOON + timedelta(minutes=now),
    )


def legs(answer: Answer) -> list[tuple[str, int]]:
    assert answer.quote is not None
    return [(leg.source, leg.amount_minor) for leg in answer.quote.legs]


def test_the_answer_is_what_a_terminal_would_decide(world: World) -> None:
    answer = asked(world)
    assert legs(answer) == [("lot", 5_00), ("purse", 7_00)]
    assert answer.tap.period == world.campus.lunch.pk
    assert not answer.past


def test_asking_moves_no_money_and_counts_nothing(world: World) -> None:
    assert legs(asked(world)) == legs(asked(world)) == [("lot", 5_00), ("purse", 7_00)]


def test_a_sale_that_was_posted_since_is_in_the_answer(world: World) -> None:
    till = make_till(world)
    till.sell(0, 12_00, lots=world.lots())
    till.upload()
    world.settle()
    assert legs(asked(world, minutes=5, now=5)) == [("purse", 12_00)]


def test_a_moment_gone_by_is_answered_with_the_money_there_was_then(world: World) -> None:
    till = make_till(world)
    till.clock = NOON + timedelta(minutes=20)
    till.sell(0, 12_00, lots=world.lots())
    world.at = NOON + timedelta(minutes=30)
    till.upload()
    world.settle()
    top_up(cardholder=world.person(), amount_minor=50_00, by=None, at=world.at, key="later")
    before = asked(world, minutes=10, now=60)
    assert before.past
    assert legs(before) == [("lot", 5_00), ("purse", 7_00)]
    assert before.person is not None
    assert (before.person.purse_minor, before.person.used) == (100_00, ())
    after = asked(world, minutes=40, now=60)
    assert after.person is not None
    assert after.person.purse_minor == 100_00 - 7_00 + 50_00
    assert [used.total_minor for used in after.person.used] == [12_00]
    assert legs(after) == [("purse", 12_00)]


def test_a_moment_to_come_knows_what_will_have_expired(world: World) -> None:
    answer = asked(world, minutes=25 * 60, now=0)
    assert legs(answer) == [("purse", 12_00)]


def test_a_stopped_person_could_buy_nothing(world: World) -> None:
    stop_account(cardholder=world.person(), by=None, reason="lost", at=NOON)
    stopped = asked(world)
    assert stopped.quote is None
    assert stopped.stopped is not None
    assert stopped.stopped.why is Why.STOPPED
    assert asked(world, person=1).quote is not None


def test_nothing_typed_is_declined_with_its_reason(world: World) -> None:
    answer = asked(world, basket=())
    assert answer.quote is not None
    assert answer.quote.decline is not None
    assert answer.quote.decline.why in (Why.NO_AMOUNT, Why.NOT_ENTITLED)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"account_ref": 1}, "person"),
        ({"outlet_id": 32_000}, "outlet"),
        ({"at": NOON - timedelta(days=400)}, "policy"),
    ],
)
def test_what_cannot_be_asked_says_why(world: World, changed: dict[str, object], why: str) -> None:
    question = {
        "account_ref": world.person().account_ref,
        "outlet_id": world.campus.outlet.pk,
        "basket": MEAL,
        "at": NOON,
        "now": NOON,
    }
    with pytest.raises(CannotAsk, match=why):
        ask(**{**question, **changed})  # type: ignore[arg-type]  # one wrong value at a time
