"""The scale: grams become money, once a tray."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.journal import SaleRecord
from devices.kinds import weighing
from devices.kinds.base import Device
from devices.kinds.weighing import Weighing, price_minor
from tests.devices.conftest import Bench
from tests.kinds.conftest import FakeScale, MakeKind


@pytest.fixture
def scale() -> FakeScale:
    return FakeScale()


@pytest.fixture
def bench(make_kind: MakeKind) -> Bench:
    return make_kind(device="weighing", per_kg_minor=39_80)


@pytest.fixture
def kind(scale: FakeScale) -> Weighing:
    return Weighing(scale)


@pytest.fixture
def device(bench: Bench, kind: Weighing) -> Device:
    return Device(bench.control, kind)


@pytest.mark.parametrize(
    ("grams", "per_kg_minor", "amount_minor"),
    [(350, 39_80, 13_93), (1000, 39_80, 39_80), (1, 5_00, 1), (1, 4_99, 0), (3, 5_00, 2), (0, 39_80, 0), (-20, 1, 0)],
)
def test_the_price_is_rounded_half_up_to_the_fen(grams: int, per_kg_minor: int, amount_minor: int) -> None:
    assert price_minor(grams, per_kg_minor=per_kg_minor) == amount_minor


@given(st.integers(0, 50_000), st.integers(1, 1_000_00))
def test_the_price_is_never_half_a_fen_off(grams: int, per_kg_minor: int) -> None:
    assert abs(price_minor(grams, per_kg_minor=per_kg_minor) * 1000 - grams * per_kg_minor) <= 500


def test_a_tray_is_weighed_and_paid_with_its_grams_in_the_record(
    bench: Bench, device: Device, scale: FakeScale
) -> None:
    scale.grams = 350
    outcome = device.scanned(bench.show(1))
    assert outcome is not None
    assert outcome.approved
    assert outcome.result.amount_minor == 13_93
    newest = bench.terminal._journal.newest_sale
    assert newest is not None
    assert isinstance(newest.record, SaleRecord)
    assert newest.record.facts is not None
    assert (newest.record.facts.device, newest.record.facts.grams) == ("weighing", 350)


@pytest.mark.parametrize(
    ("grams", "stable", "silent", "said"),
    [
        (0, True, False, weighing.PUT_IT),
        (4, True, False, weighing.PUT_IT),
        (-30, True, False, weighing.PUT_IT),
        (350, False, False, weighing.HOLD_STILL),
        (350, True, True, weighing.NO_SCALE),
        (9_000_000, True, False, weighing.TOO_HEAVY),
    ],
)
def test_nothing_is_charged_for_what_cannot_be_weighed_and_the_screen_says_so(
    bench: Bench, device: Device, scale: FakeScale, grams: int, stable: bool, silent: bool, said: object
) -> None:
    scale.grams, scale.stable, scale.silent = grams, stable, silent
    assert device.scanned(bench.show(1)) is None
    result = bench.control.screen().result
    assert result is not None
    assert result.sentence == said
    assert bench.terminal._journal.newest_sale is None


def test_the_same_tray_is_not_paid_twice(bench: Bench, device: Device, scale: FakeScale) -> None:
    scale.grams = 350
    assert device.scanned(bench.show(1)) is not None
    bench.clock.pass_ms(60_000)
    assert device.scanned(bench.show(2)) is None
    scale.grams = 0
    assert device.scanned(bench.show(2)) is None
    scale.grams = 500
    outcome = device.scanned(bench.show(2))
    assert outcome is not None
    assert outcome.result.amount_minor == 19_90


def test_the_tray_itself_weighs_nothing(bench: Bench, device: Device, kind: Weighing, scale: FakeScale) -> None:
    scale.grams = 420
    assert kind.tare() == 420
    scale.grams = 770
    outcome = device.scanned(bench.show(1))
    assert outcome is not None
    assert outcome.result.amount_minor == 13_93


def test_the_screen_follows_the_scale(bench: Bench, kind: Weighing, scale: FakeScale) -> None:
    scale.grams = 350
    kind.look(bench.control)
    assert bench.control.screen().amount_minor == 13_93
    scale.stable = False
    kind.look(bench.control)
    assert bench.control.screen().amount_minor == 0
    scale.silent = True
    assert kind.look(bench.control) is None


def test_looking_at_the_scale_in_the_moment_of_payment_neither_takes_the_answer_away_nor_changes_the_price(
    bench: Bench, device: Device, kind: Weighing, scale: FakeScale
) -> None:
    scale.grams = 350
    device.between(kind.look)

    def look(_: object) -> None:
        scale.grams += 100  # another spoonful, in the middle of it
        device.between(kind.look)

    bench.control.subscribe(look)
    outcome = device.scanned(bench.show(1))
    assert outcome is not None
    assert outcome.result.amount_minor == 13_93
    screen = bench.control.screen()
    assert screen.result == outcome.result
    assert screen.amount_minor == 0


@pytest.mark.parametrize("trouble", ["silent", "overloaded"])
def test_a_price_does_not_stay_on_the_screen_when_the_scale_tells_none(
    bench: Bench, kind: Weighing, scale: FakeScale, trouble: str
) -> None:
    scale.grams = 350
    kind.look(bench.control)
    setattr(scale, trouble, True)
    assert kind.look(bench.control) is None
    assert bench.control.screen().amount_minor == 0


def test_whoever_overloads_the_scale_is_told_to_take_something_off(
    bench: Bench, device: Device, scale: FakeScale
) -> None:
    scale.overloaded = True
    assert device.scanned(bench.show(1)) is None
    result = bench.control.screen().result
    assert result is not None
    assert result.sentence == weighing.OVERLOAD


def test_a_scale_without_a_price_sells_nothing(make_kind: MakeKind, scale: FakeScale) -> None:
    bench = make_kind()
    scale.grams = 350
    assert Device(bench.control, Weighing(scale)).scanned(bench.show(1)) is None
    result = bench.control.screen().result
    assert result is not None
    assert result.sentence == weighing.NO_PRICE
