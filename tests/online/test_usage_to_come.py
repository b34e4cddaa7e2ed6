"""What is approved for one terminal counts at the next before its record comes: limits, free meals, single vouchers.

Each rule here gives once, and is asked for at two terminals with two fresh codes of one person.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from devices.core.declines import Why
from devices.core.messages import Ack, Authorised
from ecard.benefits.models import Entitlement, Programme, ProgrammeKind, SpendLimit
from ecard.benefits.operations import issue_grants, open_programme, open_sponsor
from ecard.benefits.queries import policy_by_number
from ecard.settlement import operations
from ecard.settlement.models import AuthorisedHold, ExceptionKind, Sale
from ecard.settlement.operations import note_over_limits
from ecard.terminals.snapshots.people import as_it_is
from tests.support.asking import Asker
from tests.support.books import assert_books_balance, told
from tests.support.policies import publish_rules
from tests.support.settling import World

PRICE_MINOR = 10_00


def a_meal(world: World) -> None:
    Entitlement.objects.create(name="午餐", sponsor=open_sponsor(name="后勤处"), agreed_minor=6_00)


def a_voucher(world: World) -> None:
    programme = open_programme(name="餐券")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER, threshold_minor=8_00)
    issue_grants(
        programme=programme,
        cardholders=world.campus.people,
        amount_minor=20_00,
        period_key="v",
        expires_at=world.at + timedelta(days=1),
        at=world.at,
    )


def a_count(world: World) -> None:
    SpendLimit.objects.create(name="一天一次", window="day", max_count=1)


def an_amount(world: World) -> None:
    SpendLimit.objects.create(name="每日", window="day", max_minor=PRICE_MINOR, on="total")


def a_count_of_a_place(world: World) -> None:
    limit = SpendLimit.objects.create(name="这里一天一次", window="week", max_count=1)
    limit.sites.set([world.campus.site])


def a_gap(world: World) -> None:
    SpendLimit.objects.create(name="隔五分钟", window="sale", min_gap_s=300)


Rule = Callable[[World], None]
GIVES: dict[Rule, Callable[[Authorised], bool]] = {
    a_meal: lambda said: said.quote.leg_minor("entitlement") > 0,
    a_voucher: lambda said: said.quote.leg_minor("voucher") > 0,
    a_count: lambda said: said.quote.approved,
    an_amount: lambda said: said.quote.approved,
    a_count_of_a_place: lambda said: said.quote.approved,
    a_gap: lambda said: said.quote.approved,
}
ALL = [pytest.param(rule, id=getattr(rule, "__name__", "")) for rule in GIVES]


def publish(world: World, rule: Rule) -> None:
    rule(world)
    world.policy = policy_by_number(publish_rules(at=world.at - timedelta(minutes=1)).number)


def gives(rule: Rule, asker: Asker) -> bool:
    return GIVES[rule](asker.ask(PRICE_MINOR)[1])


def upload(world: World, asker: Asker) -> None:
    assert isinstance(asker.till.upload(), Ack)
    world.settle()


@pytest.mark.parametrize("rule", ALL)
def test_what_is_given_once_is_not_approved_at_a_second_terminal(
    world: World, asker: Asker, other: Asker, rule: Rule
) -> None:
    """Attack: one person shows two fresh codes at two connected terminals, for the one thing that is theirs."""
    publish(world, rule)
    question, said = asker.ask(PRICE_MINOR)
    assert GIVES[rule](said)
    assert not gives(rule, other)
    asker.write(question, said)
    upload(world, asker)
    assert not gives(rule, other)
    assert note_over_limits(at=world.at) == 0
    assert told() == []
    assert_books_balance()


@pytest.mark.parametrize("rule", ALL)
def test_somebody_else_is_given_it_meanwhile(world: World, asker: Asker, other: Asker, rule: Rule) -> None:
    publish(world, rule)
    asker.ask(PRICE_MINOR)
    assert GIVES[rule](other.ask(PRICE_MINOR, person=1)[1])


@pytest.mark.parametrize("rule", ALL)
def test_a_hold_that_lapses_gives_it_back(world: World, asker: Asker, other: Asker, rule: Rule) -> None:
    publish(world, rule)
    assert gives(rule, asker)
    other.till.wait(330)
    assert operations.lapse_authorised(at=other.till.clock) == 1
    assert gives(rule, other)


def test_a_hold_whose_time_is_over_counts_no_more_though_nobody_ended_it(
    world: World, asker: Asker, other: Asker
) -> None:
    publish(world, a_count)
    assert gives(a_count, asker)
    other.till.wait(330)
    assert gives(a_count, other)


@pytest.mark.parametrize("rule", ALL)
def test_a_terminal_that_wrote_another_record_instead_gives_it_back(
    world: World, asker: Asker, other: Asker, rule: Rule
) -> None:
    publish(world, rule)
    assert gives(rule, asker)
    asker.till.sell(1, 8_00)
    upload(world, asker)
    assert gives(rule, other)


def test_another_question_under_the_key_does_not_count_the_first(world: World, asker: Asker) -> None:
    publish(world, a_count)
    assert gives(a_count, asker)
    assert gives(a_count, asker)


def test_a_sale_that_is_posted_takes_the_place_of_its_hold(world: World, asker: Asker, other: Asker) -> None:
    SpendLimit.objects.create(name="一天两次", window="day", max_count=2)
    publish(world, lambda _world: None)
    question, said = asker.ask(PRICE_MINOR)
    asker.write(question, said)
    upload(world, asker)
    second, said = other.ask(PRICE_MINOR)
    assert said.quote.approved
    assert [used.count for used in said.person.used] == [1]
    other.write(second, said)
    _third, said = asker.ask(PRICE_MINOR)
    assert said.quote.decline is not None
    assert said.quote.decline.why is Why.TOO_MANY_IN_WINDOW


def test_a_sale_posted_while_its_person_is_looked_up_is_counted_once(
    world: World, asker: Asker, other: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world, lambda _world: None)
    question, said = asker.ask(PRICE_MINOR)
    asker.write(question, said)
    asker.till.upload()

    def late(*args: Any, **named: Any) -> Any:
        world.settle()
        return as_it_is(*args, **named)

    monkeypatch.setattr("ecard.settlement.authorising.deciding.as_it_is", late)
    _second, said = other.ask(PRICE_MINOR)
    assert [used.count for used in said.person.used] == [1]


def test_a_record_that_comes_after_its_hold_lapsed_is_a_fact_and_finance_is_told(
    world: World, asker: Asker, other: Asker
) -> None:
    publish(world, a_meal)
    first, said = asker.ask(PRICE_MINOR)
    asker.write(first, said)
    other.till.wait(330)
    operations.lapse_authorised(at=other.till.clock)
    second, again = other.ask(PRICE_MINOR)
    assert GIVES[a_meal](again)
    other.write(second, again)
    for each in (asker, other):
        upload(world, each)
    assert note_over_limits(at=world.at) == 1
    assert told() == [ExceptionKind.ENTITLEMENT_OVERUSED]
    assert Sale.objects.count() == 2
    assert not gives(a_meal, other)
    assert_books_balance()


def test_a_hold_kept_by_an_older_server_is_answered_and_holds_its_money(
    world: World, asker: Asker, other: Asker
) -> None:
    question, said = asker.ask(100_00)
    AuthorisedHold.objects.update(answer=msgspec.json.encode(said))
    assert asker.send(question) == said
    refused = other.ask(PRICE_MINOR)[1]
    assert refused.quote.decline is not None
    assert refused.quote.decline.why is Why.INSUFFICIENT


def test_the_answer_to_a_retry_is_as_the_first_and_no_more(world: World, asker: Asker) -> None:
    question, said = asker.ask(PRICE_MINOR)
    again = asker.send(question)
    assert type(again) is Authorised
    assert again == said
