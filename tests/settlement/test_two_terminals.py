"""Two terminals that cannot talk: each thing that can have happened meanwhile, who pays for it, and what is told."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from django.utils.translation import override

from devices.core.quote import Line, Quote
from ecard.benefits.granting import EXPIRY_GRACE, expire_grants, issue_grants
from ecard.benefits.guardians import set_guardian_limit
from ecard.benefits.models import Entitlement, Grant, PriceRule, Programme, ProgrammeKind, SpendLimit, Window
from ecard.benefits.operations import open_programme, open_sponsor
from ecard.benefits.vouchers import transfer_voucher
from ecard.cardholders.operations import make_price_class, move_group, save_group
from ecard.ledger.queries import balance_of
from ecard.settlement import queries
from ecard.settlement.models import ExceptionKind, Sale, SaleException
from ecard.settlement.operations import note_over_limits
from ecard.settlement.sentences import exception_sentence
from tests.support.books import assert_books_balance, loss, parts, received, told
from tests.support.dark import Dark, dark, own_minor
from tests.support.policies import publish_rules
from tests.support.settling import World

pytestmark = pytest.mark.django_db

VALUE_MINOR, FROM_MINOR = 15_00, 20_00
AGREED_MINOR = 6_00


def published(world: World) -> None:
    publish_rules(at=world.at - timedelta(minutes=1))


def voucher(world: World, *, transferable: bool = False) -> Programme:
    """15 off from 20, one for everybody; it goes alone so that the subsidy stays out of the sums."""
    programme = open_programme(name="加班餐券", name_en="Late shift voucher")
    Programme.objects.filter(pk=programme.pk).update(
        kind=ProgrammeKind.VOUCHER, threshold_minor=FROM_MINOR, transferable=transferable
    )
    programme.excludes.set([world.programme])
    issue_grants(
        programme=programme,
        cardholders=world.campus.people,
        amount_minor=VALUE_MINOR,
        period_key="late",
        expires_at=world.at + timedelta(days=3),
        at=world.at,
    )
    published(world)
    return programme


def given(programme: Programme) -> int:
    """What the programme's sponsor is out of pocket, grants included."""
    return -balance_of(programme.sponsor_id)


def two(world: World) -> tuple[Dark, Dark]:
    return dark(world, number=1), dark(world, number=2)


def uploaded(world: World, *terminals: Dark) -> None:
    for each in terminals:
        each.upload()
        world.settle()


def the_matter(kind: ExceptionKind, *, en: str, zh: str) -> SaleException:
    """The only thing finance was told, and that it says so in both languages."""
    exception = SaleException.objects.get()
    assert exception.kind == kind
    with override("en"):
        assert en in exception_sentence(exception)
    with override("zh-hans"):
        assert zh in exception_sentence(exception)
    return exception


def test_the_same_voucher_at_two_terminals_is_paid_twice_by_its_sponsor_and_told_once(world: World) -> None:
    programme = voucher(world)
    before = given(programme)
    first, second = two(world)
    shown = [own_minor(first.sell(0, 25_00)), own_minor(second.sell(0, 22_00))]
    assert shown == [10_00, 7_00]
    uploaded(world, first, second)
    assert world.purse(0) == 100_00 - sum(shown)
    assert given(programme) == before + VALUE_MINOR
    assert (loss(), received(world)) == (0, 47_00)
    assert [parts(sale) for sale in Sale.objects.order_by("taken_at")] == [
        (10_00, 15_00, 0, 0, 0),
        (7_00, 0, 15_00, 0, 0),
    ]
    matter = the_matter(ExceptionKind.VOUCHER_TWICE, en="had been used before", zh="此前已在消费")
    paid = Sale.objects.get(grant_minor=VALUE_MINOR)
    assert (matter.params["other"], matter.amount_minor) == (paid.pk, VALUE_MINOR)
    assert str(paid.pk) in exception_sentence(matter)
    assert_books_balance()


def test_what_is_left_of_a_voucher_goes_back_to_its_sponsor_with_the_sale(world: World) -> None:
    programme = voucher(world)
    Programme.objects.filter(pk=programme.pk).update(threshold_minor=0)
    publish_rules(at=world.at)
    before = given(programme)
    till = dark(world, number=1)
    assert own_minor(till.sell(0, 9_00)) == 0
    uploaded(world, till)
    assert given(programme) == before - (VALUE_MINOR - 9_00)
    assert [lot for lot in world.lots(0) if lot.programme == programme.pk] == []
    assert (told(), parts(Sale.objects.get())) == ([], (0, 9_00, 0, 0, 0))
    assert queries.upload_counts().twice == 0
    assert_books_balance()


@pytest.mark.parametrize("uploaded_late", [False, True])
def test_a_subsidy_spent_before_it_expired_at_a_dark_terminal_pays_however_late_that_is_uploaded(
    world: World, uploaded_late: bool
) -> None:
    till = dark(world, number=1)
    assert own_minor(till.sell(0, 12_00)) == 7_00
    if uploaded_late:
        world.at += timedelta(days=1) + EXPIRY_GRACE - timedelta(hours=1)
        expire_grants(at=world.at)
    uploaded(world, till)
    assert (world.purse(0), told(), parts(Sale.objects.get())) == (93_00, [], (7_00, 5_00, 0, 0, 0))


def test_a_subsidy_that_expired_meanwhile_is_not_spent_by_a_dark_terminal(world: World) -> None:
    shorten(world, timedelta(minutes=5))
    till = dark(world, number=1)
    till.till.clock += timedelta(minutes=6)
    assert own_minor(till.sell(0, 12_00)) == 12_00
    uploaded(world, till)
    assert (world.purse(0), told()) == (88_00, [])


def test_a_subsidy_that_was_ended_meanwhile_is_paid_by_its_sponsor(world: World) -> None:
    till = dark(world, number=1)
    shorten(world, timedelta(minutes=5))
    till.till.clock += timedelta(minutes=6)
    assert own_minor(till.sell(0, 12_00)) == 7_00
    uploaded(world, till)
    assert (world.purse(0), parts(Sale.objects.get())) == (93_00, (7_00, 0, 5_00, 0, 0))
    the_matter(ExceptionKind.LOT_EXPIRED, en="had expired when it was spent", zh="使用时已到期")
    assert_books_balance()


def test_a_subsidy_returned_before_its_sale_was_uploaded_is_paid_by_its_sponsor(world: World) -> None:
    before = given(world.programme)
    till = dark(world, number=1)
    assert own_minor(till.sell(0, 12_00)) == 7_00
    world.at += timedelta(days=2) + EXPIRY_GRACE
    expire_grants(at=world.at)
    uploaded(world, till)
    assert (world.purse(0), parts(Sale.objects.get())) == (93_00, (7_00, 0, 5_00, 0, 0))
    assert given(world.programme) == before - 3 * 5_00 + 5_00
    the_matter(ExceptionKind.LOT_RETURNED, en="had gone back to its sponsor", zh="已退回出资方")
    assert_books_balance()


def shorten(world: World, after: timedelta) -> None:
    """An administrator ends the subsidy earlier."""
    Grant.objects.filter(programme=world.programme).update(expires_at=world.at + after)


def without_subsidy(world: World) -> None:
    """What both terminals would spend of it is another matter."""
    Grant.objects.filter(programme=world.programme).update(ended_at=world.at)


@pytest.mark.parametrize(
    ("window", "en", "zh"),
    [
        ("period", "for one meal", "每餐限额"),
        ("day", "the day's limit", "每日限额"),
        ("week", "the week's limit", "每周限额"),
        ("month", "the month's limit", "每月限额"),
    ],
)
def test_a_limit_reached_at_another_terminal_is_told_once_and_the_sales_stand(
    world: World, window: str, en: str, zh: str
) -> None:
    without_subsidy(world)
    SpendLimit.objects.create(name="限额", name_en="A limit", window=window, max_minor=50_00, on="purse")
    published(world)
    first, second = two(world)
    shown = [own_minor(first.sell(0, 30_00)), own_minor(second.sell(0, 30_00)), own_minor(second.sell(0, 10_00))]
    assert shown == [30_00, 30_00, 10_00]
    uploaded(world, first, second)
    assert (world.purse(0), loss()) == (100_00 - sum(shown), 0)
    assert note_over_limits(at=world.at) == 1
    assert note_over_limits(at=world.at) == 0
    matter = the_matter(ExceptionKind.OVER_LIMIT, en=en, zh=zh)
    assert (matter.params["limit_minor"], matter.params["sold_minor"]) == (50_00, 70_00)
    assert matter.record_id == Sale.objects.latest("taken_at").pk
    assert_books_balance()


def test_a_limit_of_its_own_counts_only_what_it_is_for(world: World) -> None:
    without_subsidy(world)
    limit = SpendLimit.objects.create(name="窗口", name_en="This window", window="day", max_count=1)
    limit.outlets.set([world.campus.outlet])
    published(world)
    first, second = two(world)
    elsewhere = dark(world, number=3)
    elsewhere.till.terminal.outlet = world.campus.other_outlet
    elsewhere.hear(world.at)
    for each in (first, elsewhere, second):
        each.sell(0, 10_00)
    uploaded(world, first, elsewhere, second)
    assert note_over_limits(at=world.at) == 1
    matter = the_matter(ExceptionKind.OVER_LIMIT, en="limit of 1 was passed: 2 in all", zh="每日限额 1")
    assert matter.params["sold"] == 2


@pytest.mark.parametrize("window", [Window.PERIOD, Window.DAY, Window.WEEK])
def test_a_guardians_limit_reached_at_another_terminal_is_told_once(world: World, window: Window) -> None:
    without_subsidy(world)
    set_guardian_limit(cardholder=world.person(0), window=window, max_minor=20_00, at=world.at)
    first, second = two(world)
    for each in (first, second):
        each.sell(0, 15_00)
        each.sell(1, 15_00)
        assert not isinstance(each.tap(0, (Line(6_00),)), Quote)
    uploaded(world, first, second)
    assert (world.purse(0), loss()) == (70_00, 0)
    assert note_over_limits(at=world.at) == 1
    assert note_over_limits(at=world.at) == 0
    matter = the_matter(ExceptionKind.OVER_GUARD, en="a guardian's limit of ¥20.00", zh="监护人设定的限额 ¥20.00")
    assert matter.params["sold_minor"] == 30_00


def test_a_policy_published_meanwhile_leaves_what_the_terminal_showed(world: World) -> None:
    till = dark(world, number=1)
    PriceRule.objects.create(name="涨价", name_en="Dearer", percent_bp=15_000)
    newer = publish_rules(at=world.at)
    shown = till.sell(0, 12_00)
    assert (shown.amount_minor, own_minor(shown)) == (12_00, 7_00)
    uploaded(world, till)
    sale = Sale.objects.get()
    assert (world.purse(0), sale.amount_minor, told()) == (93_00, 12_00, [])
    assert sale.policy == newer.number - 1
    assert queries.recheck(sale).same
    till.hear(world.at)
    assert till.sell(0, 12_00).amount_minor == 18_00


def test_a_person_moved_to_another_group_meanwhile_pays_what_the_terminal_showed(world: World) -> None:
    visitors = save_group(
        code="visitors",
        name="访客",
        price_class=make_price_class(code=2, name="访客"),
        offline_limit_minor=200_00,
        per_sale_limit_minor=60_00,
        max_offline_sales=20,
        at=world.at,
    )
    rule = PriceRule.objects.create(name="访客价", name_en="Visitors", percent_bp=13_000)
    rule.groups.set([visitors])
    published(world)
    till = dark(world, number=1)
    move_group(cardholder=world.person(0), group=visitors, at=world.at)
    shown = till.sell(0, 12_00)
    assert (shown.amount_minor, own_minor(shown)) == (12_00, 7_00)
    uploaded(world, till)
    assert (world.purse(0), told()) == (93_00, [])
    assert queries.recheck(Sale.objects.get()).same
    till.hear(world.at)
    assert till.sell(0, 10_00).amount_minor == 13_00


def breakfast(world: World) -> Entitlement:
    """One free meal a meal period for everybody."""
    sponsor = open_sponsor(name="后勤处", name_en="Logistics")
    free = Entitlement.objects.create(
        name="免费早餐", name_en="Free breakfast", sponsor=sponsor, agreed_minor=AGREED_MINOR, window="period"
    )
    published(world)
    return free


def test_an_older_terminal_under_a_newer_policy_sells_by_the_one_it_can_read(world: World) -> None:
    older = dark(world, number=1)
    free = breakfast(world)
    older.hear(world.at)
    older.held = msgspec.structs.replace(older.held, policies=(world.policy,))
    shown = older.sell(0, 12_00)
    as_then = msgspec.structs.replace(shown, evaluator=1, counted=())
    older.till.lines[-1] = older.till.lines[-1].replace(b'"evaluator":2', b'"evaluator":1')
    uploaded(world, older)
    sale = Sale.objects.get()
    assert (sale.policy, sale.evaluator, parts(sale)) == (world.policy.number, 1, (7_00, 5_00, 0, 0, 0))
    assert (world.purse(0), told(), balance_of(free.sponsor_id)) == (93_00, [], 0)
    again = queries.recheck(sale)
    assert (again.recorded, again.same) == (as_then, True)


def test_the_same_free_breakfast_at_two_terminals_is_paid_twice_by_its_sponsor_and_told_once(world: World) -> None:
    free = breakfast(world)
    first, second = two(world)
    for each in (first, second):
        shown = each.tap(0, ())
        assert isinstance(shown, Quote)
        assert (shown.amount_minor, own_minor(shown)) == (AGREED_MINOR, 0)
        assert not isinstance(each.tap(0, ()), Quote)
    uploaded(world, first, second)
    assert (world.purse(0), loss(), received(world)) == (100_00, 0, 2 * AGREED_MINOR)
    assert balance_of(free.sponsor_id) == -2 * AGREED_MINOR
    assert note_over_limits(at=world.at) == 1
    assert note_over_limits(at=world.at) == 0
    taken = {"en": "“Free breakfast” was taken 2 times", "zh": "“免费早餐”共领取 2 次"}
    matter = the_matter(ExceptionKind.ENTITLEMENT_OVERUSED, **taken)
    assert matter.amount_minor == AGREED_MINOR
    assert_books_balance()


def test_a_voucher_transferred_meanwhile_pays_for_its_new_holder_and_the_sponsor_for_the_old(world: World) -> None:
    programme = voucher(world, transferable=True)
    giver, taker = world.person(0), world.person(1)
    Grant.objects.filter(programme=programme, cardholder=taker).update(ended_at=world.at)
    before = given(programme)
    first = dark(world, number=1)
    grant = Grant.objects.get(programme=programme, cardholder=giver)
    transfer_voucher(grant_id=grant.pk, to=taker.number, by=giver.pk, at=world.at)
    second = dark(world, number=2)
    shown = [own_minor(first.sell(0, 25_00)), own_minor(second.sell(1, 25_00))]
    assert shown == [10_00, 10_00]
    uploaded(world, first, second)
    assert (world.purse(0), world.purse(1), loss()) == (90_00, 90_00, 0)
    assert given(programme) == before + VALUE_MINOR
    the_matter(ExceptionKind.VOUCHER_MOVED, en="belongs to another cardholder", zh="现属另一位持卡人")
    assert_books_balance()
