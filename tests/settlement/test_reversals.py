"""A reversal gives back what was paid, once, and frees the code for another sale."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.core.quote import Quote
from ecard.benefits.models import Entitlement, Grant, Programme, ProgrammeKind, SpendLimit, UsageCounter
from ecard.benefits.operations import issue_grants, open_programme, open_sponsor
from ecard.cardholders.operations import close_cardholder
from ecard.ledger.queries import balance_of
from ecard.settlement.models import ExceptionKind, Sale, SaleReversal
from ecard.settlement.queries import upload_counts
from tests.support.books import assert_books_balance, loss, received, sponsored, suspense, told
from tests.support.dark import dark, own_minor
from tests.support.policies import publish_rules
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


@pytest.mark.parametrize("batches", [1, 2])
def test_a_voucher_of_a_sale_taken_back_can_be_used_again(world: World, batches: int) -> None:
    programme = open_programme(name="餐券", name_en="Voucher")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER)
    expires_at = world.at + timedelta(days=1)
    person = [world.person(0)]
    issue_grants(
        programme=programme, cardholders=person, amount_minor=8_00, period_key="v", expires_at=expires_at, at=world.at
    )
    publish_rules(at=world.at - timedelta(minutes=1))
    lots, given = world.lots(0), balance_of(programme.sponsor_id)
    first = dark(world, number=1)
    assert own_minor(first.sell(0, 6_00)) == 0
    sold = len(first.till.lines)
    if batches > 1:
        first.upload()
        world.settle()
        assert balance_of(programme.sponsor_id) == given + 2_00
        assert Grant.objects.filter(programme=programme, ended_at__isnull=False).exists()
    first.till.reverse(sold)
    first.upload()
    world.settle()
    assert (world.lots(0), balance_of(programme.sponsor_id)) == (lots, given)
    second = dark(world, number=2)
    assert own_minor(second.sell(0, 20_00)) == 7_00
    second.upload()
    world.settle()
    assert (told(), world.purse(0), received(world)) == ([], 93_00, 20_00)
    assert upload_counts().twice == 0
    assert_books_balance()


@pytest.mark.parametrize("batches", [1, 2])
def test_a_sale_taken_back_gives_back_all_that_it_counted_for(world: World, batches: int) -> None:
    sponsor = open_sponsor(name="后勤处")
    Entitlement.objects.create(name="早餐", sponsor=sponsor, agreed_minor=6_00, covers_minor=9_00, window="day")
    own = SpendLimit.objects.create(name="本窗", window="week", max_minor=50_00)
    own.outlets.set([world.campus.outlet])
    publish_rules(at=world.at - timedelta(minutes=1))
    first = dark(world, number=1)
    assert own_minor(first.sell(0, 12_00)) == 0
    assert own_minor(first.sell(0, 10_00)) == 8_00
    if batches > 1:
        first.upload()
        world.settle()
        assert UsageCounter.objects.count() == 3
    first.till.reverse(2)
    first.upload()
    world.settle()
    counted = UsageCounter.objects.order_by("scope").values_list("scope", "total_minor", "purse_minor", "count")
    entitled = (-Entitlement.objects.get().pk, 0, 0, 0)
    assert list(counted) == [entitled, (0, 10_00, 8_00, 1), (own.pk, 10_00, 8_00, 1)]
    assert balance_of(sponsor.pk) == 0
    second = dark(world, number=2)
    assert isinstance(second.tap(0, ()), Quote)
    assert_books_balance()
