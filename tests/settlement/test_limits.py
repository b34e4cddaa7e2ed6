"""Limits of a day passed by terminals together: the sales stand, and finance is told once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.translation import override

from ecard.benefits.models import LimitOn, SpendLimit, Window
from ecard.benefits.queries import policy_by_number
from ecard.cardholders.operations import add_members, save_list
from ecard.settlement.models import ExceptionKind, Sale, SaleException
from ecard.settlement.operations import note_over_limits
from ecard.settlement.sentences import exception_sentence
from ecard.settlement.tasks import note_over_limits as task
from tests.support.books import assert_books_balance
from tests.support.dark import dark
from tests.support.policies import publish_rules
from tests.support.settling import Till, World, make_till

pytestmark = pytest.mark.django_db


def limit(world: World, **limits: int | str) -> None:
    """One limit of a day for everybody, in force before anybody sells."""
    SpendLimit.objects.create(name="每日", name_en="A day", window=Window.DAY, **limits)
    published = publish_rules(at=world.at - timedelta(minutes=1))
    world.policy = policy_by_number(published.number)


def sell_at_two(world: World, till: Till, *amounts_minor: int) -> None:
    """Each amount at the other terminal of two that do not hear of each other."""
    tills = (till, make_till(world, number=2))
    for place, amount_minor in enumerate(amounts_minor):
        tills[place % 2].wait(60)
        tills[place % 2].sell(0, amount_minor)
    for each in tills:
        each.upload()
    world.settle()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_minor": 50_00, "on": LimitOn.TOTAL}, ("¥50.00", "¥60.00")),
        ({"max_minor": 50_00, "on": LimitOn.PURSE}, ("¥50.00", "¥60.00")),
        ({"max_count": 1}, ("limit of 1 ", "2 in all")),
    ],
)
def test_a_days_limit_that_two_dark_terminals_passed_together_is_told_and_the_sales_stand(
    world: World, till: Till, limits: dict[str, int | str], said: tuple[str, str]
) -> None:
    limit(world, **limits)
    sell_at_two(world, till, 30_00, 30_00)
    assert note_over_limits(at=world.at) == 1
    told = SaleException.objects.get()
    assert told.kind == ExceptionKind.OVER_LIMIT
    assert told.record_id == Sale.objects.latest("taken_at").pk
    sentence = exception_sentence(told)
    assert all(part in sentence for part in said)
    with override("zh-hans"):
        assert "超过了每日限额" in exception_sentence(told)
    assert world.purse(0) == 40_00
    assert_books_balance()
    task()
    assert note_over_limits(at=world.at) == 0
    assert SaleException.objects.count() == 1


def test_a_limit_that_was_kept_is_no_matter(world: World, till: Till) -> None:
    limit(world, max_minor=60_00, max_count=2)
    sell_at_two(world, till, 30_00, 30_00)
    assert note_over_limits(at=world.at) == 0


def test_a_sale_taken_back_does_not_count_towards_the_limit(world: World, till: Till) -> None:
    limit(world, max_minor=50_00)
    till.reverse(till.sell(0, 30_00))
    sell_at_two(world, till, 25_00, 25_00)
    assert note_over_limits(at=world.at) == 0


def test_a_limit_set_later_judges_no_earlier_sale(world: World, till: Till) -> None:
    sell_at_two(world, till, 30_00, 30_00)
    SpendLimit.objects.create(name="每日", window=Window.DAY, max_minor=10_00)
    publish_rules(at=world.at)
    assert note_over_limits(at=world.at) == 0
    assert not SaleException.objects.exists()


def test_a_limit_for_a_list_is_told_of_those_on_it(world: World, till: Till) -> None:
    listed = save_list(code="pupils", name="小学生", at=world.at)
    add_members(person_list=listed, cardholder_ids=[world.person(0).pk], at=world.at)
    SpendLimit.objects.create(name="每日", window=Window.DAY, max_minor=10_00).lists.set([listed])
    publish_rules(at=world.at - timedelta(minutes=1))
    terminals = [dark(world, number=number) for number in (3, 4)]
    for terminal in terminals:
        for place in (0, 1):
            terminal.sell(place, 6_00)
        terminal.upload()
    world.settle()
    assert note_over_limits(at=world.at) == 1
    told = SaleException.objects.get(kind=ExceptionKind.OVER_LIMIT)
    assert Sale.objects.get(pk=told.record_id).account_ref == world.person(0).account_ref
    assert note_over_limits(at=world.at) == 0
