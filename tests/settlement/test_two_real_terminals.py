"""The whole terminal, twice, each on its own storage and both cut off: a voucher and a free meal spent at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone

from devices.terminal import Terminal
from ecard.benefits.models import Entitlement, Grant, Programme, ProgrammeKind
from ecard.benefits.operations import issue_grants, open_programme, open_sponsor
from ecard.ledger.queries import balance_of
from ecard.settlement.models import ExceptionKind, Sale
from ecard.settlement.operations import note_over_limits
from ecard.settlement.queries import recheck_many
from ecard.terminals.operations import invite, register
from tests.support.books import assert_books_balance, received, told
from tests.support.policies import publish_rules
from tests.support.settling import World, make_world

Opener = Callable[[str], Terminal]
STARTED = timedelta(seconds=2)
"""A policy starts at a whole second, rounded up: published so long ago, it has."""


@pytest.fixture
def world(site: str) -> Iterator[World]:
    cache.clear()
    yield make_world(at=timezone.now())
    cache.clear()


@pytest.fixture
def opened(site: str, world: World, tmp_path: Path) -> Iterator[Opener]:
    """Opens a terminal that heard everything; after that its line is cut until it is synchronised again."""
    made: list[Terminal] = []

    def open_one(name: str) -> Terminal:
        row = register(name=name, outlet=world.campus.outlet, at=world.at)
        made.append(Terminal.open(tmp_path / name, server_url=site))
        made[-1].enrol(invite(terminal=row, by=None, at=world.at).code)
        sync(made[-1])
        return made[-1]

    yield open_one
    for terminal in made:
        terminal.close()


def sync(terminal: Terminal) -> None:
    """All that is due, without a thread."""
    terminal.sync.nudge()
    for _ in range(20):
        if terminal.sync.step():
            break


def tap(world: World, terminal: Terminal, person: int, *, ahead_s: int = 0) -> tuple[str, dict[str, int]]:
    """What the terminal says, and which source it shows for how much; each tap of a person needs a moment of its own.

    Somebody else's tap goes before a person's next: a phone that is still held there would be the same tap.
    """
    result = terminal.control.scan(world.code(person, at=timezone.now() + timedelta(seconds=ahead_s))).result
    return result.why, {leg.source: leg.amount_minor for leg in result.legs}


def test_a_voucher_spent_at_two_real_terminals_costs_its_sponsor_twice(world: World, opened: Opener) -> None:
    programme = open_programme(name="餐券", name_en="Voucher")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER, threshold_minor=20_00)
    expires_at = world.at + timedelta(days=2)
    people = [world.person(0)]
    issue_grants(
        programme=programme, cardholders=people, amount_minor=15_00, period_key="v", expires_at=expires_at, at=world.at
    )
    publish_rules(at=world.at - STARTED)
    given = balance_of(programme.sponsor_id)
    terminals = [opened("first"), opened("second")]
    for place, terminal in enumerate(terminals):
        terminal.control.set_amount(25_00)
        assert tap(world, terminal, 0, ahead_s=2 * place) == ("approved", {"voucher": 15_00, "purse": 10_00})
    for terminal in terminals:
        sync(terminal)
        world.settle()
    assert (world.purse(0), balance_of(programme.sponsor_id), received(world)) == (80_00, given - 15_00, 50_00)
    assert told() == [ExceptionKind.VOUCHER_TWICE]
    assert Grant.objects.get(programme=programme).ended_at is not None
    assert all(each.same for each in recheck_many(list(Sale.objects.all())).values())
    assert_books_balance()
    sync(terminals[0])
    for person in (1, 0):
        terminals[0].control.set_amount(25_00)
        assert tap(world, terminals[0], person, ahead_s=6) == ("approved", {"purse": 25_00})


def test_a_free_meal_taken_at_two_real_terminals_costs_its_sponsor_twice(world: World, opened: Opener) -> None:
    sponsor = open_sponsor(name="后勤处", name_en="Logistics")
    Entitlement.objects.create(name="免费餐", name_en="Free meal", sponsor=sponsor, agreed_minor=6_00, window="day")
    publish_rules(at=world.at - STARTED)
    terminals = [opened("first"), opened("second")]
    for place, terminal in enumerate(terminals):
        terminal.control.set_mode("identity")
        for person in (0, place + 1):
            assert tap(world, terminal, person, ahead_s=4 * place) == ("approved", {"entitlement": 6_00})
        assert tap(world, terminal, 0, ahead_s=4 * place + 2)[0] == "not_entitled"
    for terminal in terminals:
        sync(terminal)
        world.settle()
    assert (world.purse(0), balance_of(sponsor.pk), told()) == (100_00, -24_00, [])
    assert note_over_limits(at=world.at) == 1
    assert told() == [ExceptionKind.ENTITLEMENT_OVERUSED]
    assert_books_balance()
