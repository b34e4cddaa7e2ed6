"""A serial scale, over a real pair of pseudo-terminals."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.drivers.clock import SystemClock
from devices.drivers.scale import Overload, ScaleError, SerialScale, Weight, read_line
from devices.drivers.serial_line import SerialLine
from tests.support.wire import Wire


@pytest.mark.parametrize(
    ("line", "weight"),
    [
        ("ST,GS,+  0.350kg", Weight(350, True)),
        ("US,GS,+  0.351kg", Weight(351, False)),
        ("ST,NT,-  0.020kg", Weight(-20, True)),
        ("ST,+00350.0  g", Weight(350, True)),
        ("ST,GS   0.350,kg", Weight(350, True)),
        ("ST,GS,   1.2345kg", Weight(1235, True)),
        ("ST,GS,+     0kg", Weight(0, True)),
    ],
)
def test_the_forms_of_the_format_are_read(line: str, weight: Weight) -> None:
    assert read_line(line.encode()) == weight


@pytest.mark.parametrize(
    "line",
    ["", "GS,+  0.350kg", "ST,GS,+  0.35", "ST,GS,+  0.350lb", "ST,GS,+  0.3 0kg", "ST,GS,+9999999kg", "ST,GS,+ .kg"],
)
def test_a_cut_or_foreign_line_is_no_weight(line: str) -> None:
    assert read_line(line.encode()) is None


@given(st.binary(max_size=40))
def test_noise_never_breaks_the_reading(noise: bytes) -> None:
    if not noise.strip(b" ").startswith(b"OL,"):
        read_line(noise)


@pytest.mark.parametrize("line", ["OL,GS,+999.999kg", "OL,GS,+  -----kg", "OL,+9999999E+19", "OL,GS,        ,kg"])
def test_an_overload_is_known_whatever_stands_for_the_number(line: str) -> None:
    with pytest.raises(Overload):
        read_line(line.encode())


class Slow(SystemClock):
    """A tenth as fast, so that a busy machine is not taken for a silent scale."""

    def monotonic_ms(self) -> int:
        return super().monotonic_ms() // 10


def patient(line: SerialLine, *, ask: bytes = b"") -> SerialScale:
    return SerialScale(line, ask=ask, clock=Slow())


def test_a_stable_weight_is_believed_when_said_twice(wire: Wire, line: SerialLine) -> None:
    wire.repeat(b"ST,GS,+  0.350kg\r\n")
    assert patient(line).read() == Weight(350, True)


def test_a_flipped_digit_is_not_charged(wire: Wire, line: SerialLine) -> None:
    """The format has no checksum: a garbled line differs from the one after it."""

    said = iter(("0.350", "8.350", "0.350", "0.350"))

    def act(stop: threading.Event) -> None:
        while not stop.is_set():
            if wire.received(within_s=0.1):
                wire.send(f"ST,GS,+  {next(said)}kg\r\n".encode())

    wire.play(act)
    assert patient(line, ask=b"Q\r\n").read() == Weight(350, True)


def test_cut_lines_are_passed_over(wire: Wire, line: SerialLine) -> None:
    wire.repeat(b" 0.350kg\r\nST,GS,+  0.3\r\nST,GS,+  0.420kg\r\n")
    assert patient(line).read() == Weight(420, True)


def test_a_moving_weight_is_told_as_such(wire: Wire, line: SerialLine) -> None:
    wire.repeat(b"US,GS,+  0.350kg\r\n")
    assert patient(line).read() == Weight(350, False)


class Jittering:
    """A line at which 350 g and 351 g are said by turns, five times a second; and the clock beside it."""

    def __init__(self) -> None:
        self.ms = 0

    def monotonic_ms(self) -> int:
        return self.ms

    wall_ms = monotonic_ms

    def read(self, _limit: int) -> bytes:
        self.ms += 200
        return f"ST,GS,+  0.35{self.ms // 200 % 2}kg\r\n".encode()

    def write(self, data: bytes) -> None:
        pass

    def discard(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_weight_that_jitters_though_it_is_called_stable_is_moving() -> None:
    line = Jittering()
    assert SerialScale(line, clock=line).read() == Weight(351, stable=False)


def test_what_was_said_before_the_question_does_not_count(wire: Wire, line: SerialLine) -> None:
    wire.send(b"ST,GS,+  9.000kg\r\n" * 20)
    assert line.read(1) == b"S"
    wire.repeat(b"ST,GS,+  0.350kg\r\n")
    assert patient(line).read() == Weight(350, True)


def test_a_scale_that_only_answers_is_asked(wire: Wire, line: SerialLine) -> None:
    def act(stop: threading.Event) -> None:
        while not stop.is_set():
            if wire.received(within_s=0.1) == b"Q\r\n":
                wire.send(b"ST,+00350.0  g\r\n")

    wire.play(act)
    assert patient(line, ask=b"Q\r\n").read() == Weight(350, True)


def test_an_overload_is_said_to_whoever_stands_there(wire: Wire, line: SerialLine) -> None:
    wire.repeat(b"OL,GS,+999.999kg\r\n")
    with pytest.raises(ScaleError, match="too much"):
        patient(line).read()


def test_a_silent_scale_is_told_within_a_second(hasty_line: SerialLine) -> None:
    with pytest.raises(ScaleError, match="silent"):
        SerialScale(hasty_line).read()


def test_a_scale_that_is_pulled_out_is_told(wire: Wire, line: SerialLine) -> None:
    wire.pull()
    with pytest.raises(ScaleError, match="not connected"):
        SerialScale(line).read()
