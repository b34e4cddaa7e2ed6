"""Receipt printers: ESC/POS by python-escpos (extra `printer`), Chinese in GB18030."""

import termios
import unicodedata
from typing import Any, Protocol, Self

import msgspec

from devices.drivers.extras import load
from devices.master.screen import Said

MAX_LINES = 500
MAX_LINE_CHARACTERS = 200
TIMEOUT_S = 0.5
"""For one try at reading an answer, all of which a serial line waits; a connection has `_TRIES` of it to stand."""
_START = b"\x1b@\x1c&"
"""Reset (ESC @), then Chinese characters on (FS &): two bytes above 0x80 are one character of GB18030."""
_TRIES = 4
_ASK_PAPER, _NO_PAPER = b"\x10\x04\x04", 0x60
OUT_OF_PAPER = Said("缺纸，请装入新纸卷", "out of paper: put in a new roll")
PAPER_ENDED = Said(
    "打印中途纸用完了，请装入新纸卷后重印", "the paper ended in the middle: put in a new roll, and print it again"
)
SILENT = Said(
    "打印机没有应答，请检查电源、纸仓盖和连接线",
    "the printer does not answer: check its power, its cover and its cable",
)
TOO_LONG = Said(f"一张小票最多 {MAX_LINES} 行", f"a receipt has at most {MAX_LINES} lines")


class Receipt(msgspec.Struct, frozen=True):
    """Lines of text, as wide as the paper; longer ones wrap. `cut`: the paper is cut behind it."""

    lines: tuple[str, ...]
    cut: bool = True


class PrinterError(Exception):
    """It is not sure that all of it was printed: out of paper, pulled out, or switched off; `said` says which."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.en)
        self.said = said


class Printer(Protocol):
    """Anything that prints a receipt."""

    def print(self, receipt: Receipt) -> None:
        """All of it, or PrinterError; takes seconds, so never within a tap."""
        ...


class EscposPrinter:
    """Use `serial`, `network` or `file`. Set the printer to GB18030, as those sold in China are.

    Where the printer answers, it is asked for paper (DLE EOT 4) first, and again behind the last line: the roll may
    have ended in the middle. Silence at first is a printer that is switched off; behind a long slip it may only be
    busy. A device file cannot be asked, nor can a printer that is told `answers=False`.
    """

    def __init__(self, device: Any, *, answers: bool) -> None:
        self._device, self._answers = device, answers
        self._errors = (load("escpos.exceptions", extra="printer", needs="python-escpos").Error, OSError, termios.error)

    @classmethod
    def serial(cls, path: str, *, baud: int = 9_600, answers: bool = True) -> Self:
        """At a serial line. Raises PrinterError or MissingExtra."""
        load("serial", extra="printer", needs="pyserial")
        return cls(_printers().Serial(path, baudrate=baud, timeout=TIMEOUT_S, dsrdtr=False), answers=answers)

    @classmethod
    def network(cls, host: str, *, port: int = 9_100, answers: bool = True) -> Self:
        """On the network. Raises MissingExtra."""
        return cls(_printers().Network(host, port=port, timeout=TIMEOUT_S * _TRIES), answers=answers)

    @classmethod
    def file(cls, path: str) -> Self:
        """A device file like /dev/usb/lp0. Raises MissingExtra."""
        return cls(_printers().File(path), answers=False)

    def print(self, receipt: Receipt) -> None:
        """Connects for each receipt, so that a printer switched off and on again works. Raises PrinterError."""
        try:
            self._device.open()
            try:
                self._look_for_paper(OUT_OF_PAPER, silent=SILENT)
                self._device._raw(encode(receipt))
                if receipt.cut:
                    self._device.cut()
                self._look_for_paper(PAPER_ENDED)
            finally:
                self._device.close()
        except self._errors as error:
            raise PrinterError(Said(f"{SILENT.zh}（{error}）", f"{SILENT.en} ({error})")) from error

    def _look_for_paper(self, out: Said, *, silent: Said | None = None) -> None:
        if not self._answers:
            return
        self._device._raw(_ASK_PAPER)
        answer: bytes = next(filter(None, (self._device._read() for _ in range(_TRIES))), b"")
        if not answer and silent is not None:
            raise PrinterError(silent)
        if answer and answer[-1] & _NO_PAPER == _NO_PAPER:
            raise PrinterError(out)


def encode(receipt: Receipt) -> bytes:
    """The bytes of the text: GB18030, and of control characters none, whatever a name contains. Raises PrinterError."""
    if len(receipt.lines) > MAX_LINES:
        raise PrinterError(TOO_LONG)
    lines = (_plain(line)[:MAX_LINE_CHARACTERS].encode("gb18030", "replace") for line in receipt.lines)
    return _START + b"".join(line + b"\n" for line in lines)


def columns(text: str) -> int:
    """How wide it prints: a Chinese character takes two columns of the usual 32 or 48."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def _plain(line: str) -> str:
    return "".join(each for each in line if unicodedata.category(each)[0] != "C")


def _printers() -> Any:
    return load("escpos.printer", extra="printer", needs="python-escpos")
