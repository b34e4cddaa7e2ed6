"""Dark terminals with vouchers, free meals and subsidies: whoever uploads first, everybody pays what was shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.core.quote import Line, Quote
from ecard.benefits.models import Entitlement, Programme, ProgrammeKind, SpendLimit, UsageCounter
from ecard.benefits.operations import issue_grants, open_programme, open_sponsor
from ecard.ledger.models import Account
from ecard.ledger.queries import balance_of, replay_check, sum_of_balances
from ecard.settlement import queries
from ecard.settlement.models import ExceptionKind, Sale, SaleException
from ecard.settlement.operations import note_over_limits
from tests.support.books import loss, received
from tests.support.dark import Dark, dark, own_minor
from tests.support.policies import publish_rules
from tests.support.settling import World

PEOPLE = TERMINALS = 3
PURSE_MINOR = 100_00
BENEFITS_FAILED = {ExceptionKind.LOT_SHORT, ExceptionKind.VOUCHER_TWICE, ExceptionKind.PURSE_SHORT}


@dataclass(frozen=True)
class Tapped:
    """One tap at a dark terminal; an amount of 0 asks for a meal by identity."""

    terminal: int
    person: int
    amount_minor: int


tapped = st.builds(
    Tapped,
    terminal=st.integers(0, TERMINALS - 1),
    person=st.integers(0, PEOPLE - 1),
    amount_minor=st.one_of(st.just(0), st.integers(1, 40_00)),
)


@dataclass(frozen=True)
class Books:
    """Who paid what in the end, and what is counted."""

    purses: tuple[int, ...]
    sponsors_and_loss_minor: int
    merchant_minor: int
    counted: tuple[tuple[int, ...], ...]


def make_rules(world: World) -> list[int]:
    """A voucher, a free meal and a limit of its own beside the subsidy; gives the sponsors' accounts."""
    programme = open_programme(name="餐券")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER, threshold_minor=8_00, percent_bp=5_000)
    issue_grants(
        programme=programme,
        cardholders=world.campus.people,
        amount_minor=12_00,
        period_key="v",
        expires_at=world.at + timedelta(days=1),
        at=world.at,
    )
    sponsor = open_sponsor(name="后勤处")
    Entitlement.objects.create(name="午餐", sponsor=sponsor, agreed_minor=6_00, covers_minor=7_00)
    limit = SpendLimit.objects.create(name="限", window="day", max_minor=90_00, on="purse")
    limit.outlets.set([world.campus.outlet])
    publish_rules(at=world.at - timedelta(minutes=1))
    return [world.programme.sponsor_id, programme.sponsor_id, sponsor.pk]


def play(world: World, terminals: list[Dark], sponsors: list[int], *, order: list[int], cut: int, group: int) -> Books:
    """Upload what is in the journals: `order` says whose turn it is, `cut` how many records go at once."""
    for each in terminals:
        each.till.sent = 0
    turns = order * max(len(each.till.lines) for each in terminals)
    for place, turn in enumerate(turns):
        till = terminals[turn].till
        if till.sent < len(till.lines):
            till.upload(till.sent + 1, min(len(till.lines), till.sent + cut))
        if place % 3 == 0:
            world.settle(limit_records=group)
    world.settle(limit_records=group)
    note_over_limits(at=world.at)
    rows = UsageCounter.objects.order_by("account_ref", "period", "scope")
    return Books(
        purses=tuple(world.purse(place) for place in range(PEOPLE)),
        sponsors_and_loss_minor=loss() - sum(balance_of(account) for account in sponsors),
        merchant_minor=received(world),
        counted=tuple(rows.values_list("account_ref", "period", "scope", "total_minor", "purse_minor", "count")),
    )


def assert_sound() -> None:
    """Nothing is made or lost, nothing pays more than it has, and each sale is told whole and can be told again."""
    assert sum_of_balances() == 0
    assert replay_check().differences == ()
    assert not Account.objects.filter(balance_minor__lt=F("floor_minor")).exists()
    assert queries.upload_counts().twice == 0
    sales = list(Sale.objects.all())
    again = queries.recheck_many(sales)
    assert all(again[sale.pk].same for sale in sales)
    for sale in sales:
        legs = again[sale.pk].recorded.legs
        assert sum(leg.amount_minor for leg in legs) == sale.amount_minor
        purse_minor = sum(leg.amount_minor for leg in legs if leg.source == "purse")
        assert sale.purse_minor <= purse_minor
    kinds = {ExceptionKind(kind) for kind in SaleException.objects.values_list("kind", flat=True)}
    assert kinds <= BENEFITS_FAILED | {ExceptionKind.OVER_LIMIT, ExceptionKind.ENTITLEMENT_OVERUSED}


@pytest.mark.django_db
@given(
    taps=st.lists(tapped, min_size=1, max_size=10),
    orders=st.tuples(st.permutations(range(TERMINALS)), st.permutations(range(TERMINALS))),
    cuts=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    group=st.integers(1, 9),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_the_order_of_uploads_changes_nobodys_total_whatever_paid(
    world: World, taps: list[Tapped], orders: tuple[list[int], list[int]], cuts: tuple[int, int], group: int
) -> None:
    with transaction.atomic():
        sponsors = make_rules(world)
        terminals = [dark(world, number=10 + number) for number in range(TERMINALS)]
        shown = [0] * PEOPLE
        for each in taps:
            basket = (Line(each.amount_minor),) if each.amount_minor else ()
            quote = terminals[each.terminal].tap(each.person, basket)
            if isinstance(quote, Quote):
                shown[each.person] += own_minor(quote)
            terminals[each.terminal].till.wait(TERMINALS)
        books = []
        for order, cut in zip(orders, cuts, strict=True):
            with transaction.atomic():
                books.append(play(world, terminals, sponsors, order=order, cut=cut, group=group))
                assert_sound()
                transaction.set_rollback(True)
        assert books[0] == books[1]
        assert books[0].purses == tuple(max(0, PURSE_MINOR - minor) for minor in shown)
        transaction.set_rollback(True)
