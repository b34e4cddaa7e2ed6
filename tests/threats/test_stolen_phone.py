"""A phone in a finder's hand, its screen unlocked: how long it pays, and how much."""

from __future__ import annotations

from collections.abc import Callable

from devices.core.accept import Denial
from devices.core.declines import Why
from tests.devices.conftest import Bench
from tests.devices.world import DAY_S, Phone

OFFLINE_LIMIT_MINOR = 60_00


def test_a_stolen_phone_pays_at_a_dark_terminal_up_to_the_offline_limit_and_then_no_more(
    make_bench: Callable[[], Bench],
) -> None:
    bench = make_bench()
    bench.server.down = True
    thief = Phone(1)
    spent_minor = 0
    for _sale in range(12):
        bench.clock.pass_ms(6_000)
        spent_minor += 10_00 if bench.pay(10_00, thief.show(bench.clock.now_s)).approved else 0
    assert spent_minor == OFFLINE_LIMIT_MINOR


def test_a_reported_phone_is_refused_from_the_terminals_next_contact(make_bench: Callable[[], Bench]) -> None:
    bench = make_bench()
    thief = Phone(1)
    assert bench.pay(10_00, thief.show(bench.clock.now_s)).approved
    bench.server.denials = (Denial(1, bench.clock.now_s),)
    bench.sync()
    bench.clock.pass_ms(6_000)
    assert bench.pay(10_00, thief.show(bench.clock.now_s)).result.why == Why.DENIED


def test_a_stolen_phone_that_was_never_reported_runs_out_of_days(make_bench: Callable[[], Bench]) -> None:
    bench = make_bench()
    thief = Phone(1)
    bench.clock.pass_ms(DAY_S * 1000)
    assert bench.pay(10_00, thief.show(bench.clock.now_s)).result.why == Why.EXPIRED
