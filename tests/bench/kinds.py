"""A presentation → durable answer on each kind of device, and with a neighbour's objection waited for.

Beside the least that any such device must do with the same code: see `tests.bench.terminal`, whose canteen is the
first of them. A device's loop is measured whole: what it asks of its scale, its stop, its gate or its cabinet too.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from devices.cabinet.cabinet_side import CabinetSide
from devices.cabinet.messages import Slot
from devices.core.messages import Parameters
from devices.drivers.scale import Weight
from devices.kinds.base import Device
from devices.kinds.bus import Bus
from devices.kinds.cabinet import Cabinet
from devices.kinds.gate import Gate
from devices.kinds.weighing import Weighing
from devices.master.control import MasterControl
from tests.bench.figures import Figure
from tests.bench.terminal import least, p99, signed, took_ms
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import FakeClock, FakeServer, Phone
from tests.lan.site import Till, listed, make_site

NAME = "kinds"
RUNS = 3
TAPS = 400
WARM_UP = 40
CLAIM_TAPS = 100
CLAIM_WAIT_MS = 30
FARE_MINOR = 2_00

Nothing = Callable[[], None]


@dataclass(frozen=True)
class Kind:
    """How a device of one kind is set, and what happens around each presentation, which is not measured."""

    parameters: Parameters
    make: Callable[[MasterControl], tuple[Device, Nothing, Nothing]]


def run(*, scale: float = 1.0) -> list[Figure]:
    """Median of RUNS runs of each kind; then a till with a neighbour, that waits for claims and that does not."""
    figures: list[Figure] = []
    for name, kind in KINDS.items():
        runs = [_one_run(kind, taps=max(50, int(TAPS * scale))) for _ in range(RUNS)]
        figures += _figures(f"terminal.decision.{name}", runs)
    for name, wait_ms in (("lan", 0), (f"claim_wait_{CLAIM_WAIT_MS}ms", CLAIM_WAIT_MS)):
        runs = [_beside_a_neighbour(wait_ms, taps=max(20, int(CLAIM_TAPS * scale))) for _ in range(RUNS)]
        figures += _figures(f"terminal.decision.{name}", runs)
    return figures


def _figures(name: str, runs: list[tuple[list[float], list[float]]]) -> list[Figure]:
    return [
        Figure(
            name=f"{name}.{what}_ms",
            value=median(pick(decided) for decided, _least in runs),
            unit="ms",
            baseline=median(pick(bare) for _decided, bare in runs),
        )
        for what, pick in (("median", median), ("p99", p99))
    ]


def _one_run(kind: Kind, *, taps: int) -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory(prefix="ecard-bench-") as name:
        clock = FakeClock()
        server = FakeServer(clock)
        world.add_people(server, *[world.row(account_ref) for account_ref in range(1, taps + WARM_UP + 1)])
        server.parameters, server.catalogue = kind.parameters, world.catalogue()
        bench = Bench(Path(name) / "terminal", clock, server)
        bench.open()
        bench.enrol()
        device, before, after = kind.make(bench.control)
        codes = [Phone(account_ref).show(clock.now_s) for account_ref in range(1, taps + WARM_UP + 1)]
        measured = _present(codes, device, before, after, log=Path(name) / "bare")
        bench.terminal.close()
    return measured


def _present(
    codes: list[str], device: Device, before: Nothing, after: Nothing, *, log: Path
) -> tuple[list[float], list[float]]:
    """Each presentation is followed by its baseline, so both meet the same machine."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    decided, bare = [], []
    for text in codes:
        before()
        decided.append(took_ms(lambda text=text: _approve(device, text)))  # type: ignore[misc]
        after()
        messages = signed(text)
        bare.append(took_ms(lambda messages=messages: least(messages, handle)))  # type: ignore[misc]
    os.close(handle)
    return decided[WARM_UP:], bare[WARM_UP:]


def _approve(device: Device, text: str) -> None:
    outcome = device.scanned(text)
    if outcome is None or not outcome.approved:
        raise RuntimeError(f"a benchmark tap was declined: {outcome}")


def _beside_a_neighbour(wait_ms: int, *, taps: int) -> tuple[list[float], list[float]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ecard-bench-")))
        till = stack.enter_context(_two_tills(folder, people=taps + WARM_UP, wait_ms=wait_ms))
        till.terminal.control.set_mode("fixed", fixed_minor=12_50)
        codes = [Phone(account_ref).show(till.clock.now_s) for account_ref in range(1, taps + WARM_UP + 1)]
        device = Device(till.terminal.control)
        return _present(codes, device, _nothing, _nothing, log=folder / "bare")


@contextmanager
def _two_tills(folder: Path, *, people: int, wait_ms: int) -> Iterator[Till]:
    """The first of two that hear each other."""
    site = make_site(folder, listed(2), people=[world.row(account_ref) for account_ref in range(1, people + 1)])
    try:
        site.claim_wait(wait_ms)
        site.meet()
        yield site.tills[0]
    finally:
        for till in site.tills:
            till.close()


def _nothing() -> None:
    """Nothing has to be put there first."""


def _weighing(control: MasterControl) -> tuple[Device, Nothing, Nothing]:
    scale = Pan()
    weighing = Weighing(scale)

    def lift_and_put() -> None:
        scale.weight = Weight(0, stable=True)
        weighing.look(control)
        scale.weight = Weight(350, stable=True)

    return Device(control, weighing), lift_and_put, _nothing


@dataclass
class Pan:
    """A scale that answers at once."""

    weight: Weight = field(default=Weight(0, stable=True))

    def read(self) -> Weight:
        return self.weight


def _cabinet(control: MasterControl) -> tuple[Device, Nothing, Nothing]:
    clock = FakeClock()
    kind, far, orders = Cabinet(control, clock=clock), CabinetSide(cabinet="bench"), iter(range(1_000_000))

    def exchange() -> None:
        for _round in range(4):
            far.received(kind.pump(far.outgoing()))

    def order() -> None:
        far.tick(now_ms=clock.monotonic_ms())
        exchange()
        number = f"order-{next(orders)}"
        far.choose(number, amount_minor=1_00, slots=(Slot(1, world.RICE),), now_ms=clock.monotonic_ms())
        exchange()

    def give_out() -> None:
        exchange()
        far.dispensed(now_ms=clock.monotonic_ms())
        exchange()
        far.effects()

    return Device(control, kind), order, give_out


KINDS = {
    "weighing": Kind(world.parameters(device="weighing", journal=2, per_kg_minor=40_00), _weighing),
    "gate": Kind(
        world.parameters(device="gate", journal=2, mode="pass", anti_passback=True),
        lambda control: (Device(control, Gate("in")), _nothing, _nothing),
    ),
    "bus": Kind(
        world.parameters(
            device="bus", journal=2, mode="fixed", fixed_minor=FARE_MINOR, line="1", stops=("North", "South")
        ),
        lambda control: (Device(control, Bus()), _nothing, _nothing),
    ),
    "cabinet": Kind(world.parameters(device="cabinet", journal=2, mode="products"), _cabinet),
}
