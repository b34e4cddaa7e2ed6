"""Records and codes that cannot be trusted touch no purse, and the others post."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.core.messages import Ack
from ecard.benefits.models import UsageCounter
from ecard.cardholders.operations import close_cardholder
from ecard.settlement import queries
from ecard.settlement.models import Batch, ExceptionKind, Sale
from ecard.settlement.posting.records import SaleLine, read_lines
from tests.support.books import assert_books_balance, loss, parts, received, suspense, told
from tests.support.settling import Till, World


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
