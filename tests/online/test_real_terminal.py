"""The real terminal asks the real server over a real socket: in time, too late, or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from queue import Queue

import pytest
from django.core.cache import cache
from django.utils import timezone

from devices.core.journal import SaleRecord
from devices.drivers.network import Answer, NoAnswer
from devices.sync.authority import LIMIT_MS
from devices.sync.http import HttpTransport
from devices.terminal import Terminal
from ecard.cardholders.models import Group
from ecard.ledger.queries import funds
from ecard.settlement import operations
from ecard.settlement.models import AuthorisedHold, AuthorisedState, Sale
from ecard.settlement.queries import recheck
from ecard.terminals.operations import invite, register
from ecard.terminals.values import DeviceSettings
from tests.support.books import assert_books_balance, told
from tests.support.settling import World, make_world

FLOOR_MINOR = 20_00
PRICE_MINOR = 30_00
PATIENT_MS = 20_000
"""So that no test fails on a busy machine where the real limit is not what it is about."""


class Line(HttpTransport):
    """The way of questions to the server, with its faults as switches."""

    def __init__(self, url: str) -> None:
        super().__init__(url, connect_s=PATIENT_MS / 1000, silence_s=PATIENT_MS / 1000)
        self.down = False
        self.let_answers_through = threading.Event()
        self.let_answers_through.set()
        self.came: Queue[int] = Queue()
        self.asked = 0

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        self.asked += 1
        if self.down:
            raise NoAnswer("the line is down")
        answer = super().request(method, target, body=body, headers=headers, limit_bytes=limit_bytes)
        self.came.put(answer.status)
        self.let_answers_through.wait(20)
        return answer


@pytest.fixture
def world(site: str) -> Iterator[World]:
    cache.clear()
    yield make_world(at=timezone.now())
    cache.clear()


Opener = Callable[[str], tuple[Terminal, Line]]


@pytest.fixture
def opened(site: str, world: World, tmp_path: Path) -> Iterator[Opener]:
    made: list[Terminal] = []

    def open_one(name: str) -> tuple[Terminal, Line]:
        row = register(
            name=name, outlet=world.campus.outlet, at=world.at, device=DeviceSettings(floor_minor=FLOOR_MINOR)
        )
        line = Line(site)
        terminal = Terminal.open(tmp_path / name, server_url=site, transport=HttpTransport(site), asking=line)
        made.append(terminal)
        terminal.enrol(invite(terminal=row, by=None, at=world.at).code)
        sync(terminal)
        assert terminal._authority is not None
        terminal._authority._limit_ms = PATIENT_MS
        return terminal, line

    yield open_one
    for terminal in made:
        terminal.close()


def impatient(terminal: Terminal) -> None:
    """With the limit as it is for real."""
    assert terminal._authority is not None
    terminal._authority._limit_ms = LIMIT_MS


def sync(terminal: Terminal) -> None:
    """All that is due, without a thread."""
    terminal.sync.nudge()
    for _ in range(20):
        if terminal.sync.step():
            break


def settle() -> None:
    operations.settle(clock=timezone.now)


def pay(world: World, terminal: Terminal, amount_minor: int = PRICE_MINOR, *, person: int = 0, later_s: int = 0) -> str:
    """By the moment that the phone shows now, or so much later."""
    terminal.control.set_amount(amount_minor)
    return terminal.control.scan(world.code(person, at=timezone.now() + timedelta(seconds=later_s))).result.why


def newest(terminal: Terminal) -> SaleRecord:
    sale = terminal._journal.newest_sale
    assert sale is not None
    return sale.record


def held_minor(world: World) -> int:
    purse = world.person(0).purse_id
    return funds([purse])[purse].held_minor


def test_a_sale_above_the_floor_limit_is_authorised_and_posted_once(world: World, opened: Opener) -> None:
    terminal, line = opened("T1")
    assert pay(world, terminal) == "approved"
    assert (line.asked, newest(terminal).authorised, held_minor(world)) == (1, True, PRICE_MINOR)
    sync(terminal)
    settle()
    sale = Sale.objects.get()
    assert (world.purse(), held_minor(world), told()) == (100_00 - PRICE_MINOR, 0, [])
    assert AuthorisedHold.objects.get().state == AuthorisedState.CAPTURED
    assert recheck(sale).same
    assert_books_balance()


def test_a_sale_below_the_floor_limit_asks_nobody(world: World, opened: Opener) -> None:
    terminal, line = opened("T1")
    assert pay(world, terminal, FLOOR_MINOR) == "approved"
    assert (line.asked, newest(terminal).authorised) == (0, False)


def test_what_the_snapshot_cannot_fund_the_server_may(world: World, opened: Opener) -> None:
    Group.objects.update(offline_limit_minor=10_00)
    terminal, line = opened("T1")
    assert pay(world, terminal, 15_00) == "approved"
    assert (line.asked, newest(terminal).authorised) == (1, True)


def test_what_the_snapshot_cannot_fund_is_declined_with_the_line_down(world: World, opened: Opener) -> None:
    Group.objects.update(offline_limit_minor=10_00)
    terminal, line = opened("T1")
    line.down = True
    assert pay(world, terminal, 15_00) == "insufficient"
    assert AuthorisedHold.objects.count() == 0


def test_two_terminals_at_once_share_out_the_last_money_once(world: World, opened: Opener) -> None:
    """The second is told by the server what its own snapshot cannot know."""
    (first, _line), (second, _other) = opened("T1"), opened("T2")
    assert pay(world, first, 60_00) == "approved"
    assert pay(world, second, 60_00, later_s=2) == "insufficient"
    for terminal in (first, second):
        sync(terminal)
    settle()
    assert (world.purse(), told()) == (40_00, [])


def test_a_late_answer_is_dropped_and_the_offline_rules_decide_under_the_same_key(world: World, opened: Opener) -> None:
    terminal, line = opened("T1")
    impatient(terminal)
    line.let_answers_through.clear()
    began = time.monotonic()
    assert pay(world, terminal) == "approved"
    waited_s = time.monotonic() - began
    assert waited_s >= LIMIT_MS / 1000
    assert line.came.get(timeout=20) == 200
    assert (newest(terminal).authorised, held_minor(world)) == (False, PRICE_MINOR)
    line.let_answers_through.set()
    sync(terminal)
    settle()
    assert (world.purse(), held_minor(world), Sale.objects.count()) == (100_00 - PRICE_MINOR, 0, 1)
    assert_books_balance()


def test_while_a_question_hangs_further_sales_ask_nobody_and_wait_for_nothing(world: World, opened: Opener) -> None:
    terminal, line = opened("T1")
    impatient(terminal)
    line.let_answers_through.clear()
    assert pay(world, terminal) == "approved"
    assert pay(world, terminal, person=1) == "approved"
    assert line.came.get(timeout=20) == 200
    assert line.asked == 1
    line.let_answers_through.set()


def test_the_screen_lives_while_the_server_is_asked(world: World, opened: Opener) -> None:
    """And what the cashier does meanwhile counts: the amount asked about is not the one on the screen any more."""
    terminal, line = opened("T1")
    line.let_answers_through.clear()
    said: list[str] = []
    terminal.control.set_amount(PRICE_MINOR)
    code = world.code(0, at=timezone.now())
    paying = threading.Thread(target=lambda: said.append(terminal.control.scan(code).result.why))
    paying.start()
    assert line.came.get(timeout=20) == 200
    screen = terminal.control.screen()
    terminal.control.set_amount(5_00)
    assert not said
    line.let_answers_through.set()
    paying.join(20)
    assert screen.result is None
    assert said == ["busy"]
    assert terminal._journal.newest_sale is None


def test_an_answer_that_another_question_had_is_not_believed(
    world: World, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal, _line = opened("T1")
    kept: list[Answer] = []
    plain = Line.request

    def replay(self: Line, method: str, target: str, **rest: object) -> Answer:
        answer = plain(self, method, target, **rest)  # type: ignore[arg-type]  # handed on as they came
        kept.append(answer)
        return kept[0]

    monkeypatch.setattr(Line, "request", replay)
    assert pay(world, terminal) == "approved"
    assert newest(terminal).authorised
    assert pay(world, terminal, person=1) == "approved"
    assert not newest(terminal).authorised


def test_a_posted_sale_is_heard_of_at_another_terminal_by_its_question_for_news(
    world: World, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.sync.machine.MIN_SYNC_S", 60)
    (first, _line), (second, _other) = opened("T1"), opened("T2")
    for terminal in (first, second):
        terminal.start()
    assert pay(world, first, 15_00) == "approved"
    ref = world.person(0).account_ref
    until, left_minor = time.monotonic() + 30, None
    while left_minor != 85_00 and time.monotonic() < until:
        settle()
        row = second._store.find(ref)[1]
        left_minor = None if row is None else row.purse_minor
        time.sleep(0.05)
    assert left_minor == 85_00
