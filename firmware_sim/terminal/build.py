"""What each kind of simulated device is made of: the SDK's loop for it, and virtual hardware behind its drivers."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from devices.core.messages import DeviceKind
from devices.kinds.base import Device
from devices.terminal import Terminal
from firmware_sim.hardware import VirtualClock
from firmware_sim.parts.base import Part
from firmware_sim.parts.printer import VirtualPrinter
from firmware_sim.parts.reader import Card, VirtualReader

KINDS: tuple[DeviceKind, ...] = ("canteen", "weighing", "gate", "bus", "cabinet")


@dataclass(frozen=True, kw_only=True)
class Built:
    """A device and its parts by their names on the page; `works` run in threads, `ends` stop them."""

    device: Device
    parts: Mapping[str, Part]
    works: Sequence[Callable[[], None]] = ()
    ends: Sequence[Callable[[], None]] = field(default=())

    def start(self) -> None:
        """Switch everything on."""
        for work in self.works:
            threading.Thread(target=work, name=getattr(work, "__name__", "part"), daemon=True).start()

    def stop(self) -> None:
        """In order, the last first."""
        for end in reversed(self.ends):
            end()


def build(kind: DeviceKind, terminal: Terminal, *, clock: VirtualClock, cards: Sequence[Card]) -> Built:
    """The device of this kind around an open terminal."""
    reader, printer = VirtualReader(cards), VirtualPrinter()
    device = Device(terminal.control)

    def read_cards() -> None:
        for uid in reader.uids():
            device.tapped(uid)

    return Built(device=device, parts={"reader": reader, "printer": printer}, works=(read_cards,), ends=(reader.close,))
