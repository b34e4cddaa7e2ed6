"""Beyond the age table by two people, and what the diagnostics say."""

from __future__ import annotations

from typing import Any

import pytest

from devices.core.declines import Why
from devices.core.journal import NoteRecord
from devices.core.notes import CLEARED, EXTENDED, note_sentence
from devices.master.desk import MAX_GRANT_H, OfflineTime
from devices.master.extension import MAX_EXTENSION_H
from devices.master.screen import Said
from devices.supervisor import words
from devices.supervisor.menu import Menu
from devices.supervisor.values import Check, Done
from tests.devices.conftest import Bench
from tests.devices.world import AGES, DAY_S, pre_signed
from tests.supervisor.conftest import LI, PINS, WANG, entered, refused

HOUR_MS = 3600 * 1000
LAST = AGES[-1]


def pay(bench: Bench, amount_minor: int, account_ref: int = 1) -> str:
    outcome = bench.pay(amount_minor, pre_signed(account_ref, slot_s=bench.clock.now_s - 5))
    bench.clock.pass_ms(60_000)
    return outcome.result.why


@pytest.fixture
def dark(bench: Bench) -> Bench:
    """Seven days and an hour without the server."""
    bench.clock.pass_ms(7 * DAY_S * 1000 + HOUR_MS)
    assert pay(bench, 5_00) == Why.SNAPSHOT_TOO_OLD
    return bench


def extend(menu: Menu, hours: int, **more: Any) -> object:
    session = entered(menu)
    return menu.extend(session, hours=hours, **{"second": LI, "pin": PINS[LI], **more})


def test_two_people_extend_offline_time_at_the_last_steps_limits(dark: Bench, menu: Menu) -> None:
    assert isinstance(extend(menu, 4), Done)
    assert pay(dark, LAST.sale_minor) == "approved"
    assert pay(dark, LAST.sale_minor + 1, 2) == Why.OVER_AGED_LIMIT, "a line would help, and they are told"
    dark.clock.pass_ms(4 * HOUR_MS)
    assert pay(dark, 5_00, 2) == Why.SNAPSHOT_TOO_OLD


def test_what_was_granted_is_counted_and_outlasts_a_power_cut(dark: Bench, menu: Menu) -> None:
    extend(menu, 4)
    dark.restart()
    assert pay(dark, 5_00) == "approved"
    again = Menu(dark.control)
    assert isinstance(extend(again, 3), Done)
    notes = [each.record for each in dark.terminal._journal.written(NoteRecord, since_ms=0)]
    granted = [note for note in notes if isinstance(note, NoteRecord) and note.what == EXTENDED]
    assert [(note.by, note.params["hours"], note.params["total_hours"]) for note in granted] == [
        (("3", "4"), 4, 4),
        (("3", "4"), 3, 7),
    ]


def test_one_supervisor_playing_two(dark: Bench, menu: Menu) -> None:
    """Attack: the same person types their own PIN twice."""
    assert refused(extend(menu, 4, second=WANG, pin=PINS[WANG])).said == words.TWO_PEOPLE
    assert refused(extend(menu, 4, second=LI, pin=PINS[WANG])).said == words.WRONG_PIN
    assert pay(dark, 5_00) == Why.SNAPSHOT_TOO_OLD


@pytest.mark.parametrize("hours", [0, -1, MAX_GRANT_H + 1, 10_000])
def test_a_grant_is_bounded(dark: Bench, menu: Menu, hours: int) -> None:
    assert refused(extend(menu, hours)).said == words.TOO_LONG


def test_all_grants_together_are_bounded(dark: Bench, menu: Menu) -> None:
    granted = 0
    while isinstance(extend(menu, MAX_GRANT_H), Done):
        granted += MAX_GRANT_H
        dark.clock.pass_ms(MAX_GRANT_H * HOUR_MS)
    assert granted == MAX_EXTENSION_H
    assert refused(extend(menu, 1)).said == words.NOT_NEEDED


def test_while_there_is_time_nothing_is_granted(bench: Bench, menu: Menu) -> None:
    assert refused(extend(menu, 4)).said == words.NOT_NEEDED


def test_the_night_before_it_ends_it_can_be_granted(bench: Bench, menu: Menu) -> None:
    bench.clock.pass_ms((7 * DAY_S - 3600) * 1000)
    assert isinstance(extend(menu, 2), Done)
    offline = menu.offline_time(entered(menu))
    assert isinstance(offline, OfflineTime)
    assert (offline.ends_at_age_s, offline.granted_h) == (LAST.up_to_s + 2 * 3600, 2)
    bench.clock.pass_ms(2 * HOUR_MS)
    assert pay(bench, 5_00) == "approved"


def test_a_new_snapshot_needs_its_own_grant(dark: Bench, menu: Menu) -> None:
    extend(menu, 24)
    dark.server.down = False
    dark.sync()
    dark.server.down = True
    assert pay(dark, 5_00) == "approved"
    dark.clock.pass_ms(7 * DAY_S * 1000 + HOUR_MS)
    assert pay(dark, 5_00, 2) == Why.SNAPSHOT_TOO_OLD


def test_everybody_may_enter_again_once_a_supervisor_says_so(bench: Bench, menu: Menu) -> None:
    assert isinstance(menu.let_in_again(entered(menu)), Done)
    note = bench.terminal._journal.written(NoteRecord, since_ms=0)[-1].record
    assert isinstance(note, NoteRecord)
    assert (note.what, note.by) == (CLEARED, ("3",))


def checks(menu: Menu) -> dict[str, Check]:
    found = menu.diagnostics(entered(menu))
    assert isinstance(found, tuple)
    return {check.label.en: check for check in found}


def test_the_diagnostics_say_where_to_look(bench: Bench, menu: Menu) -> None:
    well = checks(menu)
    assert (well["Storage"].well, well["Clock"].well, well["Software"].value.en) == (True, True, "test/1")
    assert well["Snapshot"].value == Said("1.1（0 分钟前）", "1.1, 0 min ago")
    bench.control.line(online=False)
    bench.clock.jump_ms(600_000)
    found = checks(menu)
    assert [name for name, check in found.items() if not check.well] == ["Clock", "Network"]
    assert all(check.label.zh and check.value.zh for check in found.values())


def test_every_note_is_told_in_both_languages() -> None:
    params = {"hours": 4, "total_hours": 7, "snapshot_made_s": 1}
    assert "4 小时" in note_sentence(EXTENDED, params, by=("王", "李"), language="zh")
    assert note_sentence(EXTENDED, params, by=("Wang", "Li"), language="en") == (
        "Wang, Li extended offline sales by 4 h (7 h in all for this snapshot)"
    )
    assert note_sentence("pump.primed", {"ml": 3}, by=(), language="en") == "pump.primed ml=3"
    assert "?" in note_sentence(EXTENDED, {}, by=(), language="en")
