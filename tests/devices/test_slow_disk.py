"""A memory card that takes seconds for each record: nobody is charged twice for it, and each answer can be read."""

from __future__ import annotations

import pytest

from devices.master.screen import Phase
from tests.devices.conftest import Bench
from tests.devices.world import Phone

WRITES_MS = 6_000
"""Longer than a phone may be away to have stayed, than an approval counts as held, and than its words stay."""


@pytest.fixture
def slow(bench: Bench) -> Bench:
    def passing(point: str) -> None:
        if point in ("sale.decided", "pass.decided"):
            bench.clock.pass_ms(WRITES_MS)

    bench.restart(passing=passing)
    bench.sync()
    bench.control.set_mode("fixed", fixed_minor=8_00)
    return bench


def test_a_phone_held_while_the_disk_writes_does_not_pay_its_next_moment(slow: Bench) -> None:
    first = slow.control.scan(Phone(1).show(slow.clock.now_s))
    held = slow.control.scan(Phone(1).show(slow.clock.now_s))
    assert held.same_tap
    assert held.seq == first.seq
    slow.clock.pass_ms(2_000)
    assert slow.control.scan(Phone(1).show(slow.clock.now_s)).approved


def test_another_picture_from_while_the_disk_wrote_does_not_take_the_approval_away(slow: Bench) -> None:
    text = Phone(1).show(slow.clock.now_s)
    first = slow.control.scan(text)
    assert slow.control.scan(text).same_tap
    assert slow.control.screen().result == first.result


def test_an_approval_is_shown_for_as_long_however_slow_the_disk_was(slow: Bench) -> None:
    outcome = slow.control.scan(Phone(1).show(slow.clock.now_s))
    assert slow.control.screen().phase is Phase.APPROVED
    slow.clock.pass_ms(3_000)
    assert slow.control.screen().result == outcome.result
    slow.clock.pass_ms(1_000)
    assert slow.control.screen().result is None
