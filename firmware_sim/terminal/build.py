"""What each kind of simulated device is made of: the SDK's loop for it, and virtual hardware behind its drivers."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from devices.core.messages import DeviceKind
from devices.drivers.serial_line import LineGone, SerialLine
from devices.kinds.base import Device
from devices.kinds.bus import Bus
from devices.kinds.cabinet import Cabinet
from devices.kinds.gate import Arm, Gate
from devices.kinds.weighing import Weighing
from devices.master.control import MasterControl
from devices.master.screen import Outcome
from firmware_sim.hardware import VirtualClock
from firmware_sim.parts.arm import VirtualArm
from firmware_sim.parts.base import Part
from firmware_sim.parts.cabinet import VirtualCabinet
from firmware_sim.parts.kinds import BusPart, Sides, WeighingPart
from firmware_sim.parts.printer import VirtualPrinter
from firmware_sim.parts.reader import Card, VirtualReader
from firmware_sim.parts.scale import VirtualScale

KINDS: tuple[DeviceKind, ...] = ("canteen", "weighing", "gate", "bus", "cabinet")
LOOK_S = 0.2
LAST_WORK_S = 5.0
ARM_OPEN_MS = 4_000
"""Long enough to be seen on the page."""
CHUNK = 256


class Loop(Protocol):
    """What codes and cards are given to: `devices.kinds.base.Device`, or several behind one page."""

    def scanned(self, text: str) -> Outcome | None:
        """None where nothing can be paid for yet."""
        ...

    def tapped(self, uid: bytes) -> Outcome | None:
        """None where nothing can be paid for yet."""
        ...


@dataclass(frozen=True, kw_only=True)
class Built:
    """A device and its parts by their names on the page; `works` run in threads until `stopping`, `ends` follow."""

    loop: Loop
    parts: Mapping[str, Part]
    works: Sequence[Callable[[], None]]
    ends: Sequence[Callable[[], None]]
    stopping: threading.Event
    printer: VirtualPrinter
    threads: list[threading.Thread] = field(default_factory=list, init=False, repr=False)

    def start(self) -> None:
        """Switch everything on."""
        for work in self.works:
            self.threads.append(threading.Thread(target=work, daemon=True))
            self.threads[-1].start()

    def stop(self) -> None:
        """In order, the last first; then nothing works any more on the terminal, which may be closed."""
        self.stopping.set()
        for end in reversed(self.ends):
            end()
        for thread in self.threads:
            thread.join(LAST_WORK_S)


class _Bench:
    """Where a device is put together."""

    def __init__(self, control: MasterControl, folder: Path, clock: VirtualClock) -> None:
        self.control, self.folder, self.clock = control, folder, clock
        self.stopping = threading.Event()
        self.parts: dict[str, Part] = {}
        self.works: list[Callable[[], None]] = []
        self.ends: list[Callable[[], None]] = []

    def canteen(self) -> Loop:
        return Device(self.control)

    def weighing(self) -> Loop:
        scale = VirtualScale(self.clock)
        weighing = Weighing(scale)
        device = Device(self.control, weighing)
        self.parts |= {"scale": scale, "kind": WeighingPart(self.control)}

        def follow_the_scale() -> None:
            while not self.stopping.wait(LOOK_S):
                device.between(weighing.look)

        self.works.append(follow_the_scale)
        return device

    def gate(self) -> Loop:
        arm = VirtualArm(self.clock)
        signals = [Arm(arm, open_ms=ARM_OPEN_MS)]
        sides = Sides(
            self.control,
            inwards=Device(self.control, Gate("in"), signals=signals),
            outwards=Device(self.control, Gate("out"), signals=signals),
        )
        self.parts |= {"arm": arm, "kind": sides}
        return sides

    def bus(self) -> Loop:
        bus = Bus()
        self.parts["kind"] = BusPart(self.control, bus)
        return Device(self.control, bus)

    def cabinet(self) -> Loop:
        """The cabinet and the terminal meet on a serial line alone."""
        milk = VirtualCabinet(
            catalogue=self.control.catalogue, memory=self.folder / "cabinet-memory.json", clock=self.clock
        )
        kind = Cabinet(self.control, clock=self.clock)
        line = SerialLine.open(milk.wire.path)

        def serve_the_line() -> None:
            answer = kind.pump(b"")
            while not self.stopping.is_set():
                try:
                    line.write(answer)
                    answer = kind.pump(line.read(CHUNK))
                except LineGone:
                    return

        self.parts["cabinet"] = milk
        self.works += [serve_the_line, milk.run]
        self.ends += [milk.stop, line.close]
        return Device(self.control, kind)


def build(
    kind: DeviceKind, control: MasterControl, *, folder: Path, clock: VirtualClock, cards: Callable[[], Sequence[Card]]
) -> Built:
    """The device of this kind around a terminal's control; `folder` keeps what its hardware remembers."""
    bench = _Bench(control, folder, clock)
    loop: Loop = getattr(bench, kind)()
    reader, printer = VirtualReader(cards), VirtualPrinter()

    def read_cards() -> None:
        for uid in reader.uids():
            loop.tapped(uid)

    return Built(
        loop=loop,
        parts={**bench.parts, "reader": reader, "printer": printer},
        works=(*bench.works, read_cards),
        ends=(*bench.ends, reader.close),
        stopping=bench.stopping,
        printer=printer,
    )
