"""A serial line, over a real pair of pseudo-terminals."""

from __future__ import annotations

import pytest

from devices.drivers.serial_line import LineGone, SerialLine, Split
from tests.support.wire import Wire


def test_bytes_go_both_ways_unchanged(wire: Wire, line: SerialLine) -> None:
    everything = bytes(range(256))
    wire.send(everything)
    found = b""
    while len(found) < 256:
        found += line.read(64)
    assert found == everything
    line.write(everything)
    assert wire.received(until=256) == everything


def test_a_read_gives_what_has_come_and_never_more_than_asked(wire: Wire, line: SerialLine) -> None:
    wire.send(b"abc")
    assert line.read(2) == b"ab"
    assert line.read(100) == b"c"


def test_silence_is_an_empty_read(hasty_line: SerialLine) -> None:
    assert hasty_line.read(10) == b""


def test_discarding_forgets_what_was_not_read(wire: Wire, line: SerialLine) -> None:
    wire.send(b"old")
    assert line.read(1) == b"o"
    line.discard()
    wire.send(b"new")
    assert line.read(10) == b"new"


def test_a_pulled_plug_is_said(wire: Wire, line: SerialLine) -> None:
    wire.pull()
    with pytest.raises(LineGone):
        line.read(10)
    with pytest.raises(LineGone):
        line.write(b"x")


def test_a_closed_line_gives_nothing_more(line: SerialLine) -> None:
    line.close()
    line.close()
    with pytest.raises(LineGone):
        line.read(1)
    with pytest.raises(LineGone):
        line.write(b"x")
    with pytest.raises(LineGone):
        line.discard()


def test_a_line_that_is_not_there_names_itself() -> None:
    with pytest.raises(LineGone, match="/dev/ttyNone"):
        SerialLine.open("/dev/ttyNone")


def test_a_line_belongs_to_one_driver(wire: Wire, line: SerialLine) -> None:
    with pytest.raises(LineGone):
        SerialLine.open(wire.path)


def test_pieces_are_cut_wherever_the_bytes_were() -> None:
    split = Split(ends=b"\r\n", limit=10)
    found = [piece for byte in b"ab\r\n\r\ncd\nef" for piece in split.feed(bytes([byte]))]
    assert found == [b"ab", b"cd"]
    assert split.rest() == b"ef"
    assert split.feed(b"gh\n") == [b"gh"]


def test_a_piece_that_grows_too_long_is_given_up_whole() -> None:
    split = Split(ends=b"\n", limit=4)
    assert split.feed(b"12345\n1234\n") == [b"1234"]
    split.feed(b"1234567")
    assert split.rest() == b""
    assert split.feed(b"ok\n") == [b"ok"]
