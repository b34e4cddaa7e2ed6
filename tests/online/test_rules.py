"""When a terminal asks, and what an answer makes of the sale. Pure: no server, no thread."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from devices.core.declines import Decline, Why
from devices.core.evaluate import evaluate
from devices.core.funds import Pending
from devices.core.journal import Facts
from devices.core.messages import Authorise, Authorised
from devices.core.quote import Line, Person
from devices.master.decide import Declined, Sale, Tapped, here, sold, zone_of
from devices.master.online import Asking, settle, wants
from devices.master.till import Till
from devices.store.held import Held
from tests.devices import world

PRICE_MINOR = 30_00
CODE = Tapped("card", 1)
PERSON = Person(1, 1, 100_00, 200_00)
POLICY = world.policy()
HELD = Held(1, 5, 9, world.NOON_S, (POLICY,), {}, {}, world.parameters(floor_minor=20_00, journal=2), 1)
TAP = here(HELD.parameters, zone=zone_of, policy=POLICY, now_s=world.NOON_S)
BASKET = (Line(PRICE_MINOR),)
QUESTION = Authorise(77, 12, world.NOON_S * 1000, POLICY.number, "U1card", BASKET, Facts(slot=3))


def sale(amount_minor: int = PRICE_MINOR, person: Person = PERSON) -> Sale:
    basket = (Line(amount_minor),)
    quote = evaluate(policy=POLICY, person=person, tap=TAP, basket=basket)
    return sold(
        "U1card",
        code=CODE,
        held=HELD,
        name="张*",
        policy=POLICY,
        person=person,
        tap=TAP,
        basket=basket,
        quote=quote,
        at_ms=QUESTION.at_ms,
        seq=QUESTION.seq,
        facts=QUESTION.facts,
    )


def asking(offline: Sale | Declined) -> Asking:
    return Asking(QUESTION, offline, CODE, Till(), TAP, POLICY, HELD, "张*", 0)


def answer(**changes: Any) -> Authorised:
    person = Person(1, 2, 60_00, 200_00)
    quote = evaluate(policy=POLICY, person=person, tap=TAP, basket=BASKET)
    return msgspec.structs.replace(Authorised(person, quote, QUESTION.at_ms + 300_000), **changes)


OFFLINE = sale()


@pytest.mark.parametrize(("amount_minor", "asks"), [(19_99, False), (20_00, False), (20_01, True)])
def test_a_sale_above_the_floor_limit_is_asked_about(amount_minor: int, asks: bool) -> None:
    assert wants(sale(amount_minor), parameters=HELD.parameters, pending=Pending()) is asks


@pytest.mark.parametrize("why", sorted(Why))
def test_only_what_the_server_can_know_better_is_asked_about(why: Why) -> None:
    declined = Declined(Decline(why))
    unfunded = {Why.INSUFFICIENT, Why.OVER_AGED_LIMIT, Why.SNAPSHOT_TOO_OLD, Why.TOO_MANY_SALES}
    assert wants(declined, parameters=HELD.parameters, pending=Pending()) is (why in unfunded)


@pytest.mark.parametrize("changes", [{"floor_minor": None}, {"journal": 1}])
def test_without_a_floor_limit_or_with_an_older_server_nothing_is_asked(changes: dict[str, Any]) -> None:
    parameters = msgspec.structs.replace(HELD.parameters, **changes)
    for decided in (OFFLINE, Declined(Decline(Why.INSUFFICIENT))):
        assert not wants(decided, parameters=parameters, pending=Pending())


def test_while_the_server_may_lack_a_sale_of_this_person_nothing_is_asked() -> None:
    assert not wants(OFFLINE, parameters=HELD.parameters, pending=Pending(purse_minor=1, sales=1))


def test_an_approval_is_recorded_with_the_person_as_the_server_knows_them() -> None:
    said = answer()
    made = settle(said, asking=asking(Declined(Decline(Why.INSUFFICIENT))))
    assert isinstance(made, Sale)
    record = made.record
    assert (record.authorised, record.person, record.quote) == (True, said.person, said.quote)
    assert (record.seq, record.at_ms, record.facts) == (QUESTION.seq, QUESTION.at_ms, QUESTION.facts)
    assert evaluate(policy=POLICY, person=record.person, tap=record.tap, basket=record.basket) == record.quote


def test_a_decline_of_the_server_goes_before_an_offline_approval() -> None:
    quote = msgspec.structs.replace(answer().quote, decline=Decline(Why.STOPPED), legs=())
    made = settle(answer(quote=quote, lapses_at_ms=0), asking=asking(OFFLINE))
    assert isinstance(made, Declined)
    assert made.decline.why is Why.STOPPED


@pytest.mark.parametrize(
    "said",
    [
        None,
        answer(quote=msgspec.structs.replace(answer().quote, policy=2)),
        answer(quote=msgspec.structs.replace(answer().quote, policy=2, decline=Decline(Why.STOPPED))),
        answer(quote=msgspec.structs.replace(answer().quote, amount_minor=1_00)),
        answer(person=Person(1, 2, 10_00, 200_00)),
        answer(person=Person(2, 2, 60_00, 200_00)),
    ],
    ids=["none", "policy", "policy-declined", "amount", "person", "somebody-else"],
)
@pytest.mark.parametrize("offline", [OFFLINE, Declined(Decline(Why.INSUFFICIENT))], ids=["approved", "declined"])
def test_without_an_answer_that_these_rules_bear_out_the_offline_rules_decide(
    said: Authorised | None, offline: Sale | Declined
) -> None:
    assert settle(said, asking=asking(offline)) is offline
