"""Somebody in the queue with a camera: what a picture of another's code is worth, and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices.core.accept import SHOWN_BEFORE_S
from devices.core.declines import Why
from tests.devices.conftest import Bench
from tests.devices.world import Phone


def test_a_photographed_code_is_worth_nothing_once_its_owner_has_paid_here(make_bench: Callable[[], Bench]) -> None:
    bench = make_bench()
    picture = Phone(1).show(bench.clock.now_s)
    assert bench.pay(10_00, picture).approved
    bench.clock.pass_ms(8_000)
    assert bench.pay(10_00, picture).result.why == Why.ALREADY_USED


@pytest.mark.parametrize(("late_s", "approved"), [(SHOWN_BEFORE_S, True), (SHOWN_BEFORE_S + 1, False)])
def test_a_photographed_code_dies_within_25_seconds_even_where_its_owner_never_paid(
    make_bench: Callable[[], Bench], late_s: int, approved: bool
) -> None:
    bench = make_bench()
    picture = Phone(1).show(bench.clock.now_s)
    bench.clock.pass_ms(late_s * 1000)
    assert bench.pay(10_00, picture).approved is approved


def test_a_picture_pays_for_one_sale_and_its_owner_goes_on_with_the_next_moment(
    make_bench: Callable[[], Bench],
) -> None:
    bench = make_bench()
    owner = Phone(1)
    picture = owner.show(bench.clock.now_s)
    assert bench.pay(10_00, picture).approved
    bench.clock.pass_ms(6_000)
    assert bench.pay(10_00, owner.show(bench.clock.now_s)).approved
    bench.clock.pass_ms(6_000)
    assert bench.pay(10_00, picture).result.why == Why.OLDER_MOMENT
