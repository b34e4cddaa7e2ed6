"""A terminal's key in the wrong hands: it signs what it likes, in the codes that were shown to it and no others."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from ecard.benefits.models import Block
from ecard.benefits.queries import policy_by_number
from ecard.ledger.queries import balance_of
from ecard.merchants.operations import save_category
from ecard.settlement.models import Batch, ExceptionKind, Sale, SaleException
from ecard.settlement.operations import audit_sample
from tests.support.policies import publish_rules
from tests.support.settling import Till, World


def told() -> list[int]:
    return list(SaleException.objects.order_by("id").values_list("kind", flat=True))


@pytest.mark.parametrize("batches", [1, 2])
def test_a_code_seen_once_charges_once_however_often_the_terminal_writes_it(
    world: World, till: Till, batches: int
) -> None:
    code = world.code(0, at=till.clock + timedelta(seconds=10))
    till.sell(0, 10_00, code=code)
    if batches == 2:
        till.upload()
        world.settle()
    till.sell(0, 30_00, code=code)
    till.upload()
    world.settle()
    assert world.purse(0) == 90_00
    assert told() == [ExceptionKind.PRESENTED_TWICE]


def test_no_later_moment_can_be_made_from_a_code_that_was_seen(world: World, till: Till) -> None:
    seen = world.code(0, at=till.clock)
    till.wait(60)
    till.sell(0, 10_00, code=seen)
    till.upload()
    world.settle()
    assert (world.purse(0), told()) == (100_00, [ExceptionKind.EVIDENCE_BAD])


def test_a_price_that_the_rules_do_not_give_is_found_by_the_audit(world: World, till: Till) -> None:
    till.sell(0, 10_00)
    till.lines[-1] = till.lines[-1].replace(b'"unit_minor":1000', b'"unit_minor":100')
    till.upload()
    world.settle()
    assert Sale.objects.count() == 1
    assert audit_sample(at=world.at, batches=Batch.objects.count() * 50, draw=random.Random(1)) == 1
    assert told() == [ExceptionKind.AUDIT_DIFFERS]


def test_goods_that_the_rules_forbid_are_found_by_the_audit_where_a_bent_terminal_sold_them(
    world: World, till: Till
) -> None:
    drinks = save_category(code="drinks", name="饮料", at=world.at)
    Block.objects.create(name="禁售", name_en="Not sold").categories.set([drinks])
    world.policy = policy_by_number(publish_rules(at=world.at).number)
    till.sell(0, 10_00)
    till.lines[-1] = till.lines[-1].replace(b'"unit_minor":1000', b'"unit_minor":1000,"category":%d' % drinks.pk)
    till.upload()
    world.settle()
    assert audit_sample(at=world.at, batches=Batch.objects.count() * 50, draw=random.Random(1)) == 1
    assert told() == [ExceptionKind.AUDIT_DIFFERS]


def test_whatever_it_writes_the_money_goes_to_its_own_outlets_merchant_or_one_of_the_campus(
    world: World, till: Till
) -> None:
    till.sell(0, 10_00)
    outlet = f'"outlet":{till.terminal.outlet_id}'.encode()
    till.lines[-1] = till.lines[-1].replace(outlet, b'"outlet":31999')
    till.upload()
    world.settle()
    assert balance_of(world.campus.merchant.account_id) == 10_00
    assert told() == [ExceptionKind.OUTLET_UNKNOWN]
