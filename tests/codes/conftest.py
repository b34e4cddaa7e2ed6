"""A person with 100.00 in the purse, at an installation whose keys are ready."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from devices.core.accept import Trust
from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import make_price_class, open_cardholder, save_group
from ecard.codes import queries
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.operations import house_account, post
from ecard.ledger.values import NewTransfer
from tests.support.issuing import make_keys_ready

AT = datetime(2026, 11, 20, 4, 0, 0, 300_000, tzinfo=UTC)
"""Noon in Shanghai."""


def give(person: Cardholder, amount_minor: int, *, at: datetime = AT) -> None:
    """Put money into a purse."""
    desk = house_account(kind=AccountKind.CASH_DESK)
    post(transfers=[NewTransfer(desk, person.purse_id, amount_minor, TransferKind.TOP_UP, CauseKind.TOP_UP, 1)], at=at)


@pytest.fixture
def keys(db: None) -> None:
    make_keys_ready(at=AT - timedelta(days=1))


@pytest.fixture
def person(keys: None) -> Cardholder:
    group = save_group(
        code="students",
        name="学生",
        price_class=make_price_class(code=2, name="学生价"),
        offline_limit_minor=80_00,
        per_sale_limit_minor=40_00,
        max_offline_sales=9,
        debt_floor_minor=-20_00,
        at=AT,
    )
    opened = open_cardholder(number="20260001", name="张三", group=group, at=AT)
    give(opened, 100_00)
    return opened


@pytest.fixture
def trust(person: Cardholder) -> Trust:
    return queries.trust_at(AT)
