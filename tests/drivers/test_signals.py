"""Relays and buzzers."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from devices.drivers.extras import MissingExtra
from devices.drivers.serial_line import SerialLine
from devices.drivers.signals import (
    Beeps,
    BellBuzzer,
    GpioRelay,
    RelayBuzzer,
    SerialRelay,
    SignalError,
    relay_command,
)
from devices.master.screen import Outcome, Result, Said, Sound
from tests.support.wire import Wire

ON, OFF = bytes.fromhex("A00101A2"), bytes.fromhex("A00100A1")
"""As published for the LCUS-1 board."""


def test_the_board_is_sent_its_published_bytes() -> None:
    assert relay_command(channel=1, on=True) == ON
    assert relay_command(channel=1, on=False) == OFF
    assert relay_command(channel=3, on=True) == bytes.fromhex("A00301A4")


def test_a_pulse_closes_waits_and_opens_again(wire: Wire, line: SerialLine) -> None:
    slept: list[float] = []
    SerialRelay(line, sleep=slept.append).pulse(800)
    assert wire.received(until=12) == ON + OFF + OFF
    assert slept == [0.8]


def test_the_door_is_closed_even_where_the_wait_is_broken_off(wire: Wire, line: SerialLine) -> None:
    def broken(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SerialRelay(line, sleep=broken).pulse(800)
    assert wire.received(until=12) == ON + OFF + OFF


def test_a_relay_that_is_pulled_out_is_said(wire: Wire, line: SerialLine) -> None:
    wire.pull()
    with pytest.raises(SignalError, match="not connected"):
        SerialRelay(line).pulse(10)


def test_a_pulse_has_its_limits(line: SerialLine) -> None:
    for ms in (0, -1, 60_001):
        with pytest.raises(ValueError, match="pulse"):
            SerialRelay(line).pulse(ms)
    with pytest.raises(ValueError, match="channels"):
        SerialRelay(line, channel=9)


@pytest.mark.parametrize(("active_low", "closed", "opened"), [(False, "1", "0"), (True, "0", "1")])
def test_a_pin_of_the_board_is_a_relay(tmp_path: Path, active_low: bool, closed: str, opened: str) -> None:
    pin = tmp_path / "value"
    pin.write_text(opened)
    seen: list[str] = []
    GpioRelay(pin, active_low=active_low, sleep=lambda _s: seen.append(pin.read_text())).pulse(100)
    assert seen == [closed]
    assert pin.read_text() == opened


def test_a_pin_that_is_not_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(SignalError, match="No such file"):
        GpioRelay(tmp_path / "value").pulse(10)


def test_a_buzzer_behind_a_relay_tells_yes_from_no() -> None:
    class Heard:
        def __init__(self) -> None:
            self.pulses: list[int] = []

        def pulse(self, ms: int) -> None:
            self.pulses.append(ms)

    heard = {}
    for sound in ("approved", "warned", "declined", "reversed"):
        relay = Heard()
        RelayBuzzer(relay, sleep=lambda _s: None).beep(sound)
        heard[sound] = tuple(relay.pulses)
    assert len(set(heard.values())) == 4


def test_a_bell_rings_and_a_closed_one_is_said() -> None:
    stream = io.StringIO()
    BellBuzzer(stream).beep("warned")
    assert stream.getvalue() == "\a\a"
    stream.close()
    with pytest.raises(SignalError):
        BellBuzzer(stream).beep("approved")


def test_a_silent_buzzer_never_holds_up_a_sale() -> None:
    class Heard:
        def __init__(self, *, broken: bool = False) -> None:
            self.sounds: list[Sound] = []
            self._broken = broken

        def beep(self, sound: Sound) -> None:
            if self._broken:
                raise SignalError("not connected")
            self.sounds.append(sound)

    heard, said = Heard(), Said("好", "Well")
    result = Result(1, "declined", "declined", 0, 0, 0, said, said, 0)
    Beeps(heard).tell(Outcome(False, result))
    Beeps(Heard(broken=True)).tell(Outcome(False, result))
    assert heard.sounds == ["declined"]


def test_without_pyserial_the_command_that_brings_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(MissingExtra, match=r'pip install "ecard-devices\[serial\]"'):
        SerialLine.open("/dev/ttyUSB0")
