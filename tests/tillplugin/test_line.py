"""The register's side over a serial line, in memory and over a real pair of pseudo-terminals."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.cabinet.link import CabinetLink
from devices.core.checksum import crc16
from devices.drivers.serial_line import SerialLine
from devices.till.line import RegisterLine, decode, encode
from tests.docs.blocks import blocks
from tests.support.wire import Wire
from tests.tillplugin.conftest import Shop

FIELDS = st.lists(st.text("ABCdef012-_.", max_size=12), min_size=1, max_size=6)


@pytest.fixture
def line(shop: Shop) -> RegisterLine:
    return RegisterLine(shop.desk)


def _say(line: RegisterLine, *fields: str) -> list[list[str] | None]:
    return _read(line.pump(encode(*fields)))


def _read(data: bytes) -> list[list[str] | None]:
    return [decode(each) for each in data.split(b"\r\n") if each]


def test_a_line_looks_as_the_page_says() -> None:
    assert encode("SALE", "R-1001", "1250") == b"$SALE|R-1001|1250*%04X\r\n" % crc16(b"SALE|R-1001|1250")
    assert encode("HELLO") == b"$HELLO*49D6\r\n"


@given(FIELDS)
def test_every_line_comes_back(fields: list[str]) -> None:
    assert decode(encode(*fields).rstrip()) == fields


@given(FIELDS, st.data())
def test_a_line_with_up_to_three_bits_flipped_is_never_another_request(fields: list[str], data: st.DataObject) -> None:
    whole = bytearray(encode(*fields).rstrip())
    for bit in data.draw(st.sets(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=3)):
        whole[bit // 8] ^= 1 << bit % 8
    assert decode(bytes(whole)) in (None, fields)


def test_a_sale_over_the_line(shop: Shop, line: RegisterLine) -> None:
    assert _say(line, "HELLO") == [["READY", "1"]]
    assert _say(line, "SALE", "R-1", "1250") == [["STATE", "R-1", "waiting", "1250", "0", ""]]
    shop.tap(2)
    assert _read(line.pump(b"")) == [["STATE", "R-1", "declined", "1250", "0", "insufficient"]]
    shop.tap()
    assert _read(line.pump(b"")) == [["STATE", "R-1", "approved", "1250", "1250", "approved"]]
    assert _say(line, "SALE", "R-1", "1250") == [["STATE", "R-1", "approved", "1250", "1250", "approved"]]
    assert _say(line, "SALE", "R-1", "1251") == [["ERROR", "other_amount", "R-1"]]
    assert _say(line, "REVERSE", "R-1") == [["STATE", "R-1", "reversed", "1250", "0", "approved"]]
    assert shop.told() == ["sale 1250 R-1", "reversal 2 register"]


def test_an_approval_is_told_though_the_register_asks_for_the_next_sale_in_the_same_moment(
    shop: Shop, line: RegisterLine
) -> None:
    _say(line, "SALE", "R-1", "1250")
    shop.tap()
    assert _say(line, "SALE", "R-2", "300") == [
        ["STATE", "R-2", "waiting", "300", "0", ""],
        ["STATE", "R-1", "approved", "1250", "1250", "approved"],
    ]


@pytest.mark.parametrize(
    "fields",
    [("SALE", "R-1"), ("SALE", "R-1", "-5"), ("SALE", "R-1", "12.50"), ("NONSENSE",), ("ASK", "a", "b"), ("",)],
)
def test_what_is_not_understood_is_an_error(line: RegisterLine, fields: tuple[str, ...]) -> None:
    (answer,) = _say(line, *fields)
    assert answer is not None
    assert answer[:2] == ["ERROR", "bad_request"]


def test_a_damaged_line_is_not_answered_and_the_next_one_is(line: RegisterLine) -> None:
    damaged = encode("SALE", "R-1", "1250").replace(b"1250", b"9250")
    assert line.pump(damaged + b"\xff\xfe\r\n" + b"x" * 5_000) == b""
    assert _read(line.pump(b"\r\n" + encode("HELLO"))) == [["READY", "1"]]


def test_a_line_that_lost_its_end_does_not_take_the_next_one_with_it(line: RegisterLine) -> None:
    assert _read(line.pump(b"$SALE|R-1|12" + encode("HELLO"))) == [["READY", "1"]]


def test_over_a_real_pair_of_pseudo_terminals(shop: Shop, line: RegisterLine) -> None:
    wire = Wire()
    link = CabinetLink(lambda: SerialLine.open(wire.path, timeout_s=0.02), pump=line.pump)
    link.start()
    heard = b""
    for _ in range(20):  # as a register does: what comes while the port is being opened is lost
        wire.send(encode("SALE", "R-1", "1250"))
        heard = wire.received(until=30, within_s=0.5)
        if heard:
            break
    assert heard.startswith(b"$STATE|R-1|waiting|1250|0|*")
    shop.tap()
    end_s = time.monotonic() + 30
    while b"approved" not in heard and time.monotonic() < end_s:
        heard += wire.received(within_s=0.2)
    link.stop()
    wire.pull()
    assert encode("STATE", "R-1", "approved", "1250", "1250", "approved") in heard


def test_every_line_on_the_page_is_whole() -> None:
    (transcript,) = blocks("devices/TILL.md", "text")
    lines = [line.split(maxsplit=1)[1] for line in transcript.splitlines()]
    assert len(lines) == 5
    assert [decode(line.encode()) for line in lines if decode(line.encode()) is None] == []


def test_the_pages_program_opens_a_terminal_beside_a_register(tmp_path: Path) -> None:
    (program,) = blocks("devices/TILL.md", "python")
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102  # the page's own example
    terminal, device, server = names["beside_the_register"](tmp_path / "t", server_url="http://127.0.0.1:9", port=0)
    assert device.scanned("nothing is asked for") is None
    server.stop()
    terminal.close()
