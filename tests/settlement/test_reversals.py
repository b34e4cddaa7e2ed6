"""A reversal gives back what was paid, once, and frees the code for another sale."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecard.benefits.models import UsageCounter
from ecard.cardholders.operations import close_cardholder
from ecard.settlement.models import ExceptionKind, Sale, SaleReversal
from tests.support.books import assert_books_balance, loss, received, sponsored, suspense, told
from tests.support.settling import Till, World


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_after_a_reversal_the_same_terminal_takes_the_same_code_again(world: World, till: Till, batches: int) -> None:
    code = world.code(0, at=till.clock + timedelta(seconds=15))
    sold = till.sell(0, 9_00, code=code)
    if batches > 1:
        till.upload()
        world.settle()
    till.reverse(sold)
    if batches > 2:
        till.upload()
        world.settle()
    till.clock -= timedelta(seconds=10)
    till.sell(0, 11_00, code=code)
    till.upload()
    world.settle()
    assert told() == []
    assert (world.purse(0), received(world)) == (89_00, 11_00)
    assert list(Sale.objects.order_by("id").values_list("attempt", flat=True)) == [0, 1]
    counter = UsageCounter.objects.get()
    assert (counter.total_minor, counter.purse_minor, counter.count) == (11_00, 11_00, 1)
    assert_books_balance()


@pytest.mark.parametrize("at_once", [True, False])
def test_a_reversal_gives_every_source_back_what_it_paid(world: World, till: Till, at_once: bool) -> None:
    given, code = sponsored(world), world.lots(0)
    sold = till.sell(0, 120_00, lots=code)
    assert till.upload() is not None
    if not at_once:
        world.settle()
    till.reverse(sold)
    till.upload()
    world.settle()
    assert (world.purse(0), loss(), received(world)) == (100_00, 0, 0)
    assert sponsored(world) == given
    assert world.lots(0) == code
    assert SaleReversal.objects.get().sale_id == Sale.objects.get().pk
    assert told() == [ExceptionKind.PURSE_SHORT]
    assert_books_balance()


def test_a_reversal_from_the_next_epoch_finds_its_sale(world: World, till: Till) -> None:
    sold = till.sell(0, 9_00)
    till.upload()
    earlier = till.epoch
    till.start()
    till.reverse(sold, epoch=earlier)
    till.upload()
    world.settle()
    assert (world.purse(0), told()) == (100_00, [])


@pytest.mark.parametrize(
    ("second", "kind"), [(True, ExceptionKind.REVERSAL_AGAIN), (False, ExceptionKind.REVERSAL_UNKNOWN)]
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_reversal_of_nothing_or_again_moves_nothing(
    world: World, till: Till, second: bool, kind: ExceptionKind, at_once: bool
) -> None:
    sold = till.sell(0, 9_00)
    if second:
        till.reverse(sold)
    if not at_once:
        till.upload()
        world.settle()
    till.reverse(sold if second else 77)
    till.upload()
    world.settle()
    assert told() == [kind]
    assert world.purse(0) == (100_00 if second else 91_00)
    assert_books_balance()


def test_a_reversal_into_a_closed_purse_waits_in_suspense(world: World, till: Till) -> None:
    sold = till.sell(2, 100_00)
    till.upload()
    world.settle()
    close_cardholder(cardholder=world.person(2), at=world.at)
    till.reverse(sold)
    till.upload()
    world.settle()
    assert (received(world), suspense()) == (0, -100_00)
    assert told() == [ExceptionKind.REVERSAL_CLOSED]
    assert_books_balance()
