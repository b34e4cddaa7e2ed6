"""When the terminal's clock is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devices.master.clock import (
    DRIFT_PER_MS,
    FLOOR_SLACK_S,
    JUMP_MS,
    MAX_DRIFT_MS,
    MAX_ROUND_TRIP_MS,
    Doubt,
    Guard,
    Reading,
)

NOON_MS = 1_795_233_600_000
START = Reading(NOON_MS, 1_000)


def _later(passed_ms: int, *, off_ms: int = 0) -> Reading:
    return Reading(NOON_MS + passed_ms + off_ms, 1_000 + passed_ms)


@given(passed_ms=st.integers(0, 10**9), off_ms=st.integers(-JUMP_MS, JUMP_MS))
def test_time_that_only_passes_is_believed(passed_ms: int, off_ms: int) -> None:
    assert Guard(START).observed(_later(passed_ms, off_ms=off_ms)).doubt(_later(passed_ms, off_ms=off_ms)) is None


@given(passed_ms=st.integers(0, 10**9), off_ms=st.integers(JUMP_MS + MAX_DRIFT_MS + 1, 10**12))
def test_any_larger_jump_is_doubted_forward_and_back(passed_ms: int, off_ms: int) -> None:
    for sign in (1, -1):
        assert Guard(START).doubt(_later(passed_ms, off_ms=sign * off_ms)) is Doubt.JUMPED


def test_a_clock_slewed_by_time_keeping_is_no_jump() -> None:
    hour_ms = 3_600_000
    assert Guard(START).doubt(_later(hour_ms, off_ms=JUMP_MS + hour_ms // DRIFT_PER_MS)) is None
    assert Guard(START).doubt(_later(hour_ms, off_ms=JUMP_MS + hour_ms // DRIFT_PER_MS + 1)) is Doubt.JUMPED


def test_a_jump_is_remembered_when_the_clock_is_set_back() -> None:
    guard = Guard(START).observed(_later(1_000, off_ms=60_000))
    assert guard.doubt(_later(2_000)) is Doubt.JUMPED
    assert guard.vouched(_later(3_000)).doubt(_later(3_000)) is None


def test_a_clock_behind_what_was_signed_is_doubted_and_nobody_but_the_server_can_lower_it() -> None:
    guard = Guard(START).raised(NOON_MS // 1000 + FLOOR_SLACK_S + 1)
    assert guard.doubt(START) is Doubt.BEHIND
    assert guard.vouched(START) == guard
    assert guard.raised(NOON_MS // 1000 - 5) == guard
    lowered = guard.confirmed(START, server_s=NOON_MS // 1000, round_trip_ms=50)
    assert lowered.doubt(START) is None


def test_the_servers_time_corrects_a_wrong_clock_only_where_it_answers_fast() -> None:
    server_s = NOON_MS // 1000 + 900
    sure = Guard(START).confirmed(START, server_s=server_s, round_trip_ms=40)
    assert abs(sure.now_ms(START) - server_s * 1000) < 1_000
    slow = Guard(START).confirmed(START, server_s=server_s, round_trip_ms=MAX_ROUND_TRIP_MS + 1)
    assert slow.now_ms(START) == NOON_MS
    assert slow.doubt(START) is Doubt.BEHIND


def test_a_small_difference_is_not_corrected() -> None:
    assert Guard(START).confirmed(START, server_s=NOON_MS // 1000 + 2, round_trip_ms=40).offset_ms == 0
