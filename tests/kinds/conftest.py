"""A terminal of each kind on the bench of the devices' tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from devices.drivers.scale import Overload, ScaleError, Weight
from devices.drivers.signals import SignalError
from tests.devices.conftest import Bench
from tests.devices.conftest import make_bench as make_bench
from tests.devices.world import parameters

MakeKind = Callable[..., Bench]


@dataclass
class FakeScale:
    grams: int = 0
    stable: bool = True
    silent: bool = False
    overloaded: bool = False

    def read(self) -> Weight:
        if self.silent:
            raise ScaleError("silent")
        if self.overloaded:
            raise Overload("too much")
        return Weight(self.grams, self.stable)


@dataclass
class FakeRelay:
    pulses: list[int] = field(default_factory=list)
    gone: bool = False

    def pulse(self, ms: int) -> None:
        if self.gone:
            raise SignalError("gone")
        self.pulses.append(ms)


@pytest.fixture
def make_kind(make_bench: Callable[..., Bench]) -> MakeKind:
    """`make_kind(device="bus", mode="fixed", ...)`: a terminal whose server has set it so."""

    def make(**changes: object) -> Bench:
        bench = make_bench(enrolled=False)
        bench.server.parameters = parameters(journal=2, **changes)
        bench.enrol()
        return bench

    return make
