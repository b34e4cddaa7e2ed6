"""The examples of the SDK are whole programs; they run here as they are, against a server in memory."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

import devices.decode
from devices.drivers.scanner import SerialScanner
from devices.drivers.signals import SignalError, relay_command
from devices.examples import gate, verify
from tests.devices import world
from tests.devices.world import FakeClock, FakeServer, Phone
from tests.support.wire import Wire

ON, OFF = relay_command(channel=1, on=True), relay_command(channel=1, on=False)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """Where the examples' HTTP goes, and the time that they read."""
    clock = FakeClock()
    made = FakeServer(clock)
    world.add_people(made, world.row(1))
    monkeypatch.setattr(devices.decode, "HttpTransport", lambda _url: made)
    monkeypatch.setattr(verify, "time", SimpleNamespace(time=lambda: clock.now_s))
    monkeypatch.setattr(
        gate, "time", SimpleNamespace(time=lambda: clock.now_s, monotonic=lambda: clock.since_ms / 1000)
    )
    return made


def test_lines_typed_are_answered_one_by_one_and_after_a_restart_too(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Phone(1).show(server.clock.now_s)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{world.ENROLMENT_CODE}\n{text}\nhello\n"))
    verify.main(tmp_path / "device", "http://server.invalid")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "yes\taccepted\t张*\tAccepted"
    assert second.startswith("no\tnot_a_code\t\tThis is not a payment code")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))
    verify.main(tmp_path / "device", "http://server.invalid")
    assert capsys.readouterr().out.startswith("no\talready_used")


def test_the_gate_opens_once_for_a_presentation_and_beeps(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _prompt: world.ENROLMENT_CODE)
    monkeypatch.setattr(gate, "OPEN_MS", 10)
    scanner, relay = Wire(), Wire()
    text = Phone(1).show(server.clock.now_s).encode()
    ready = threading.Event()

    def present(_stop: threading.Event) -> None:
        """Once the lines are open: the same picture twice in a row, another text, and the picture again."""
        ready.wait(20)
        scanner.send(text + b"\r\n" + text + b"\r\nhello\r\n" + text + b"\r\n")

    class PulledOutInTheEnd(SerialScanner):
        def texts(self) -> Iterator[str]:
            ready.set()
            texts = super().texts()
            yield from islice(texts, 4)
            scanner.hang_up()
            yield from texts

    monkeypatch.setattr(gate, "SerialScanner", PulledOutInTheEnd)
    scanner.play(present)
    gate.main(tmp_path / "device", "http://server.invalid", scanner.path, relay.path)
    said = capsys.readouterr()
    assert [line.split(" ")[0] for line in said.out.splitlines()] == ["Accepted", "This", "This"]
    assert said.err.count("\a") == 3
    assert relay.received(until=12) == ON + OFF + OFF
    assert relay.received(within_s=0.2) == b""
    scanner.pull()
    relay.pull()


def test_a_gate_that_does_not_open_is_said_and_the_next_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def pulse(self, ms: int) -> None:
            raise SignalError(f"no contact for {ms} ms")

    gate.let_through(Broken())
    assert "no contact" in capsys.readouterr().err
