"""A terminal restored from an old image, copied, or replaced: the server sees it, and every sale made is a fact."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone

from devices.terminal import Terminal
from ecard.media.operations import bind_card
from ecard.settlement.models import ExceptionKind, Sale
from ecard.terminals.models import Stream
from ecard.terminals.models import Terminal as Row
from ecard.terminals.operations import invite, register
from tests.support.books import assert_books_balance, told
from tests.support.settling import World, make_world

Opener = Callable[..., Terminal]


@pytest.fixture
def world(site: str) -> Iterator[World]:
    cache.clear()
    yield make_world(at=timezone.now())
    cache.clear()


@pytest.fixture
def opened(site: str, tmp_path: Path) -> Iterator[Opener]:
    made: list[Terminal] = []

    def open_one(name: str, *, enrol: str = "") -> Terminal:
        terminal = Terminal.open(tmp_path / name, server_url=site)
        made.append(terminal)
        if enrol:
            terminal.enrol(enrol)
        sync(terminal)
        return terminal

    yield open_one
    for terminal in made:
        terminal.close()


@pytest.fixture
def row(world: World) -> Row:
    return register(name="面档", outlet=world.campus.outlet, at=world.at)


def sync(terminal: Terminal) -> None:
    """All that is due, without a thread."""
    terminal.sync.nudge()
    for _ in range(20):
        if terminal.sync.step():
            break


def _code(world: World, row: Row) -> str:
    return invite(terminal=row, by=None, at=timezone.now()).code


def _sell(world: World, terminal: Terminal, person: int, *, ahead_s: int = 0) -> None:
    terminal.control.set_amount(10_00)
    code = world.code(person, at=timezone.now() + timedelta(seconds=ahead_s))
    assert terminal.control.scan(code).approved


def _all_posted_once(world: World, *, sales: int) -> None:
    world.settle()
    assert Sale.objects.count() == sales
    assert_books_balance()


def test_a_terminal_restored_from_an_old_image_shows_as_a_fork_and_loses_nothing_that_was_sent(
    world: World, row: Row, opened: Opener, tmp_path: Path
) -> None:
    terminal = opened("till", enrol=_code(world, row))
    _sell(world, terminal, 0)
    sync(terminal)
    terminal.close()
    shutil.copytree(tmp_path / "till", tmp_path / "image")
    terminal = opened("till")
    _sell(world, terminal, 1)
    sync(terminal)
    terminal.close()
    shutil.rmtree(tmp_path / "till")
    (tmp_path / "image").rename(tmp_path / "till")
    terminal = opened("till")
    _sell(world, terminal, 2)
    sync(terminal)
    assert terminal.control.screen().unsent == 0
    _all_posted_once(world, sales=3)
    assert told() == [ExceptionKind.STREAM_FORKED]
    assert Stream.objects.filter(forked=True).count() == 1


def test_two_devices_of_one_key_show_as_a_fork_and_the_sales_of_both_are_facts(
    world: World, row: Row, opened: Opener, tmp_path: Path
) -> None:
    terminal = opened("till", enrol=_code(world, row))
    _sell(world, terminal, 0)
    sync(terminal)
    terminal.close()
    shutil.copytree(tmp_path / "till", tmp_path / "clone")
    both = [opened("till"), opened("clone")]
    for place, each in enumerate(both):
        _sell(world, each, 1 + place)
    for each in both:
        sync(each)
        assert each.control.screen().unsent == 0
    _all_posted_once(world, sales=3)
    assert told() == [ExceptionKind.STREAM_FORKED]


def test_a_code_shown_at_a_terminal_and_at_its_clone_is_paid_once(
    world: World, row: Row, opened: Opener, tmp_path: Path
) -> None:
    opened("till", enrol=_code(world, row)).close()
    shutil.copytree(tmp_path / "till", tmp_path / "clone")
    both = [opened("till"), opened("clone")]
    code = world.code(0, at=timezone.now())
    for each in both:
        each.control.set_amount(10_00)
        assert each.control.scan(code).approved, "they know nothing of each other"
    for each in both:
        sync(each)
    world.settle()
    assert world.purse(0) == 90_00
    assert set(told()) == {ExceptionKind.STREAM_FORKED, ExceptionKind.PRESENTED_TWICE}
    assert_books_balance()


def test_a_replaced_terminals_unsent_sales_arrive_once_it_is_given_a_place_of_its_own(
    world: World, row: Row, opened: Opener
) -> None:
    """The new device was enrolled in its place while it was dark: its key is dead, its journal is not."""
    old = opened("old", enrol=_code(world, row))
    _sell(world, old, 0)
    new = opened("new", enrol=_code(world, row))
    _sell(world, new, 1)
    sync(new)
    sync(old)
    assert old.control.screen().unsent > 0
    spare = register(name="面档（旧机）", outlet=world.campus.outlet, at=world.at)
    old.enrol(_code(world, spare))
    sync(old)
    assert old.control.screen().unsent == 0
    _all_posted_once(world, sales=2)
    assert Sale.objects.filter(terminal=row).count() == 2, "sold where it was sold"


def test_what_a_replaced_terminal_had_posted_is_not_charged_again_from_its_own_place(
    world: World, row: Row, opened: Opener
) -> None:
    """A card's sale has no code by which a second one could be told: only the journal says that it is the same."""
    uid = bytes.fromhex("04a1b2c3")
    bind_card(cardholder=world.person(0), uid=uid, by=None, at=world.at)
    old = opened("old", enrol=_code(world, row))
    old.control.set_amount(10_00)
    assert old.control.tap_card(uid).approved
    _sell(world, old, 1)
    sync(old)
    _sell(world, old, 2)
    opened("new", enrol=_code(world, row))
    spare = register(name="面档（旧机）", outlet=world.campus.other_outlet, at=world.at)
    old.enrol(_code(world, spare))
    sync(old)
    old.control.set_amount(10_00)
    assert old.control.tap_card(uid).approved
    sync(old)
    assert old.control.screen().unsent == 0
    _all_posted_once(world, sales=4)
    assert [world.purse(place) for place in (0, 1, 2)] == [80_00, 90_00, 90_00]
    assert told() == [ExceptionKind.STREAM_RESTARTED], "the new device has no history"
    where = Counter(Sale.objects.values_list("outlet", flat=True))
    assert where == {world.campus.outlet.pk: 3, world.campus.other_outlet.pk: 1}, "each where it was sold"
    sync(old)
    assert old._journal.pending(world.person(0).account_ref).sales == 0, "told of all that was posted, there and here"


def test_what_a_device_sold_at_one_place_it_can_take_back_from_the_next(world: World, row: Row, opened: Opener) -> None:
    old = opened("old", enrol=_code(world, row))
    _sell(world, old, 1)
    sync(old)
    opened("new", enrol=_code(world, row))
    spare = register(name="面档（旧机）", outlet=world.campus.other_outlet, at=world.at)
    old.enrol(_code(world, spare))
    sync(old)
    assert old.control.reverse_last().approved
    sync(old)
    world.settle()
    assert (world.purse(1), Sale.objects.count()) == (100_00, 1)
    assert told() == [ExceptionKind.STREAM_RESTARTED], "the new device has no history"
