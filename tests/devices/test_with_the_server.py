"""The real terminal against the real server over a real socket: the whole way of a sale, and what goes wrong on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone

from devices.core.code import DEVICE_BOUND, PRE_SIGNED
from devices.master import texts
from devices.master.screen import Phase
from devices.terminal import Terminal
from ecard.media.operations import bind_card, stop_card
from ecard.merchants.models import MealPeriod
from ecard.merchants.rules import MINUTES_PER_DAY
from ecard.settlement.models import QuarantinedBatch, Sale, SaleException
from ecard.settlement.operations import admit_quarantined
from ecard.settlement.queries import recheck
from ecard.terminals.models import Terminal as TerminalRow
from ecard.terminals.operations import invite, register, revoke
from tests.support.settling import World, make_world

PRICE_MINOR = 12_50


@pytest.fixture
def world(site: str) -> Iterator[World]:
    cache.clear()
    yield make_world(at=timezone.now(), subsidy_minor=5_00)
    cache.clear()


@pytest.fixture
def terminal(site: str, world: World, tmp_path: Path) -> Iterator[Terminal]:
    row = register(name="T1", outlet=world.campus.outlet, at=world.at)
    code = invite(terminal=row, by=None, at=world.at).code
    opened = Terminal.open(tmp_path / "terminal", server_url=site)
    opened.enrol(code)
    _sync(opened)
    yield opened
    opened.close()


def _sync(terminal: Terminal) -> None:
    """All that is due, without a thread."""
    terminal.sync.nudge()
    for _ in range(20):
        if terminal.sync.step():
            break


def _code(world: World, profile: int) -> str:
    if profile == DEVICE_BOUND:
        return world.code(0, at=timezone.now())
    # Lists are of serving hours only, and a test runs at any.
    MealPeriod.objects.update(start_minute=0, end_minute=MINUTES_PER_DAY)
    return world.pre_signed(0)[0]


def _pay(terminal: Terminal, text: str, amount_minor: int = PRICE_MINOR) -> str:
    terminal.control.set_amount(amount_minor)
    return terminal.control.scan(text).result.why


@pytest.mark.parametrize("profile", [DEVICE_BOUND, PRE_SIGNED])
def test_a_sale_of_either_profile_goes_from_the_code_to_the_ledger_once(
    world: World, terminal: Terminal, profile: int
) -> None:
    assert terminal.control.screen().phase is Phase.READY
    text = _code(world, profile)
    assert _pay(terminal, text) == "approved"
    result = terminal.control.screen().result
    assert result is not None
    assert {leg.source for leg in result.legs} <= {"lot", "purse"}
    _sync(terminal)
    assert terminal.control.screen().unsent == 0
    report = world.settle()
    assert (report.posted, report.exceptions) == (2, 0)
    assert not SaleException.objects.exists()
    sale = Sale.objects.get()
    assert (sale.amount_minor, sale.account_ref) == (PRICE_MINOR, world.person(0).account_ref)
    assert world.purse(0) == 100_00 - sale.purse_minor
    assert recheck(sale).same


@pytest.mark.parametrize("profile", [DEVICE_BOUND, PRE_SIGNED])
def test_a_code_taken_again_after_a_reversal_is_paid_and_is_no_matter(
    world: World, terminal: Terminal, profile: int
) -> None:
    text = _code(world, profile)
    assert _pay(terminal, text) == "approved"
    assert terminal.control.reverse_last().approved
    assert _pay(terminal, text, 9_00) == "approved"
    _sync(terminal)
    assert world.settle().exceptions == 0
    undone, stands = Sale.objects.order_by("id")
    assert (undone.attempt, stands.attempt, stands.amount_minor) == (0, 1, 9_00)
    assert not SaleException.objects.exists()
    assert recheck(stands).same


def test_what_is_posted_comes_back_in_the_next_snapshot_and_frees_the_pending_spend(
    world: World, terminal: Terminal
) -> None:
    assert _pay(terminal, world.code(0, at=timezone.now())) == "approved"
    ref = world.person(0).account_ref
    assert terminal._journal.pending(ref).sales == 1
    _sync(terminal)
    world.settle()
    _sync(terminal)
    assert terminal._journal.pending(ref).sales == 0
    row = terminal._store.find(ref)[1]
    assert row is not None
    assert row.purse_minor == world.purse(0)


def test_a_restart_and_a_reversal_arrive_in_order(world: World, terminal: Terminal, site: str, tmp_path: Path) -> None:
    assert _pay(terminal, world.code(0, at=timezone.now())) == "approved"
    assert terminal.control.reverse_last().approved
    terminal.close()
    again = Terminal.open(tmp_path / "terminal", server_url=site)
    try:
        assert _pay(again, world.code(1, at=timezone.now())) == "approved"
        _sync(again)
        assert again.control.screen().unsent == 0
        world.settle()
        assert world.purse(0) == 100_00
        assert Sale.objects.count() == 2
        assert not SaleException.objects.exists()
    finally:
        again.close()


def test_a_revoked_terminal_stops_hands_in_what_it_holds_and_learns_what_was_admitted(
    world: World, terminal: Terminal
) -> None:
    assert _pay(terminal, world.code(0, at=timezone.now())) == "approved"
    revoke(terminal=TerminalRow.objects.get(pk=terminal.control.screen().terminal), by=None, at=timezone.now())
    _sync(terminal)
    screen = terminal.control.screen()
    assert (screen.phase, screen.notice, screen.unsent) == (Phase.STOPPED, texts.revoked_with(1), 1)
    admit_quarantined(batch=QuarantinedBatch.objects.get(), by=None, note="found in the kitchen", at=timezone.now())
    _sync(terminal)
    screen = terminal.control.screen()
    assert (screen.phase, screen.notice, screen.unsent) == (Phase.STOPPED, texts.REVOKED, 0)


def test_a_used_enrolment_code_enrols_no_second_device(world: World, site: str, tmp_path: Path) -> None:
    row = register(name="T9", outlet=world.campus.outlet, at=world.at)
    code = invite(terminal=row, by=None, at=world.at).code
    first, second = (Terminal.open(tmp_path / name, server_url=site) for name in ("first", "second"))
    try:
        for each in (first, second):
            each.enrol(code)
            _sync(each)
        assert first.control.screen().phase is Phase.READY
        assert second.control.screen().notice == texts.enrolment_refused("used")
    finally:
        first.close()
        second.close()


def test_a_terminal_thread_uploads_by_itself(world: World, terminal: Terminal) -> None:
    terminal.start()
    assert _pay(terminal, world.code(0, at=timezone.now())) == "approved"
    until = time.monotonic() + 60
    while terminal.control.screen().unsent and time.monotonic() < until:
        time.sleep(0.05)
    assert terminal.control.screen().unsent == 0


def test_a_card_bound_at_the_desk_pays_at_the_terminal_and_a_stopped_one_does_not(
    world: World, terminal: Terminal
) -> None:
    uid = bytes.fromhex("04a1b2c3d4e5f6")
    card = bind_card(cardholder=world.person(), uid=uid, by=None, at=timezone.now())
    _sync(terminal)
    terminal.control.set_amount(PRICE_MINOR)
    assert terminal.control.tap_card(uid).result.why == "approved"
    _sync(terminal)
    assert world.settle().exceptions == 0
    sale = Sale.objects.get()
    assert (sale.account_ref, sale.code_id, sale.amount_minor) == (world.person().account_ref, None, PRICE_MINOR)
    assert recheck(sale).same
    stop_card(card=card, reason="lost", by=None, at=timezone.now())
    _sync(terminal)
    terminal.control.set_amount(PRICE_MINOR)
    time.sleep(1.6)
    assert terminal.control.tap_card(uid).result.why == "card_unknown"
