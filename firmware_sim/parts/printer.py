"""A receipt printer whose paper hangs out on the page."""

import threading
from collections import deque

import msgspec

from devices.drivers.printer import OUT_OF_PAPER, PrinterError, Receipt
from firmware_sim.parts.base import read_form

SLIPS_KEPT = 5


class PrinterForm(msgspec.Struct, frozen=True):
    """A hand at the printer: paper in or out, tear off what was printed."""

    paper: bool | None = None
    tear: bool = False


class PrinterState(msgspec.Struct, frozen=True):
    """`slips` are what was printed and not torn off yet, newest first; `printed` counts all."""

    paper: bool
    slips: tuple[tuple[str, ...], ...]
    printed: int


class VirtualPrinter:
    """A `devices.drivers.printer.Printer`."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._slips: deque[tuple[str, ...]] = deque(maxlen=SLIPS_KEPT)
        self._paper, self._printed = True, 0

    def print(self, receipt: Receipt) -> None:
        """Raises PrinterError without paper."""
        with self._guard:
            if not self._paper:
                raise PrinterError(OUT_OF_PAPER)
            self._slips.appendleft(receipt.lines)
            self._printed += 1

    def state(self) -> PrinterState:
        """For the page."""
        with self._guard:
            return PrinterState(self._paper, tuple(self._slips), self._printed)

    def press(self, form: bytes) -> None:
        """Take the paper out, put it in, or tear off the slips."""
        given = read_form(form, PrinterForm)
        with self._guard:
            self._paper = self._paper if given.paper is None else given.paper
            if given.tear:
                self._slips.clear()
