"""Receipts on paper: what goes over the line is read again as a printer would."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.drivers.extras import MissingExtra
from devices.drivers.printer import (
    OUT_OF_PAPER,
    PAPER_ENDED,
    SILENT,
    EscposPrinter,
    PrinterError,
    Receipt,
    columns,
    encode,
)
from tests.support.wire import Wire

RECEIPT = Receipt(("一食堂 · 小票", "红烧肉        8.00", "𠮷 €"))
CUT = b"\x1dV\x00"
ASK_PAPER = b"\x10\x04\x04"
PAPER, NO_PAPER = b"\x12", b"\x72"
WAIT_S = 30


def read_paper(data: bytes) -> list[str]:
    """As a printer set to GB18030 prints it."""
    _, _, text = data.partition(b"\x1b@\x1c&")
    text, _, _ = text.partition(b"\x1bd")
    return text.decode("gb18030").splitlines()


class OnTheNetwork:
    """A printer at a port of this machine."""

    def __init__(self, *paper: bytes) -> None:
        self.paper = list(paper)
        self.got = b""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self.server.accept()
        with connection:
            while data := connection.recv(4_096):
                self.got += data
                if ASK_PAPER in data:
                    connection.sendall(self.paper.pop(0))
        self.ended.set()


@pytest.fixture
def printer(monkeypatch: pytest.MonkeyPatch) -> Iterator[OnTheNetwork]:
    monkeypatch.setattr("devices.drivers.printer.TIMEOUT_S", WAIT_S)
    made = OnTheNetwork(PAPER, PAPER)
    yield made
    made.server.close()


def test_a_chinese_receipt_is_printed_and_cut(printer: OnTheNetwork) -> None:
    EscposPrinter.network("127.0.0.1", port=printer.port).print(RECEIPT)
    assert printer.ended.wait(WAIT_S)
    assert read_paper(printer.got) == list(RECEIPT.lines)
    assert printer.got.endswith(CUT + ASK_PAPER)


def test_a_receipt_may_stay_uncut(printer: OnTheNetwork) -> None:
    EscposPrinter.network("127.0.0.1", port=printer.port).print(Receipt(("a",), cut=False))
    assert printer.ended.wait(WAIT_S)
    assert CUT not in printer.got


def test_without_paper_nothing_is_printed_and_that_is_said(printer: OnTheNetwork) -> None:
    printer.paper = [NO_PAPER]
    with pytest.raises(PrinterError) as raised:
        EscposPrinter.network("127.0.0.1", port=printer.port).print(RECEIPT)
    assert raised.value.said == OUT_OF_PAPER
    assert printer.ended.wait(WAIT_S)
    assert printer.got == ASK_PAPER


def test_paper_that_ends_in_the_middle_of_a_slip_is_said(printer: OnTheNetwork) -> None:
    printer.paper = [PAPER, NO_PAPER]
    with pytest.raises(PrinterError) as raised:
        EscposPrinter.network("127.0.0.1", port=printer.port).print(RECEIPT)
    assert raised.value.said == PAPER_ENDED


def wait_in_short_tries(monkeypatch: pytest.MonkeyPatch, *, tries: int = 300) -> None:
    """A serial line waits all of a try, also where the answer came at once."""
    monkeypatch.setattr("devices.drivers.printer.TIMEOUT_S", 0.1)
    monkeypatch.setattr("devices.drivers.printer._TRIES", tries)


def test_a_printer_at_a_serial_line_prints_the_same(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_in_short_tries(monkeypatch)
    done = threading.Event()
    got = bytearray()

    def act(stop: threading.Event) -> None:
        while not stop.is_set() and not got.endswith(CUT + ASK_PAPER):
            data = wire.received(within_s=0.2)
            got.extend(data)
            if ASK_PAPER in data:
                wire.send(PAPER)
        done.set()

    wire.play(act)
    EscposPrinter.serial(wire.path).print(RECEIPT)
    assert done.wait(WAIT_S)
    assert read_paper(bytes(got)) == list(RECEIPT.lines)


def test_a_printer_that_is_switched_off_at_a_serial_line_has_printed_nothing(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_in_short_tries(monkeypatch, tries=2)
    with pytest.raises(PrinterError) as raised:
        EscposPrinter.serial(wire.path).print(RECEIPT)
    assert raised.value.said == SILENT
    assert wire.received(until=len(ASK_PAPER)) == ASK_PAPER


def test_a_printer_that_cannot_answer_is_not_asked(wire: Wire) -> None:
    EscposPrinter.serial(wire.path, answers=False).print(RECEIPT)
    assert read_paper(wire.received(until=len(encode(RECEIPT)))) == list(RECEIPT.lines)


def test_a_printer_at_a_device_file_prints_the_same(tmp_path: Path) -> None:
    (tmp_path / "lp0").touch()
    EscposPrinter.file(str(tmp_path / "lp0")).print(RECEIPT)
    assert read_paper((tmp_path / "lp0").read_bytes()) == list(RECEIPT.lines)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # escpos leaves its socket to be found
def test_a_printer_that_is_not_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for absent in (EscposPrinter.network("127.0.0.1", port=port), EscposPrinter.serial("/dev/ttyNone")):
        with pytest.raises(PrinterError, match="does not answer") as raised:
            absent.print(RECEIPT)
        assert raised.value.said.zh.startswith(SILENT.zh)


def test_a_name_cannot_send_the_printer_commands() -> None:
    data = encode(Receipt(("张\x1b@\x1dV\x00三\n\r\x10\x04",)))
    assert data == b"\x1b@\x1c&" + "张@V三\x04".replace("\x04", "").encode("gb18030") + b"\n"


def test_a_receipt_has_its_limits() -> None:
    with pytest.raises(PrinterError, match="500"):
        encode(Receipt(("a",) * 501))
    assert len(encode(Receipt(("菜" * 10_000,)))) < 1_000


def test_a_chinese_character_takes_two_columns() -> None:
    assert columns("红烧肉 8.00") == 11


def test_without_escpos_the_command_that_brings_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "escpos" or name.startswith("escpos.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "escpos", None)
    with pytest.raises(MissingExtra, match=r'pip install "ecard-devices\[printer\]"'):
        EscposPrinter.network("127.0.0.1")
