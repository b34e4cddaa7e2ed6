"""From stored batches to the ledger: who pays what, and what finance is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection, transaction

from devices.core.messages import Ack
from devices.core.quote import Lot
from ecard.benefits.models import UsageCounter
from ecard.benefits.operations import issue_grants, open_programme
from ecard.changes.models import Change, Topic
from ecard.settlement import queries
from ecard.settlement.models import ExceptionKind, Sale, SaleException
from ecard.settlement.rules import record_id
from ecard.terminals.models import Stream
from tests.support.books import assert_books_balance, loss, parts, received, sponsored, suspense, told
from tests.support.settling import Till, World


def test_a_sale_moves_what_the_terminal_showed_and_the_merchant_receives_all_of_it(world: World, till: Till) -> None:
    till.sell(0, 12_00, lots=world.lots(0))
    assert till.upload() == Ack("accepted", till.epoch, 2)
    world.settle()
    sale = Sale.objects.get()
    assert parts(sale) == (7_00, 5_00, 0, 0, 0)
    assert (sale.pk, sale.amount_minor) == (record_id(Stream.objects.get().pk, 2), 12_00)
    assert (world.purse(0), received(world)) == (93_00, 12_00)
    assert queries.recheck(sale).same
    assert told() == []
    assert_books_balance()


def test_a_posted_sale_tells_terminals_and_counts_for_the_day(world: World, till: Till) -> None:
    before = Change.objects.count()
    till.sell(0, 12_00, lots=world.lots(0))
    till.sell(0, 3_00)
    till.upload()
    world.settle()
    change = Change.objects.order_by("-id")[0]
    assert (Change.objects.count(), change.topic, change.refs) == (
        before + 1,
        Topic.CARDHOLDER,
        [world.person(0).account_ref],
    )
    counter = UsageCounter.objects.get()
    assert (counter.total_minor, counter.purse_minor, counter.count) == (15_00, 10_00, 2)
    stream = Stream.objects.get()
    assert stream.posted_through == stream.next_seq - 1 == 3


def test_a_purse_pays_down_to_its_debt_floor_and_the_rest_is_offline_loss(world: World, till: Till) -> None:
    till.sell(0, 70_00)
    till.sell(0, 50_00)
    till.upload()
    world.settle()
    first, second = Sale.objects.order_by("id")
    assert parts(first) == (70_00, 0, 0, 0, 0)
    assert parts(second) == (30_00, 0, 0, 20_00, 0)
    assert (world.purse(0), loss(), received(world)) == (0, 20_00, 120_00)
    assert told() == [ExceptionKind.PURSE_SHORT]
    assert_books_balance()


def test_a_lot_spent_twice_offline_is_made_up_by_its_sponsor_never_by_the_purse(
    world: World, till: Till, other: Till
) -> None:
    given = sponsored(world)
    for each in (till, other):
        each.sell(0, 8_00, lots=world.lots(0))
        each.upload()
    world.settle()
    assert world.purse(0) == 94_00
    assert sponsored(world) == given + 5_00
    assert told() == [ExceptionKind.LOT_SHORT]
    assert sum(sale.grant_minor for sale in Sale.objects.all()) == 5_00
    assert_books_balance()


def test_a_lot_that_expired_before_the_tap_is_paid_by_its_sponsor(world: World, till: Till) -> None:
    issue_grants(
        programme=world.programme,
        cardholders=[world.person(0)],
        amount_minor=4_00,
        period_key="short",
        expires_at=world.at + timedelta(minutes=5),
        at=world.at,
    )
    short = world.lots(0)[0]
    till.clock += timedelta(minutes=10)
    till.sell(0, 8_00, lots=(Lot(short.id, short.programme, short.remaining_minor, short.expires_s + 3600),))
    till.upload()
    world.settle()
    assert parts(Sale.objects.get()) == (4_00, 0, 4_00, 0, 0)
    assert told() == [ExceptionKind.LOT_EXPIRED]


@pytest.mark.parametrize("whose", ["nobody", "another"])
def test_a_lot_that_is_not_the_persons_is_paid_by_the_programmes_sponsor(world: World, till: Till, whose: str) -> None:
    mine, theirs = world.lots(0)[0], world.lots(1)[0]
    lot_id = 999_999 if whose == "nobody" else theirs.id
    till.sell(0, 8_00, lots=(Lot(lot_id, mine.programme, 5_00, mine.expires_s),))
    till.upload()
    world.settle()
    assert parts(Sale.objects.get()) == (3_00, 0, 5_00, 0, 0)
    assert world.lots(1)[0].remaining_minor == 5_00
    assert told() == [ExceptionKind.LOT_MISSING]
    assert_books_balance()


def test_a_failed_lot_leg_without_a_sponsor_is_offline_loss(world: World, till: Till) -> None:
    unknown = open_programme(name="temporary")
    record = till.sale(
        world.person(0).account_ref,
        8_00,
        world.code(0, at=till.clock),
        purse_minor=500_00,
        lots=(Lot(999_999, world.programme.pk, 5_00, 2**31),),
    )
    data = till.world.policy.programmes[0].id
    till.write(record)
    till.lines[-1] = till.lines[-1].replace(f'"programme":{data}'.encode(), f'"programme":{unknown.pk + 7}'.encode())
    till.upload()
    world.settle()
    assert parts(Sale.objects.get()) == (3_00, 0, 0, 5_00, 0)
    assert told() == [ExceptionKind.LOT_MISSING]


def test_a_pre_signed_code_pays_and_its_one_slot_is_taken_once(world: World, till: Till, other: Till) -> None:
    text, moment = world.pre_signed(0)
    for seconds, each in enumerate((till, other)):
        each.clock = moment + timedelta(seconds=seconds - 10)
        each.sell(0, 9_00, code=text)
        each.upload()
        world.settle()
    first, second = Sale.objects.order_by("id")
    assert (parts(first), parts(second)) == ((9_00, 0, 0, 0, 0), (0, 0, 0, 0, 9_00))
    assert told() == [ExceptionKind.PRESENTED_TWICE]


@pytest.mark.parametrize("together", [True, False])
def test_a_code_taken_at_two_terminals_is_paid_once_and_told(
    world: World, till: Till, other: Till, together: bool
) -> None:
    code = world.code(0, at=till.clock + timedelta(seconds=10))
    for each in (till, other):
        each.sell(0, 9_00, code=code)
        each.upload()
        if not together:
            world.settle()
    world.settle()
    assert (world.purse(0), suspense(), received(world)) == (91_00, 9_00, 18_00)
    assert told() == [ExceptionKind.PRESENTED_TWICE]
    exception = SaleException.objects.get()
    assert exception.params == {"other": Sale.objects.get(suspense_minor=0).pk}
    assert_books_balance()


def test_nothing_posts_before_its_evidence_is_checked_nor_before_an_earlier_batch(world: World, till: Till) -> None:
    till.sell(0, 9_00)
    till.upload()
    till.sell(0, 4_00)
    till.upload()
    from ecard.settlement.operations import check_evidence, post

    assert post(at=world.at).batches == 0
    check_evidence(at=world.at, limit=1)
    assert post(at=world.at).sales == 1
    assert post(at=world.at).batches == 0
    check_evidence(at=world.at)
    assert post(at=world.at).sales == 1


@pytest.mark.parametrize("limit_records", [1, 3, 1000])
def test_groups_of_any_size_post_the_same(world: World, till: Till, other: Till, limit_records: int) -> None:
    for place in range(7):
        for each in (till, other):
            each.sell(place % 3, 5_00)
            each.wait(3 if each is till else 4)
        till.upload()
    other.upload()
    world.settle(limit_records=limit_records)
    assert Sale.objects.count() == 14
    assert sum(world.purse(place) for place in range(3)) == 300_00 - 14 * 5_00
    assert_books_balance()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settlement_sale SET amount_minor = 1",
        "DELETE FROM settlement_sale",
        "UPDATE settlement_salereversal SET amount_minor = 1",
        "DELETE FROM settlement_batch",
        "DELETE FROM settlement_saleexception",
    ],
)
@pytest.mark.django_db
def test_the_server_itself_may_not_edit_what_was_posted(statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
