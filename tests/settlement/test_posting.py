"""From stored batches to the ledger: who pays what, and what finance is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection, transaction

from devices.core.messages import Ack
from devices.core.quote import Lot
from ecard.benefits.models import UsageCounter
from ecard.benefits.operations import issue_grants, open_programme
from ecard.cardholders.operations import close_cardholder
from ecard.changes.models import Change, Topic
from ecard.ledger.models import AccountKind
from ecard.ledger.operations import house_account
from ecard.ledger.queries import balance_of, replay_check, sum_of_balances
from ecard.settlement import queries
from ecard.settlement.models import Batch, ExceptionKind, Sale, SaleException, SaleReversal
from ecard.settlement.posting.records import SaleLine, read_lines
from ecard.settlement.rules import record_id
from ecard.terminals.models import Stream
from tests.support.settling import Till, World


def told() -> list[ExceptionKind]:
    return [ExceptionKind(kind) for kind in SaleException.objects.order_by("id").values_list("kind", flat=True)]


def loss() -> int:
    return -balance_of(house_account(kind=AccountKind.OFFLINE_LOSS))


def suspense() -> int:
    return -balance_of(house_account(kind=AccountKind.SUSPENSE))


def sponsored(world: World) -> int:
    """What the sponsor has given, grants included."""
    return -balance_of(world.programme.sponsor_id)


def received(world: World) -> int:
    return balance_of(world.campus.merchant.account_id)


def parts(sale: Sale) -> tuple[int, int, int, int, int]:
    return sale.purse_minor, sale.grant_minor, sale.sponsor_minor, sale.loss_minor, sale.suspense_minor


def assert_books_balance() -> None:
    assert sum_of_balances() == 0
    report = replay_check()
    assert report.differences == ()
    assert report.next_after is None


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


def test_a_closed_account_costs_offline_loss_and_its_owner_nothing(world: World, till: Till) -> None:
    till.sell(2, 100_00)
    till.upload()
    world.settle()
    code = world.code(2, at=till.clock + timedelta(seconds=10))
    close_cardholder(cardholder=world.person(2), at=world.at)
    till.sell(2, 9_00, code=code)
    till.upload()
    world.settle()
    assert parts(Sale.objects.latest("id")) == (0, 0, 0, 9_00, 0)
    assert (told(), loss()) == ([ExceptionKind.ACCOUNT_CLOSED], 9_00)
    assert_books_balance()


def test_an_account_nobody_has_waits_in_suspense_and_the_merchant_is_paid(world: World, till: Till) -> None:
    stranger = world.person(0).account_ref ^ 1
    till.wait()
    till.sell(0, 9_00, account_ref=stranger)
    till.upload()
    world.settle()
    assert parts(Sale.objects.get()) == (0, 0, 0, 0, 9_00)
    assert (suspense(), received(world), world.purse(0)) == (9_00, 9_00, 100_00)
    assert told() == [ExceptionKind.EVIDENCE_BAD]
    assert_books_balance()


@pytest.mark.parametrize("attack", ["altered", "another's code", "not a code", "old code"])
def test_a_sale_whose_code_does_not_hold_touches_no_purse(world: World, till: Till, attack: str) -> None:
    moment = till.clock + timedelta(seconds=10)
    good = world.code(0, at=moment)
    codes = {
        "altered": good[:-3] + ("AAA" if good[-3:] != "AAA" else "BBB"),
        "another's code": world.code(1, at=moment),
        "not a code": "https://example.org/menu",
        "old code": world.code(0, at=moment - timedelta(minutes=5)),
    }
    till.sell(0, 9_00, code=codes[attack])
    till.upload()
    world.settle()
    assert parts(Sale.objects.get()) == (0, 0, 0, 0, 9_00)
    assert world.purse(0) == world.purse(1) == 100_00
    assert told() == [ExceptionKind.EVIDENCE_BAD]
    assert not UsageCounter.objects.exists()


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
    assert told() == [ExceptionKind.ACCOUNT_CLOSED]
    assert_books_balance()


def test_records_that_cannot_be_read_are_set_aside_and_the_others_post(world: World, till: Till) -> None:
    till.sell(0, 9_00)
    till.lines.append(b'{"kind":"sale","seq":"what"}')
    till.lines.append(b"\xff\xfe")
    till.lines.append(b'{"kind":"from a later release","seq":5}')
    till.sell(0, 4_00)
    assert till.upload() == Ack("accepted", till.epoch, 6)
    world.settle()
    assert world.purse(0) == 87_00
    assert told() == [ExceptionKind.RECORD_UNREADABLE] * 3
    (audit,) = queries.audit_streams()
    assert (audit.sales, audit.set_aside, audit.lost, audit.twice) == (2, 3, 0, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"shown_minor":900', b'"shown_minor":800'),
        (b'"shown_minor":900', b'"shown_minor":-900'),
        (b'"seq":2', b'"seq":3'),
        (b'"business_date":"2026', b'"business_date":"20x6'),
        (b'"amount_minor":900,"legs"', b'"amount_minor":99999999999,"legs"'),
        (b'"outlet":', b'"outlet":1234567'),
        (b'"policy":1', b'"policy":99999999999'),
    ],
)
def test_a_record_that_contradicts_itself_moves_nothing(world: World, till: Till, old: bytes, new: bytes) -> None:
    till.sell(0, 9_00)
    assert old in till.lines[-1]
    till.lines[-1] = till.lines[-1].replace(old, new, 1)
    till.sell(0, 4_00)
    till.upload()
    world.settle()
    assert told() in ([ExceptionKind.RECORD_INCONSISTENT], [ExceptionKind.RECORD_UNREADABLE])
    assert (world.purse(0), Sale.objects.count()) == (96_00, 1)


def test_an_outlet_that_does_not_exist_pays_the_terminals_own(world: World, till: Till) -> None:
    till.sell(0, 9_00)
    outlet = f'"outlet":{till.terminal.outlet_id}'.encode()
    till.lines[-1] = till.lines[-1].replace(outlet, b'"outlet":32000')
    till.upload()
    world.settle()
    assert (told(), received(world)) == ([ExceptionKind.OUTLET_UNKNOWN], 9_00)
    assert Sale.objects.get().outlet_id == till.terminal.outlet_id


def test_posting_reads_of_a_record_what_the_journal_says(world: World, till: Till) -> None:
    till.sell(0, 9_00, lots=world.lots(0))
    till.upload()
    (line,) = (each for each in read_lines(bytes(Batch.objects.get().raw), skip=0) if isinstance(each, SaleLine))
    world.settle()
    record = queries.record_of(Sale.objects.get())
    assert (line.at_ms, line.account_ref, line.shown_minor) == (record.at_ms, record.account_ref, record.shown_minor)
    assert (line.tap.at_s, line.tap.outlet) == (record.tap.at_s, record.tap.outlet)
    assert line.tap.business_date == record.tap.business_date
    assert (line.quote.policy, line.quote.evaluator) == (record.quote.policy, record.quote.evaluator)
    assert [(leg.source, leg.amount_minor, leg.ref, leg.programme) for leg in line.quote.legs] == [
        (leg.source, leg.amount_minor, leg.ref, leg.programme) for leg in record.quote.legs
    ]


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
