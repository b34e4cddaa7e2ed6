"""Putting money into a purse, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import close_cardholder
from ecard.changes.models import Change, Topic
from ecard.ledger.models import AccountKind
from ecard.ledger.operations import house_account
from ecard.ledger.queries import balance_of, replay_check, statement, sum_of_balances
from ecard.payments.errors import AmountRefused, KeyReused, PurseClosed, PurseFull
from ecard.payments.models import TopUp
from ecard.payments.operations import top_up, top_ups
from ecard.payments.rules import PURSE_MAX_MINOR, TOP_UP_MAX_MINOR
from ecard.payments.values import NewTopUp
from tests.support.campus import NOON, make_campus
from tests.support.database import OtherThread


def put(person: Cardholder, amount_minor: int = 100_00, *, key: str = "k1") -> TopUp:
    return top_up(cardholder=person, amount_minor=amount_minor, by=None, at=NOON, key=key)


@pytest.mark.django_db
def test_a_top_up_moves_money_from_the_cash_desk_to_the_purse_and_tells_terminals() -> None:
    person = make_campus(people=1).people[0]
    Change.objects.all().delete()
    made = put(person)
    assert balance_of(person.purse_id) == 100_00
    desk = house_account(kind=AccountKind.CASH_DESK)
    assert balance_of(desk) == -100_00
    (line,) = statement(person.purse_id)
    assert (line.amount_minor, line.cause_id) == (100_00, made.pk)
    assert Change.objects.get().refs == [person.account_ref]
    assert Change.objects.get().topic == Topic.CARDHOLDER


@pytest.mark.django_db
def test_a_form_sent_twice_tops_up_once() -> None:
    person = make_campus(people=1).people[0]
    assert put(person).pk == put(person).pk
    assert balance_of(person.purse_id) == 100_00


def test_a_form_sent_twice_at_the_same_moment_tops_up_once(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    person = make_campus(people=1).people[0]
    threads = [second_connection(lambda: put(person).pk) for _ in range(4)]
    assert len({thread.wait() for thread in threads}) == 1
    assert balance_of(person.purse_id) == 100_00


@pytest.mark.django_db
def test_a_key_names_one_top_up_only() -> None:
    first, second = make_campus(people=2).people
    put(first)
    for person, amount_minor in ((first, 1), (second, 100_00)):
        with pytest.raises(KeyReused):
            put(person, amount_minor)
    assert TopUp.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("amount_minor", [0, -1, TOP_UP_MAX_MINOR + 1])
def test_an_amount_out_of_bounds_is_refused(amount_minor: int) -> None:
    person = make_campus(people=1).people[0]
    with pytest.raises(AmountRefused):
        put(person, amount_minor)
    assert sum_of_balances() == 0
    assert not TopUp.objects.exists()


@pytest.mark.django_db
def test_a_purse_takes_no_more_than_it_may_hold() -> None:
    person = make_campus(people=1).people[0]
    put(person, TOP_UP_MAX_MINOR, key="a")
    put(person, TOP_UP_MAX_MINOR, key="b")
    room_minor = PURSE_MAX_MINOR - 2 * TOP_UP_MAX_MINOR
    with pytest.raises(PurseFull):
        put(person, room_minor + 1, key="c")
    put(person, room_minor, key="c")
    assert balance_of(person.purse_id) == PURSE_MAX_MINOR


@pytest.mark.django_db
def test_a_closed_account_takes_no_money() -> None:
    person = make_campus(people=1).people[0]
    close_cardholder(cardholder=person, at=NOON)
    with pytest.raises(PurseClosed):
        put(person)


@pytest.mark.django_db
def test_many_top_ups_are_all_or_none() -> None:
    first, second = make_campus(people=2).people
    with pytest.raises(AmountRefused):
        top_ups(new=[NewTopUp(first, 1, "a"), NewTopUp(second, 0, "b")], by=None, at=NOON)
    with pytest.raises(ValueError, match="of its own"):
        top_ups(new=[NewTopUp(first, 1, "a"), NewTopUp(first, 1, "b")], by=None, at=NOON)
    assert balance_of(first.purse_id) == 0
    made = top_ups(new=[NewTopUp(first, 1, "a"), NewTopUp(second, 2, "b")], by=None, at=NOON)
    assert [each.amount_minor for each in made] == [1, 2]
    assert balance_of(second.purse_id) == 2


class TopUpProperty(TestCase):
    @given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, TOP_UP_MAX_MINOR)), max_size=12))
    def test_the_purse_holds_exactly_the_top_ups_that_were_not_refused(self, asked: list[tuple[str, int]]) -> None:
        person = make_campus(people=1).people[0]
        for key, amount_minor in asked:
            try:
                put(person, amount_minor, key=key)
            except (KeyReused, PurseFull):
                continue
        made = TopUp.objects.filter(cardholder=person)
        assert balance_of(person.purse_id) == sum(each.amount_minor for each in made) <= PURSE_MAX_MINOR
        assert replay_check().differences == ()
