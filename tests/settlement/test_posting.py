"""From stored batches to the ledger: who pays, and what finance is told."""

from __future__ import annotations

import pytest

from devices.core.messages import Ack
from ecard.settlement import queries
from ecard.settlement.models import ExceptionKind, Sale, SaleException
from ecard.settlement.rules import record_id
from tests.support.settling import Till, World


def kinds() -> list[int]:
    return list(SaleException.objects.order_by("id").values_list("kind", flat=True))


def test_a_sale_moves_what_the_terminal_showed(world: World, till: Till) -> None:
    till.sell(0, 12_00, lots=world.lots(0))
    assert till.upload() == Ack("accepted", till.epoch, 2)
    world.settle()
    sale = Sale.objects.get()
    assert (sale.amount_minor, sale.purse_minor, sale.grant_minor) == (12_00, 7_00, 5_00)
    assert world.purse(0) == 93_00
    assert queries.recheck(sale).same
    assert not SaleException.objects.exists()
