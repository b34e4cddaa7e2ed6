"""The terminal's clock over days: who may move it, by how much, and what a person with a wrong phone is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.core.declines import Decline, Why
from devices.core.sentences import decline_sentence
from devices.drivers.clock import Clock
from devices.master import drift
from devices.master.clock import Doubt
from devices.master.drift import Drift
from devices.master.screen import Phase
from tests.devices import world
from tests.devices.world import DAY_S, Phone
from tests.endurance.machine import Machine

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 24 * 3_600_000
NOTHING = Drift(0)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "terminal", keep_log=False)
    world.add_people(made.server, *(world.row(ref, purse_minor=500_00) for ref in range(10, 140)))
    made.ready()
    yield made
    made.close()


def _offset_ms(machine: Machine) -> int:
    """By how much the terminal corrects its clock."""
    time = machine.terminal.control._time
    reading = time.reading()
    return time.now_ms(reading) - reading.wall_ms


def _pay_with(machine: Machine, account_ref: int, *, ahead_s: int) -> bool:
    machine.clock.pass_ms(6_000)
    machine.terminal.control.set_amount(1_00)
    return machine.terminal.control.scan(Phone(account_ref).show(machine.clock.now_s + ahead_s)).approved


def test_thirty_fast_phones_cannot_move_the_clock(machine: Machine) -> None:
    """Thirty attackers come all day, each time with phones 10 s fast, among fifty others."""
    machine.server.down = True
    fast = list(range(10, 40))
    for round_ in range(6):
        machine.clock.pass_ms(40 * MINUTE_MS)
        for place, honest in enumerate(range(40, 90)):
            assert _pay_with(machine, honest, ahead_s=-(place % 6))
            if place < len(fast):
                assert _pay_with(machine, fast[place], ahead_s=10), round_
    assert _offset_ms(machine) == 0


def test_thirty_fast_phones_alone_move_it_no_more_than_a_crystal_drifts(machine: Machine) -> None:
    """Nobody else comes to this terminal: then the bound holds, not the median. The floor does not move at all."""
    machine.server.down = True
    floor_s = machine.terminal.control._time._guard.floor_s
    began_ms = machine.clock.now_ms
    for _ in range(8):
        machine.clock.pass_ms(40 * MINUTE_MS)
        for account_ref in range(10, 40):
            _pay_with(machine, account_ref, ahead_s=8)
        passed_ms = machine.clock.now_ms - began_ms
        assert 0 <= _offset_ms(machine) <= drift.most_ms(passed_ms) <= passed_ms / 3_600
    assert machine.terminal.control._time._guard.floor_s == floor_s


def test_one_fast_phone_counts_once_however_often_it_comes() -> None:
    found = NOTHING
    for minute in range(1, 600):
        found = found.accepted(1, ahead_ms=10_000, at_ms=minute * MINUTE_MS)
    assert found.correction_ms == 0


def test_a_day_offline_with_a_drifting_crystal_is_corrected() -> None:
    """60 ppm slow is 5 s a day: people with right phones show it, and codes stay in the middle of their window."""
    found = NOTHING
    worst_ms = 0
    for minute in range(1, 3 * 24 * 60, 3):
        at_ms = minute * MINUTE_MS
        behind_ms = at_ms * 60 // 1_000_000
        found = found.accepted(minute % 97, ahead_ms=behind_ms - (minute % 6) * 1_000, at_ms=at_ms)
        worst_ms = max(worst_ms, abs(behind_ms - found.correction_ms))
    assert behind_ms > 15_000
    assert worst_ms < 4_000


@settings(max_examples=100)
@given(
    taps=st.lists(
        st.tuples(st.integers(1, 60), st.integers(-25_000, 10_000), st.integers(0, 3 * HOUR_MS)),
        min_size=1,
        max_size=200,
    )
)
def test_the_correction_never_exceeds_its_bound_and_goes_in_small_steps(taps: list[tuple[int, int, int]]) -> None:
    found, at_ms = NOTHING, 0
    for account_ref, ahead_ms, pause_ms in taps:
        at_ms += pause_ms
        before, found = found, found.accepted(account_ref, ahead_ms=ahead_ms, at_ms=at_ms)
        assert abs(found.correction_ms) <= drift.most_ms(at_ms) <= drift.MOST_MS
        assert abs(found.correction_ms - before.correction_ms) <= drift.STEP_MS
        if len(found.shown) < drift.LEAST_PEOPLE:
            assert found.correction_ms == before.correction_ms
        assert len(found.shown) <= drift.MOST_PEOPLE


def test_the_server_ends_every_correction(machine: Machine) -> None:
    machine.server.down = True
    for _ in range(10):
        machine.clock.pass_ms(30 * MINUTE_MS)
        for account_ref in range(10, 40):
            _pay_with(machine, account_ref, ahead_s=8)
    assert _offset_ms(machine) > 0
    machine.server.down = False
    machine.sync()
    assert _offset_ms(machine) == 0


def test_a_clock_set_back_a_day_stops_sales_until_the_server_tells_the_time(machine: Machine) -> None:
    assert machine.pay(1).approved
    machine.clock.jump_ms(-DAY_MS)
    outcome = machine.pay(2)
    assert (outcome.approved, outcome.result.why) == (False, Why.CLOCK_SUSPECT)
    assert not machine.terminal.control.confirm_clock(), "below what was signed, no cashier can vouch for it"
    machine.server.clock_off_ms = DAY_MS
    machine.sync(steps=20)
    assert machine.terminal.control.screen().phase is Phase.READY


def test_a_clock_set_a_year_forward_stops_sales_and_expires_nothing(machine: Machine) -> None:
    assert machine.pay(1).approved
    machine.clock.jump_ms(365 * DAY_MS)
    assert machine.pay(2).result.why == Why.CLOCK_SUSPECT
    machine.terminal.control.maintain()
    assert machine.terminal._journal.last_presented_s(Phone(1).credential[8:16]) is not None
    machine.clock.jump_ms(-365 * DAY_MS)
    assert machine.pay(2).result.why == Why.CLOCK_SUSPECT, "set back again, it is still not believed"
    assert machine.terminal.control.confirm_clock()
    assert machine.pay(2).approved


def test_a_clock_a_day_behind_at_the_start_does_not_sell(machine: Machine) -> None:
    machine.close()
    machine.clock.jump_ms(-DAY_MS)
    machine.boot()
    assert machine.terminal.control._time.doubt(machine.terminal.control._time.reading()) is Doubt.BEHIND
    assert machine.pay(1).result.why == Why.CLOCK_SUSPECT


def test_seven_days_offline_the_allowed_amounts_shrink_by_the_table_then_sales_stop(machine: Machine) -> None:
    """The policy's table: 4 h at 500, a day at 50, seven days at 20, each sale."""
    machine.server.down = True
    allowed: list[int] = []
    for hours in (1, 5, 23, 25, 100, 7 * 24 - 1, 7 * 24 + 1):
        machine.clock.pass_ms(world.NOON_S * 1000 + hours * HOUR_MS - machine.clock.now_ms)
        day_s = machine.clock.now_s - machine.clock.now_s % DAY_S
        account_ref = 10 + len(allowed)
        most = 0
        for amount_minor in (10_00, 20_00, 40_00, 50_00, 90_00):
            machine.terminal.control.set_amount(amount_minor)
            grant = world.grant(account_ref, issued_at_s=world.NOON_S - 7200)
            phone = Phone(account_ref, grant, day_s=day_s, number=amount_minor)
            if not machine.terminal.control.scan(phone.show(machine.clock.now_s)).approved:
                break
            assert machine.terminal.control.reverse_last().approved
            machine.clock.pass_ms(6_000)
            most = amount_minor
        allowed.append(most)
    assert allowed == [90_00, 50_00, 50_00, 20_00, 20_00, 20_00, 0]


@pytest.mark.parametrize(
    ("why", "off_s", "english", "chinese"),
    [
        (Why.PHONE_FAST, 120, "Your phone's clock is 2 min fast; set it to automatic", "您的手机时间快了 2 分钟"),
        (Why.PHONE_FAST, 40, "Your phone's clock is 40 s fast; set it to automatic", "您的手机时间快了 40 秒"),
        (Why.PHONE_FAST, 3 * 3600, "Your phone's clock is 3 h fast; set it to automatic", "您的手机时间快了 3 小时"),
        (Why.PHONE_SLOW, 300, "This code is 5 min old.", "这个码是 5 分钟前的"),
        (Why.PHONE_SLOW, 3 * 24 * 3600, "This code is 3 days old.", "这个码是 3 天前的"),
    ],
)
def test_a_wrong_phone_clock_is_told_to_the_person(why: Why, off_s: int, english: str, chinese: str) -> None:
    assert decline_sentence(Decline(why, {"off_s": off_s}), language="en").startswith(english)
    assert decline_sentence(Decline(why, {"off_s": off_s}), language="zh").startswith(chinese)


def test_the_clock_driver_is_all_the_time_there_is(machine: Machine) -> None:
    clock: Clock = machine.clock
    before_ms = machine.terminal.control.screen().at_ms
    machine.clock.pass_ms(1_234)
    assert machine.terminal.control.screen().at_ms - before_ms == 1_234
    assert clock.wall_ms() == machine.clock.now_ms
