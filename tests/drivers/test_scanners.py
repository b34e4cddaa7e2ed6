"""Serial and keyboard-wedge scanners."""

from __future__ import annotations

import fcntl
import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.drivers import scanner
from devices.drivers.scanner import LineScanner, ScannerError, SerialScanner, WedgeScanner
from devices.drivers.serial_line import SerialLine
from tests.support.wire import Wire

CODE = "C1EC AB $%*+-./: 9"
"""Every kind of character a code has; spaces count."""


def test_a_code_arrives_as_it_was_sent(wire: Wire, hasty_line: SerialLine) -> None:
    texts = SerialScanner(hasty_line).texts()
    for end in (b"\r\n", b"\r", b"\n", b""):
        wire.send(CODE.encode() + end)
        assert next(texts) == CODE


def test_spaces_at_the_ends_are_part_of_the_code(wire: Wire, line: SerialLine) -> None:
    wire.send(b"  C1EC  \r\n")
    assert next(SerialScanner(line).texts()) == "  C1EC  "


def test_the_half_of_a_cut_code_never_becomes_the_start_of_the_next(wire: Wire, hasty_line: SerialLine) -> None:
    texts = SerialScanner(hasty_line).texts()
    wire.send(CODE[:7].encode())
    assert next(texts) == CODE[:7]
    wire.send(CODE.encode() + b"\r\n")
    assert next(texts) == CODE


def test_two_codes_at_once_are_two(wire: Wire, line: SerialLine) -> None:
    texts = SerialScanner(line).texts()
    wire.send(b"one\r\ntwo\r\n")
    assert [next(texts), next(texts)] == ["one", "two"]


def test_a_garbled_byte_makes_no_other_code_of_it(wire: Wire, line: SerialLine) -> None:
    wire.send(b"C1E\xc3A\r\n")
    assert next(SerialScanner(line).texts()) == "C1E\ufffdA"


def test_a_flood_without_end_fills_no_memory(wire: Wire, line: SerialLine) -> None:
    texts = SerialScanner(line).texts()

    def flood(_stop: object) -> None:
        for _ in range(20):
            wire.send(b"x" * 512)
        wire.send(b"\r\nshort\r\n")

    wire.play(flood)
    assert next(texts) == "short"


def test_the_texts_end_when_the_plug_is_pulled(wire: Wire, line: SerialLine) -> None:
    texts = SerialScanner(line).texts()
    wire.send(b"last\r\n")
    assert next(texts) == "last"
    wire.pull()
    assert list(texts) == []


def test_a_text_stream_is_a_scanner_too() -> None:
    assert list(LineScanner(io.StringIO(f"\n{CODE}\r\n\nnext\n")).texts()) == [CODE, "next"]


def test_a_garbled_byte_in_a_text_stream_does_not_end_the_scanner() -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"C1E\xffA\nnext\n"), encoding="utf-8")
    assert list(LineScanner(stream).texts()) == ["C1E\ufffdA", "next"]


# A keyboard wedge, as the kernel tells its keys

PLAIN, SHIFTED = scanner._PLAIN, scanner._SHIFTED


def typed(text: str) -> bytes:
    return b"".join(_presses(text)) + press(28)


def _presses(text: str) -> Iterator[bytes]:
    for each in text:
        plain = [key for key, char in PLAIN.items() if char == each]
        if plain:
            yield press(plain[0])
        else:
            (key,) = [key for key, char in SHIFTED.items() if char == each]
            yield event(1, 42, 1) + press(key) + event(1, 42, 0)


def event(kind: int, key: int, value: int) -> bytes:
    return struct.pack("llHHi", 1_700_000_000, 0, kind, key, value)


def press(key: int) -> bytes:
    """A scan code, down, a repeat by the kernel, up: what a keyboard really says."""
    return event(4, 4, key) + event(1, key, 1) + event(0, 0, 0) + event(1, key, 2) + event(1, key, 0) + event(0, 0, 0)


def test_a_wedge_types_every_character_of_a_code() -> None:
    text = "C1EC0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
    keys = WedgeScanner(io.BytesIO(typed(text) + typed(CODE)))
    assert list(keys.texts()) == [text, CODE]


def test_a_key_that_is_no_character_leaves_a_mark_instead_of_a_gap() -> None:
    assert list(WedgeScanner(io.BytesIO(press(30) + press(59) + press(48) + press(28))).texts()) == ["a\ufffdb"]


def test_a_wedge_that_is_pulled_out_amid_an_event_ends() -> None:
    assert list(WedgeScanner(io.BytesIO(typed("AB") + event(1, 30, 1)[:9])).texts()) == ["AB"]
    read, write = os.pipe()
    os.close(write)
    gone = WedgeScanner(os.fdopen(read, "rb", buffering=0))
    gone.close()
    assert list(gone.texts()) == []


def test_a_wedge_types_into_no_other_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(fcntl, "ioctl", lambda _handle, request, value: asked.append((request, value)))
    (tmp_path / "event0").write_bytes(typed(CODE))
    found = WedgeScanner.open(str(tmp_path / "event0"))
    assert list(found.texts()) == [CODE]
    assert asked == [(0x40044590, 1)]
    found.close()


def test_what_is_no_input_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(ScannerError, match="is it an input device"):
        WedgeScanner.open(str(tmp_path / "plain"))
    with pytest.raises(ScannerError, match="No such file"):
        WedgeScanner.open(str(tmp_path / "none"))
