"""A terminal with two supervisors, cut off after everything came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from devices.core.messages import Supervisor
from devices.core.pin import hash_of
from devices.drivers.printer import PrinterError, Receipt
from devices.master.screen import Said
from devices.supervisor.menu import Menu
from devices.supervisor.values import Refused, Session
from tests.devices.conftest import Bench
from tests.devices.conftest import make_bench as make_bench
from tests.devices.world import parameters

WANG, LI = 3, 4
PINS = {WANG: "280417", LI: "905318"}


def supervisors() -> tuple[Supervisor, ...]:
    return tuple(
        Supervisor(number, name, bytes([number] * 16).hex(), hash_of(PINS[number], salt=bytes([number] * 16)).hex())
        for number, name in ((WANG, "王主管"), (LI, "李主管"))
    )


@dataclass
class FakePrinter:
    printed: list[Receipt] = field(default_factory=list)
    trouble: Said | None = None

    def print(self, receipt: Receipt) -> None:
        if self.trouble is not None:
            raise PrinterError(self.trouble)
        self.printed.append(receipt)


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    bench = make_bench(enrolled=False)
    bench.server.parameters = parameters(journal=2, supervisors=supervisors())
    bench.enrol()
    bench.server.down = True
    return bench


@pytest.fixture
def printer() -> FakePrinter:
    return FakePrinter()


@pytest.fixture
def menu(bench: Bench, printer: FakePrinter) -> Menu:
    return Menu(bench.control, printer=printer, software="test/1")


def entered(menu: Menu, supervisor: int = WANG) -> Session:
    session = menu.enter(supervisor, PINS[supervisor])
    assert isinstance(session, Session)
    return session


def refused(given: object) -> Refused:
    assert isinstance(given, Refused)
    return given
