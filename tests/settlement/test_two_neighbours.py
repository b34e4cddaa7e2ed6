"""Two whole terminals that hear each other and have lost the server: what is spent at one is gone at the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone

from devices.lan.neighbours import Lan
from devices.lan.udp import LanOptions
from devices.terminal import Terminal
from ecard.benefits.models import Programme, ProgrammeKind
from ecard.benefits.operations import issue_grants, open_programme
from ecard.ledger.queries import balance_of
from ecard.settlement.operations import note_over_limits
from ecard.terminals.operations import invite, register
from tests.lan.site import free_addresses, until
from tests.settlement.test_two_real_terminals import STARTED, sync, tap
from tests.support.books import assert_books_balance, received, told
from tests.support.policies import publish_rules
from tests.support.settling import World, make_world


@pytest.fixture
def world(site: str) -> Iterator[World]:
    cache.clear()
    yield make_world(at=timezone.now())
    cache.clear()


@pytest.fixture
def neighbours(site: str, world: World, tmp_path: Path) -> Iterator[list[Terminal]]:
    """Enrolled, and not synced since: whom to believe comes with the next snapshot."""
    addresses = free_addresses(2)
    made: list[Terminal] = []
    for own, other in (addresses, reversed(addresses)):
        row = register(name=str(own[1]), outlet=world.campus.outlet, at=world.at)
        options = LanOptions(bind=own, peers=(other,))
        made.append(Terminal.open(tmp_path / row.name, server_url=site, lan=options))
        made[-1].enrol(invite(terminal=row, by=None, at=world.at).code)
        sync(made[-1])
    for terminal in made:
        terminal.listen()
    yield made
    for terminal in made:
        terminal.close()


def lan_of(terminal: Terminal) -> Lan:
    assert terminal.lan is not None
    return terminal.lan


def test_a_voucher_spent_at_a_terminal_is_gone_at_its_neighbour_before_the_server_hears_of_it(
    world: World, neighbours: list[Terminal]
) -> None:
    programme = open_programme(name="餐券", name_en="Voucher")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER, threshold_minor=20_00)
    expires_at = world.at + timedelta(days=2)
    people = [world.person(0)]
    issue_grants(
        programme=programme, cardholders=people, amount_minor=15_00, period_key="v", expires_at=expires_at, at=world.at
    )
    publish_rules(at=world.at - STARTED)
    given = balance_of(programme.sponsor_id)
    for terminal in neighbours:
        sync(terminal)
    until(lambda: all(lan_of(terminal).heard() == 1 for terminal in neighbours))
    here, there = neighbours
    account_ref = world.person(0).account_ref
    here.control.set_amount(25_00)
    assert tap(world, here, 0) == ("approved", {"voucher": 15_00, "purse": 10_00})
    until(lambda: lan_of(there).pending(account_ref).sales == 1)
    there.control.set_amount(25_00)
    assert tap(world, there, 0, ahead_s=2) == ("approved", {"purse": 25_00})
    for terminal in neighbours:
        sync(terminal)
        world.settle()
    assert (world.purse(0), balance_of(programme.sponsor_id), received(world)) == (65_00, given, 50_00)
    assert (told(), note_over_limits(at=world.at)) == ([], 0)
    assert_books_balance()
    for terminal in neighbours:
        sync(terminal)
        assert lan_of(terminal).pending(account_ref).sales == 0


def test_a_code_shown_at_two_neighbours_without_a_server_is_one_sale(world: World, neighbours: list[Terminal]) -> None:
    for terminal in neighbours:
        sync(terminal)
    until(lambda: all(lan_of(terminal).heard() == 1 for terminal in neighbours))
    here, there = neighbours
    text, account_ref = world.code(0, at=timezone.now()), world.person(0).account_ref
    for terminal in neighbours:
        terminal.control.set_amount(8_00)
    assert here.control.scan(text).approved
    until(lambda: lan_of(there).pending(account_ref).sales == 1)
    assert there.control.scan(text).result.why == "already_used"
    for terminal in neighbours:
        sync(terminal)
        world.settle()
    assert (world.purse(0), received(world), told()) == (92_00, 8_00, [])
    assert_books_balance()
