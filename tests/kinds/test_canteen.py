"""The canteen's modes under the one loop: a fixed price, a typed amount, a basket, a meal by identity."""

from __future__ import annotations

import msgspec
import pytest

from devices.core.policy import Entitlement, Text, Who
from devices.kinds.base import Device
from devices.master.screen import Outcome
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import COLA, RICE
from tests.kinds.conftest import MakeKind

PUPILS = 7
LUNCH = Entitlement(9, Text("免费午餐", "Free lunch"), Who(groups=(PUPILS,)), window="period", agreed_minor=12_00)


class Told:
    """A signal that keeps what it was told."""

    def __init__(self) -> None:
        self.sounds: list[str] = []

    def tell(self, outcome: Outcome) -> None:
        self.sounds.append(outcome.result.sound)


@pytest.fixture
def bench(make_kind: MakeKind) -> Bench:
    bench = make_kind()
    bench.server.policies = (msgspec.structs.replace(world.policy(), min_evaluator=2, entitlements=(LUNCH,)),)
    world.add_people(bench.server, msgspec.structs.replace(world.row(2), groups=(PUPILS,)))
    bench.server.catalogue = world.catalogue()
    bench.server.number += 1
    bench.sync()
    return bench


@pytest.mark.parametrize(
    ("mode", "amount_minor"), [("fixed", 9_00), ("typed", 12_50), ("products", 5_00), ("identity", 0)]
)
def test_every_mode_of_a_canteen_runs_under_the_loop(bench: Bench, mode: str, amount_minor: int) -> None:
    told = Told()
    device = Device(bench.control, signals=(told,))
    match mode:
        case "fixed":
            bench.control.set_mode("fixed", fixed_minor=amount_minor)
        case "typed":
            bench.control.set_amount("12.50")
        case "products":
            bench.control.set_mode("products")
            bench.control.add(COLA)
            bench.control.add(RICE)
        case _:
            bench.control.set_mode("identity")
    outcome = device.scanned(bench.show(2 if mode == "identity" else 1))
    assert outcome is not None
    assert (outcome.approved, outcome.result.amount_minor) == (True, amount_minor)
    assert told.sounds == ["approved"]


def test_a_signal_is_told_once_of_what_a_camera_sees_many_times(bench: Bench) -> None:
    told = Told()
    device, text = Device(bench.control, signals=(told,)), bench.show(1)
    bench.control.set_mode("fixed", fixed_minor=9_00)
    for _ in range(4):
        device.scanned(text)
        bench.clock.pass_ms(200)
    assert told.sounds == ["approved"]


def test_a_decline_is_told_too(bench: Bench) -> None:
    told = Told()
    Device(bench.control, signals=(told,)).scanned("not a code")
    assert told.sounds == ["declined"]
