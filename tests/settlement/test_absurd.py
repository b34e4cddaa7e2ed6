"""Attack: a terminal's key signs records that no terminal writes. They stop nobody else's sales, and no sweep."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from devices.core.card import NAME_CHARACTERS, evidence_of
from devices.core.journal import PassRecord, SaleRecord, decode_record, encode_record
from ecard.benefits.models import SpendLimit
from ecard.benefits.queries import policy_by_number
from ecard.settlement import operations, queries
from ecard.settlement.models import ExceptionKind, Passage, Sale
from ecard.settlement.rules import BUSINESS_DAYS_OFF
from tests.support.books import assert_books_balance, told
from tests.support.policies import publish_rules
from tests.support.settling import Till, World

NEVER_S = (-1, 0, 1 << 32, (1 << 63) - 1, -(1 << 63))
CARD = evidence_of("A" * NAME_CHARACTERS)


def rewritten(till: Till, **fields: object) -> None:
    """The newest record with another tap."""
    record = decode_record(till.lines[-1])
    assert isinstance(record, SaleRecord | PassRecord)
    tap = msgspec.structs.replace(record.tap, **fields)
    till.lines[-1] = encode_record(msgspec.structs.replace(record, tap=tap))


def test_passages_at_moments_that_never_were_stop_nobody(world: World, till: Till) -> None:
    for code in (CARD, None):
        for at_s in NEVER_S:
            till.let_through(0, code=code)
            rewritten(till, at_s=at_s)
    till.sell(0, 9_00)
    till.upload()
    world.settle()
    assert world.purse(0) == 91_00
    assert told() == [ExceptionKind.RECORD_INCONSISTENT] * 2 * len(NEVER_S)
    assert not Passage.objects.exists()
    assert queries.audit_streams()[0].lost == 0


def test_sales_for_business_dates_of_another_age_move_nothing_and_stop_no_sweep(world: World, till: Till) -> None:
    for window in ("period", "day", "week", "month"):
        SpendLimit.objects.create(name="限额", window=window, max_minor=500_00)
    world.policy = policy_by_number(publish_rules(at=world.at - timedelta(minutes=1)).number)
    far = timedelta(days=BUSINESS_DAYS_OFF + 1)
    days = ("0001-01-01", "9999-12-31", f"{till.clock - far:%Y-%m-%d}", f"{till.clock + far:%Y-%m-%d}")
    for day in days:
        till.sell(0, 9_00)
        rewritten(till, business_date=day)
    SpendLimit.objects.update(max_minor=5_00)
    till.upload()
    world.settle()
    operations.note_over_limits(at=world.at)
    assert told() == [ExceptionKind.RECORD_INCONSISTENT] * len(days)
    assert (world.purse(0), Sale.objects.count()) == (100_00, 0)
    assert_books_balance()
