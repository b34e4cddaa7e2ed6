"""A sale taken back when the benefit that paid for it has gone on without it: no benefit is worth more than once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecard.benefits.granting import EXPIRY_GRACE, expire_grants, issue_grants
from ecard.benefits.models import Grant, Programme, ProgrammeKind, RunKind
from ecard.benefits.operations import open_programme, transfer_voucher
from ecard.benefits.runs.people import upload_from_text
from ecard.ledger.queries import balance_of
from ecard.settlement.models import ExceptionKind, Sale
from ecard.settlement.queries import upload_counts
from tests.benefits.paying import paid, reversed_whole, subsidy
from tests.support.books import assert_books_balance, received, told
from tests.support.dark import Dark, dark, own_minor
from tests.support.policies import publish_rules
from tests.support.settling import World

pytestmark = pytest.mark.django_db

VALUE_MINOR = 15_00
PRICE_MINOR = 20_00


def voucher(world: World) -> Programme:
    """One of 15 for the first person, which goes alone."""
    programme = open_programme(name="餐券", name_en="Voucher")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER)
    programme.excludes.set([world.programme])
    issue_grants(
        programme=programme,
        cardholders=[world.person(0)],
        amount_minor=VALUE_MINOR,
        period_key="v",
        expires_at=world.at + timedelta(days=3),
        at=world.at,
    )
    publish_rules(at=world.at - timedelta(minutes=1))
    return programme


def upload(world: World, terminal: Dark) -> None:
    terminal.upload()
    world.settle()


def take_back(world: World, terminal: Dark) -> None:
    """The terminal's only sale, and upload that."""
    terminal.till.reverse(2)
    upload(world, terminal)


def has(world: World, programme: Programme) -> list[int]:
    """What the first person has left of the programme."""
    return [lot.remaining_minor for lot in world.lots(0) if lot.programme == programme.pk]


@pytest.mark.parametrize("first_uploaded", [0, 1])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_voucher_given_back_is_not_usable_again_where_its_sponsor_paid_for_another_sale(
    world: World, first_uploaded: int, at_once: bool
) -> None:
    programme = voucher(world)
    issued = balance_of(programme.sponsor_id)
    pair = dark(world, number=1), dark(world, number=2)
    for each in pair:
        assert own_minor(each.sell(0, PRICE_MINOR)) == PRICE_MINOR - VALUE_MINOR
    upload(world, pair[first_uploaded])
    other = pair[1 - first_uploaded]
    other.upload()
    if not at_once:
        world.settle()
    take_back(world, pair[0])
    assert (has(world, programme), balance_of(programme.sponsor_id)) == ([], issued)
    assert (world.purse(0), received(world)) == (95_00, PRICE_MINOR)
    # Posted together, the first sale is taken back before the second is met.
    twice = [] if at_once and not first_uploaded else [ExceptionKind.VOUCHER_TWICE]
    assert told() == twice
    take_back(world, pair[1])
    assert (has(world, programme), balance_of(programme.sponsor_id)) == ([VALUE_MINOR], issued)
    assert (world.purse(0), received(world), upload_counts().twice) == (100_00, 0, 0)
    third = dark(world, number=3)
    assert own_minor(third.sell(0, PRICE_MINOR)) == PRICE_MINOR - VALUE_MINOR
    upload(world, third)
    assert (told(), balance_of(programme.sponsor_id)) == (twice, issued)
    assert_books_balance()


@given(steps=st.permutations([(place, back) for place in range(3) for back in (False, True)]), settle=st.integers(1, 3))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_in_any_order_a_sponsor_pays_a_voucher_once_and_each_use_beyond_the_first_that_stands(
    world: World, steps: list[tuple[int, bool]], settle: int
) -> None:
    with transaction.atomic():
        programme = voucher(world)
        issued = balance_of(programme.sponsor_id)
        terminals = [dark(world, number=10 + place) for place in range(3)]
        for each in terminals:
            each.sell(0, PRICE_MINOR)
        sent: set[int] = set()
        standing: set[int] = set()
        for done, (place, back) in enumerate(steps):
            till = terminals[place].till
            if place not in sent:
                sent.add(place)
                standing.add(place)
                till.upload()
            elif back or len(till.lines) == 2:
                till.reverse(2)
                standing.discard(place)
                till.upload()
            if done % settle == 0:
                world.settle()
        world.settle()
        beyond = max(0, len(standing) - 1)
        assert balance_of(programme.sponsor_id) == issued - beyond * VALUE_MINOR
        assert has(world, programme) == ([] if standing else [VALUE_MINOR])
        assert world.purse(0) == 100_00 - len(standing) * (PRICE_MINOR - VALUE_MINOR)
        assert received(world) == len(standing) * PRICE_MINOR
        assert (upload_counts().lost, upload_counts().twice) == (0, 0)
        assert_books_balance()
        transaction.set_rollback(True)


def test_what_comes_back_to_a_subsidy_that_has_expired_goes_on_to_its_sponsor(world: World) -> None:
    issued = balance_of(world.programme.sponsor_id)
    till = dark(world, number=1)
    assert own_minor(till.sell(0, 12_00)) == 7_00
    upload(world, till)
    world.at += timedelta(days=2) + EXPIRY_GRACE
    expire_grants(at=world.at)
    take_back(world, till)
    expire_grants(at=world.at)
    assert (world.purse(0), balance_of(world.programme.sponsor_id)) == (100_00, 0)
    assert issued < 0
    assert not Grant.objects.filter(ended_at__isnull=True).exists()
    assert_books_balance()


@pytest.mark.parametrize("kind", [ProgrammeKind.SUBSIDY, ProgrammeKind.VOUCHER])
def test_what_comes_back_to_a_benefit_whose_run_was_reversed_goes_on_to_its_sponsor(
    world: World, kind: ProgrammeKind
) -> None:
    programme = open_programme(name="十一月", name_en="November")
    Programme.objects.filter(pk=programme.pk).update(kind=kind)
    programme.refresh_from_db()
    run = paid(subsidy(programme=programme, kind=RunKind(kind)))
    publish_rules(at=world.at - timedelta(minutes=1))
    till = dark(world, number=1)
    till.sell(0, 12_00)
    upload(world, till)
    assert Sale.objects.get().grant_minor == 12_00
    reversed_whole(run)
    take_back(world, till)
    assert (balance_of(run.sponsor_id), world.purse(0)) == (0, 100_00)
    assert [lot.remaining_minor for lot in world.lots(0)] == [5_00]
    assert upload_counts().twice == 0
    assert_books_balance()


def test_a_used_voucher_from_somebody_else_whose_run_was_reversed_goes_on_to_its_sponsor(world: World) -> None:
    programme = open_programme(name="十一月", name_en="November")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER, transferable=True)
    programme.refresh_from_db()
    run = paid(subsidy(programme=programme, kind=RunKind.VOUCHER, uploaded=upload_from_text("S0002")))
    for giver, taker in ((1, 2), (2, 0)):
        grant = world.person(giver).grants.get(programme=programme, ended_at=None)
        transfer_voucher(grant_id=grant.pk, to=world.person(taker).number, by=world.person(giver).pk, at=world.at)
    publish_rules(at=world.at - timedelta(minutes=1))
    till = dark(world, number=1)
    till.sell(0, 12_00)
    upload(world, till)
    assert (Sale.objects.get().grant_minor, balance_of(run.sponsor_id)) == (12_00, -12_00)
    reversed_whole(run)
    take_back(world, till)
    assert (balance_of(run.sponsor_id), world.purse(0), has(world, programme)) == (0, 100_00, [])
    assert_books_balance()
