"""devices/TILL.md and devices/CABINET.md: started with its code alone, the page's program is a terminal that sells."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import devices.terminal
from devices.drivers.clock import SystemClock
from devices.master.screen import Phase
from devices.till.desk import Desk
from devices.till.line import encode
from tests.devices import world
from tests.docs.blocks import ROOT, blocks
from tests.support.wire import Wire


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> world.FakeServer:
    """Whatever terminal is opened talks to it, in the thread that starts it."""
    clock = world.FakeClock()
    made = world.FakeServer(clock)
    world.add_people(made, world.row(1))
    made.parameters = world.parameters(journal=2)
    monkeypatch.setattr(devices.terminal, "HttpTransport", lambda _url, **_times: made)
    monkeypatch.setattr(devices.terminal, "SystemClock", lambda: clock)
    monkeypatch.setattr(devices.terminal.Terminal, "start", _sync_once)
    return made


def _sync_once(terminal: devices.terminal.Terminal) -> None:
    for _ in range(8):
        if terminal.sync.step():
            break


def program(page: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(blocks(page, "python")[-1], names)  # noqa: S102  (the page's own example)
    return names


@pytest.mark.parametrize(("code", "phase"), [(world.ENROLMENT_CODE, Phase.READY), ("", Phase.UNENROLLED)])
def test_the_tills_program_sells_once_it_was_given_its_code(
    server: world.FakeServer, tmp_path: Path, code: str, phase: Phase
) -> None:
    opened = program("devices/TILL.md")["beside_the_register"](
        tmp_path / "terminal", server_url="http://127.0.0.1:9", port=0, code=code
    )
    terminal, _device, till = opened
    try:
        assert terminal.control.screen().phase is phase
    finally:
        till.stop()
        terminal.close()


@pytest.mark.parametrize(("code", "phase"), [(world.ENROLMENT_CODE, Phase.READY), ("", Phase.UNENROLLED)])
def test_the_cabinets_program_sells_once_it_was_given_its_code(
    server: world.FakeServer, tmp_path: Path, code: str, phase: Phase
) -> None:
    wire = Wire()
    terminal, _device, link = program("devices/CABINET.md")["beside_the_cabinet"](
        tmp_path / "terminal", server_url="http://127.0.0.1:9", port=wire.path, code=code
    )
    try:
        assert terminal.control.screen().phase is phase
    finally:
        link.stop()
        terminal.close()
        wire.pull()


def test_the_tills_serial_line_is_made_as_the_page_says(server: world.FakeServer, tmp_path: Path) -> None:
    page = (ROOT / "devices/TILL.md").read_text(encoding="utf-8").partition("For a serial line, in the place")[2]
    made = re.search(r"`(CabinetLink\(.+\))`", page)
    assert made
    wire = Wire()
    terminal = devices.terminal.Terminal.open(tmp_path / "terminal", server_url="http://127.0.0.1:9")
    names: dict[str, Any] = {"path": wire.path, "desk": Desk(terminal.control, clock=SystemClock())}
    for name, module in re.findall(r"`(\w+)`\s+of\s+`([\w.]+)`", page):
        names[name] = getattr(import_module(module), name)
    link = eval(made[1], names)  # noqa: S307  (the page's own example)
    link.start()
    try:
        heard, whole = b"", encode("READY", "0")
        for _ in range(60):  # what comes while the port is being opened is lost, and a register asks again
            wire.send(encode("HELLO"))
            heard += wire.received(until=len(whole), within_s=1)
            if len(heard) >= len(whole):
                break
        assert heard.startswith(whole)
    finally:
        link.stop()
        terminal.close()
        wire.pull()
