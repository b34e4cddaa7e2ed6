"""Buzzers and relays: what a person hears, and what opens a door."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TextIO

from devices.drivers.serial_line import Line, LineGone
from devices.master.screen import Outcome, Sound

MAX_PULSE_MS = 60_000
BEEPS_MS: Mapping[Sound, tuple[int, ...]] = {
    "approved": (80,),
    "warned": (80, 80),
    "declined": (400,),
    "reversed": (80, 80, 80),
}
"""How long each tone lasts; between two there are GAP_MS."""
GAP_MS = 80

Sleep = Callable[[float], None]


class SignalError(Exception):
    """The relay or buzzer is not there: the hardware, or whoever connected it."""


class Buzzer(Protocol):
    """Anything that sounds."""

    def beep(self, sound: Sound) -> None:
        """Within half a second. Raises SignalError."""
        ...


class Relay(Protocol):
    """A contact that closes: a turnstile's arm, a door's lock."""

    def pulse(self, ms: int) -> None:
        """Close it for so long, then open it again. Raises SignalError."""
        ...


class SerialRelay:
    """A USB relay board of the LCUS family (CH340), 9600 baud.

    A command is four bytes: A0, the channel from 1, 1 for on or 0 for off, and the low byte of their sum. The board
    answers nothing: that the contact moved is not known. Off is sent twice, since a door left open is the worse fault.
    """

    def __init__(self, line: Line, *, channel: int = 1, sleep: Sleep = time.sleep) -> None:
        if not 1 <= channel <= 8:
            raise ValueError("a board has channels 1 to 8")
        self._line, self._channel, self._sleep = line, channel, sleep

    def pulse(self, ms: int) -> None:
        """Raises SignalError where the line is gone."""
        length_s = _pulse_s(ms)
        try:
            self._line.write(relay_command(channel=self._channel, on=True))
            try:
                self._sleep(length_s)
            finally:
                for _ in range(2):
                    self._line.write(relay_command(channel=self._channel, on=False))
        except LineGone as error:
            raise SignalError("the relay is not connected") from error


def relay_command(*, channel: int, on: bool) -> bytes:
    """The board's four bytes."""
    return bytes([0xA0, channel, int(on), (0xA0 + channel + int(on)) & 0xFF])


class GpioRelay:
    """A pin of the board itself, by the kernel's sysfs (`/sys/class/gpio/gpio17/value`), exported as output before."""

    def __init__(self, value: Path, *, active_low: bool = False, sleep: Sleep = time.sleep) -> None:
        self._value, self._active_low, self._sleep = value, active_low, sleep

    def pulse(self, ms: int) -> None:
        """Raises SignalError where the pin cannot be written."""
        length_s = _pulse_s(ms)
        try:
            self._write(on=True)
            try:
                self._sleep(length_s)
            finally:
                self._write(on=False)
        except OSError as error:
            raise SignalError(f"{self._value}: {error.strerror}") from error

    def _write(self, *, on: bool) -> None:
        with self._value.open("r+b", buffering=0) as pin:
            pin.write(b"1" if on != self._active_low else b"0")


class RelayBuzzer:
    """A buzzer behind a relay: one tone for yes, two for yes with a warning, a long one for no, three for undone."""

    def __init__(self, relay: Relay, *, sleep: Sleep = time.sleep) -> None:
        self._relay, self._sleep = relay, sleep

    def beep(self, sound: Sound) -> None:
        """Raises SignalError."""
        for number, ms in enumerate(BEEPS_MS[sound]):
            if number:
                self._sleep(GAP_MS / 1000)
            self._relay.pulse(ms)


class BellBuzzer:
    """A console's or a pole display's own bell (BEL), as many times as there would be tones."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def beep(self, sound: Sound) -> None:
        """Write and flush. Raises SignalError."""
        try:
            self._stream.write("\a" * len(BEEPS_MS[sound]))
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise SignalError("the bell is not connected") from error


class Beeps:
    """Plays each outcome's sound; a `kinds.base.Signal`. A silent buzzer never holds up a sale."""

    def __init__(self, buzzer: Buzzer) -> None:
        self._buzzer = buzzer

    def tell(self, outcome: Outcome) -> None:
        """Short."""
        try:
            self._buzzer.beep(outcome.result.sound)
        except SignalError:
            return


def _pulse_s(ms: int) -> float:
    if not 0 < ms <= MAX_PULSE_MS:
        raise ValueError(f"a pulse is 1 to {MAX_PULSE_MS} ms")
    return ms / 1000
