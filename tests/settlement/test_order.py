"""In whatever order and cut terminals upload, people pay the same, and so do the house and its sponsors."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.core.messages import Ack
from ecard.ledger.queries import balance_of, replay_check, sum_of_balances
from ecard.settlement import queries
from ecard.settlement.models import Sale
from tests.support.settling import World, make_till

PURSE_MINOR = 100_00
LOT_MINOR = 5_00
TERMINALS = 3


@dataclass(frozen=True)
class Sold:
    """One offline sale: at which terminal, to whom, for how much, and whether the subsidy was thought to be there."""

    terminal: int
    person: int
    amount_minor: int
    with_lot: bool


sold = st.builds(
    Sold,
    terminal=st.integers(0, TERMINALS - 1),
    person=st.integers(0, 2),
    amount_minor=st.integers(1, 80_00),
    with_lot=st.booleans(),
)


@dataclass(frozen=True)
class Books:
    """Who paid what in the end."""

    purses: tuple[int, ...]
    grants_minor: int
    sponsor_and_loss_minor: int
    merchant_minor: int


def model(sales: list[Sold]) -> Books:
    """Each purse pays what was asked of it as far as it goes, each lot likewise; others pay the rest."""
    purse: defaultdict[int, int] = defaultdict(int)
    lot: defaultdict[int, int] = defaultdict(int)
    for sale in sales:
        from_lot = min(LOT_MINOR, sale.amount_minor) if sale.with_lot else 0
        lot[sale.person] += from_lot
        purse[sale.person] += sale.amount_minor - from_lot
    total = sum(sale.amount_minor for sale in sales)
    paid = sum(min(PURSE_MINOR, minor) for minor in purse.values())
    granted = sum(min(LOT_MINOR, minor) for minor in lot.values())
    return Books(
        purses=tuple(PURSE_MINOR - min(PURSE_MINOR, purse[person]) for person in range(3)),
        grants_minor=granted,
        sponsor_and_loss_minor=total - paid - granted,
        merchant_minor=total,
    )


def play(world: World, sales: list[Sold], *, order: list[int], cut: int, group: int) -> Books:
    """Sell, then upload: `order` says whose turn it is, `cut` how many records go at once, `group` how many post."""
    tills = [make_till(world, number=10 + number) for number in range(TERMINALS)]
    lots = [world.lots(person) for person in range(3)]
    for sale in sales:
        tills[sale.terminal].sell(sale.person, sale.amount_minor, lots=lots[sale.person] if sale.with_lot else ())
        tills[sale.terminal].wait(TERMINALS)
    turns = [*order, *range(TERMINALS)] * (len(sales) + 2)
    for place, turn in enumerate(turns):
        till = tills[turn]
        if till.sent < len(till.lines):
            answer = till.upload(till.sent + 1, min(len(till.lines), till.sent + cut))
            assert isinstance(answer, Ack)
            assert answer.status == "accepted"
        if place % 4 == 0:
            world.settle(limit_records=group)
    world.settle(limit_records=group)
    posted = list(Sale.objects.all())
    return Books(
        purses=tuple(world.purse(person) for person in range(3)),
        grants_minor=sum(sale.grant_minor for sale in posted),
        sponsor_and_loss_minor=sum(sale.sponsor_minor + sale.loss_minor for sale in posted),
        merchant_minor=balance_of(world.campus.merchant.account_id),
    )


@pytest.mark.django_db
@given(
    sales=st.lists(sold, min_size=1, max_size=12),
    order=st.permutations(range(TERMINALS)),
    cut=st.integers(1, 5),
    group=st.integers(1, 9),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_the_order_of_uploads_changes_nobodys_total(
    world: World, sales: list[Sold], order: list[int], cut: int, group: int
) -> None:
    with transaction.atomic():
        assert play(world, sales, order=order, cut=cut, group=group) == model(sales)
        assert sum_of_balances() == 0
        assert replay_check().differences == ()
        counts = queries.upload_counts()
        assert (counts.sales, counts.lost, counts.twice) == (len(sales), 0, 0)
        assert all(queries.recheck(sale).same for sale in Sale.objects.all())
        transaction.set_rollback(True)
