"""Sales too soon after one another, and sales too large: they stand, and finance is told in either order of upload."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from django.utils.translation import override

from devices.core.journal import SaleRecord, decode_record, encode_record
from ecard.benefits.models import Grant, SpendLimit, Window
from ecard.benefits.queries import policy_by_number
from ecard.cardholders.models import Group
from ecard.settlement.models import ExceptionKind, Sale, SaleException
from ecard.settlement.operations import note_over_limits
from ecard.settlement.sentences import exception_sentence
from tests.support.books import assert_books_balance, loss, received
from tests.support.dark import Dark, dark
from tests.support.policies import publish_rules
from tests.support.settling import Till, World

pytestmark = pytest.mark.django_db

GAP_S = 300
EITHER_ORDER = pytest.mark.parametrize("later_first", [False, True])


def publish(world: World) -> None:
    world.policy = policy_by_number(publish_rules(at=world.at - timedelta(minutes=1)).number)


def gap(world: World) -> SpendLimit:
    """Five minutes for everybody; what two terminals would spend of the subsidy is another matter."""
    Grant.objects.update(ended_at=world.at)
    limit = SpendLimit.objects.create(name="间隔", name_en="A gap", window=Window.SALE, min_gap_s=GAP_S)
    publish(world)
    return limit


def uploaded(world: World, *terminals: Dark, later_first: bool = False, sweep: bool = True) -> int:
    """All in one order or the other, with a sweep behind each; gives how many exceptions were made."""
    made = 0
    for each in reversed(terminals) if later_first else terminals:
        each.upload()
        world.settle()
        made += note_over_limits(at=world.at) if sweep else 0
    return made


@EITHER_ORDER
@pytest.mark.parametrize("sweep", [True, False])
def test_a_sale_too_soon_after_one_at_another_terminal_is_told_once(
    world: World, later_first: bool, sweep: bool
) -> None:
    gap(world)
    first, second = dark(world, number=1), dark(world, number=2)
    first.sell(0, 10_00)
    second.till.wait(59)
    second.sell(0, 8_00)
    assert uploaded(world, first, second, later_first=later_first, sweep=sweep) == (1 if sweep else 0)
    assert note_over_limits(at=world.at) == (0 if sweep else 1)
    (told,) = SaleException.objects.all()
    later, earlier = Sale.objects.order_by("-taken_at")
    assert (told.kind, told.record_id, told.amount_minor) == (ExceptionKind.TOO_SOON, later.pk, 8_00)
    with override("en"):
        said = exception_sentence(told)
    assert "1 minute after" in said
    assert "5 minutes between two" in said
    assert str(earlier.pk) in said
    assert (received(world), loss()) == (18_00, 0)
    assert_books_balance()


def test_sales_far_enough_apart_or_of_others_or_taken_back_are_not_too_soon(world: World) -> None:
    gap(world)
    first, second = dark(world, number=1), dark(world, number=2)
    first.sell(0, 10_00)
    first.sell(1, 10_00)
    first.till.reverse(3)
    second.till.wait(40)
    second.sell(1, 10_00)
    second.sell(2, 10_00)
    second.till.wait(GAP_S)
    second.sell(0, 10_00)
    assert uploaded(world, first, second) == 0


def test_a_gap_of_another_place_is_not_too_soon_here(world: World) -> None:
    limit = gap(world)
    limit.outlets.set([world.campus.other_outlet])
    publish(world)
    first, second = dark(world, number=1), dark(world, number=2)
    first.sell(0, 10_00)
    second.sell(0, 10_00)
    assert uploaded(world, first, second) == 0


def allowing(till: Till, per_sale_minor: int) -> None:
    """The newest sale as a terminal makes it that believes in another limit for one sale."""
    record = decode_record(till.lines[-1])
    assert isinstance(record, SaleRecord)
    person = msgspec.structs.replace(record.person, per_sale_minor=per_sale_minor)
    fresh = msgspec.structs.replace(record, person=person, snapshot_made_s=record.tap.at_s)
    till.lines[-1] = encode_record(fresh)


def the_sale_above(limit_minor: int, sold_minor: int) -> None:
    (told,) = SaleException.objects.all()
    assert (told.kind, told.record_id) == (ExceptionKind.OVER_SALE, Sale.objects.latest("amount_minor").pk)
    assert told.params == {"limit_minor": limit_minor, "sold_minor": sold_minor}
    with override("en"):
        assert f"¥{sold_minor / 100:.2f} is above the limit of ¥{limit_minor / 100:.2f}" in exception_sentence(told)


@EITHER_ORDER
def test_a_sale_by_old_data_above_the_groups_limit_is_told_once(world: World, later_first: bool) -> None:
    old, fresh = dark(world, number=1, hears_at=world.at - timedelta(hours=2)), dark(world, number=2)
    world.code(0, at=old.till.clock)
    Group.objects.update(per_sale_limit_minor=30_00)
    old.sell(0, 40_00)
    fresh.sell(1, 20_00)
    assert uploaded(world, old, fresh, later_first=later_first) == 1
    assert note_over_limits(at=world.at) == 0
    the_sale_above(30_00, 40_00)
    assert (world.purse(0), loss()) == (65_00, 0)
    assert_books_balance()


def test_a_sale_by_an_old_policy_above_a_limit_published_since_is_told_once(world: World) -> None:
    old = dark(world, number=1)
    SpendLimit.objects.create(name="单笔", window=Window.SALE, max_minor=30_00)
    publish_rules(at=world.at)
    old.sell(0, 40_00)
    assert uploaded(world, old) == 1
    the_sale_above(30_00, 40_00)


def test_a_wrong_terminal_that_sells_above_the_limit_it_knows_is_told(world: World, till: Till) -> None:
    till.sell(0, 70_00)
    allowing(till, 60_00)
    till.upload()
    world.settle()
    assert note_over_limits(at=world.at) == 1
    the_sale_above(60_00, 70_00)


def test_a_limit_for_one_sale_lowered_since_judges_no_sale_by_fresh_data(world: World) -> None:
    fresh = dark(world, number=1)
    fresh.sell(0, 40_00)
    Group.objects.update(per_sale_limit_minor=30_00)
    SpendLimit.objects.create(name="单笔", window=Window.SALE, max_minor=30_00)
    publish_rules(at=world.at + timedelta(hours=1))
    assert uploaded(world, fresh) == 0
