"""Who gets in, and how long wrong PINs keep somebody out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.journal import NoteRecord
from devices.core.notes import MENU_OPENED, MENU_TRIED
from devices.core.pin import MIN_DIGITS
from devices.journal.journal import Journal
from devices.journal.values import JournalFull
from devices.supervisor import words
from devices.supervisor.lockout import FREE_TRIES, MAX_WAIT_MS, shut_out_until_ms
from devices.supervisor.menu import IDLE_MS, Menu
from devices.supervisor.values import Session
from tests.devices.conftest import Bench
from tests.devices.world import parameters
from tests.supervisor.conftest import LI, PINS, WANG, entered, refused, supervisors

DAY_MS = 24 * 3600 * 1000


def notes(bench: Bench) -> list[NoteRecord]:
    written = bench.terminal._journal.written(NoteRecord, since_ms=0)
    return [each.record for each in written if isinstance(each.record, NoteRecord)]


def try_wrong(menu: Menu, times: int, supervisor: int = WANG) -> None:
    for _ in range(times):
        refused(menu.enter(supervisor, "111111"))


def test_the_right_pin_opens_the_menu_with_no_line(menu: Menu) -> None:
    assert [each.name for each in menu.supervisors()] == ["王主管", "李主管"]
    session = entered(menu)
    assert (session.supervisor, session.name) == (WANG, "王主管")


@pytest.mark.parametrize("pin", ["", "28041", "280418", PINS[LI], "２８０４１７", "280417 ", "2" * 400])
def test_another_pin_does_not(menu: Menu, pin: str) -> None:
    assert refused(menu.enter(WANG, pin)).said == words.WRONG_PIN


def test_nobody_enters_under_a_number_that_is_not_there(menu: Menu) -> None:
    assert refused(menu.enter(99, PINS[WANG])).said == words.WRONG_PIN


def test_the_try_is_on_the_disk_before_it_is_answered(bench: Bench, menu: Menu) -> None:
    try_wrong(menu, 1)
    assert [(note.what, note.by) for note in notes(bench)] == [(MENU_TRIED, ("3",))]
    entered(menu)
    assert [note.what for note in notes(bench)] == [MENU_TRIED, MENU_TRIED, MENU_OPENED]


def test_the_pin_stands_nowhere_in_the_journal(bench: Bench, menu: Menu) -> None:
    refused(menu.enter(WANG, "734901"))
    entered(menu)
    run = bench.terminal._journal.unacknowledged(500)
    assert run is not None
    assert not any(pin in line for line in run.lines for pin in (b"734901", PINS[WANG].encode()))


def test_guessing_a_pin_at_the_counter(bench: Bench, menu: Menu) -> None:
    """Attack: whoever stands there types one PIN after another for a day, as often as they are let."""
    guesses, until_ms = 0, bench.clock.now_ms + DAY_MS
    while bench.clock.now_ms < until_ms:
        answer = refused(menu.enter(WANG, f"{500_000 + guesses}"))
        if answer.said == words.WRONG_PIN or (answer.wait_s and len(notes(bench)) > guesses):
            guesses = len(notes(bench))
        bench.clock.pass_ms(max(1, answer.wait_s) * 1000)
    assert FREE_TRIES < guesses <= 26
    assert guesses / 10**MIN_DIGITS < 0.00003


def test_whoever_is_shut_out_stays_out_over_a_power_cut_and_with_the_right_pin(bench: Bench, menu: Menu) -> None:
    try_wrong(menu, FREE_TRIES)
    bench.restart()
    again = Menu(bench.control)
    answer = refused(again.enter(WANG, PINS[WANG]))
    assert answer.wait_s == 15 * 60
    assert entered(again, LI).supervisor == LI
    bench.clock.pass_ms(15 * 60 * 1000)
    assert entered(again).supervisor == WANG


def test_setting_the_clock_does_not_shorten_the_wait(bench: Bench, menu: Menu) -> None:
    """Attack: shut out, so the terminal's clock is set a day on."""
    try_wrong(menu, FREE_TRIES)
    bench.clock.jump_ms(DAY_MS)
    bench.control.look_at_clock()
    assert refused(menu.enter(WANG, PINS[WANG])).said == words.CLOCK


def test_a_right_pin_forgives_the_wrong_ones_before(menu: Menu) -> None:
    try_wrong(menu, FREE_TRIES - 1)
    entered(menu)
    try_wrong(menu, FREE_TRIES - 1)
    assert entered(menu).supervisor == WANG


@given(st.integers(0, 200))
def test_each_wrong_try_keeps_somebody_out_at_least_as_long_as_the_one_before(count: int) -> None:
    waits = shut_out_until_ms(count, 0), shut_out_until_ms(count + 1, 0)
    assert 0 <= waits[0] <= waits[1] <= MAX_WAIT_MS


def test_a_menu_that_nobody_touches_closes(bench: Bench, menu: Menu) -> None:
    session = entered(menu)
    bench.clock.pass_ms(IDLE_MS - 1)
    assert menu.shift(session) is None
    bench.clock.pass_ms(IDLE_MS)
    assert refused(menu.diagnostics(session)).ended


def test_with_the_next_supervisor_the_session_before_has_ended(menu: Menu) -> None:
    first = entered(menu)
    entered(menu, LI)
    assert refused(menu.open_shift(first)).ended
    menu.leave()


def test_a_made_up_session_opens_nothing(menu: Menu) -> None:
    entered(menu)
    assert refused(menu.open_shift(Session(LI, "李主管", 1))).ended


def test_where_nothing_can_be_written_nobody_enters(menu: Menu, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: object) -> None:
        raise JournalFull("no room")

    monkeypatch.setattr(Journal, "append_note", full)
    assert refused(menu.enter(WANG, PINS[WANG])).said == words.NOT_WRITTEN


def test_a_server_of_the_first_release_is_sent_no_notes_and_has_no_menu(bench: Bench, menu: Menu) -> None:
    bench.server.down = False
    bench.server.parameters = parameters(journal=1, supervisors=supervisors())
    bench.server.number += 1
    bench.sync()
    assert refused(menu.enter(WANG, PINS[WANG])).said == words.NO_MENU
    assert notes(bench) == []


def test_a_hash_that_is_none_lets_nobody_in(bench: Bench, menu: Menu) -> None:
    bench.server.down = False
    broken = tuple(type(each)(each.id, each.name, "x", "") for each in supervisors())
    bench.server.parameters = parameters(journal=2, supervisors=broken)
    bench.server.number += 1
    bench.sync()
    assert refused(menu.enter(WANG, PINS[WANG])).said == words.WRONG_PIN
