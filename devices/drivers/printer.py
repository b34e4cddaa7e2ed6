"""Receipt printers: ESC/POS by python-escpos (extra `printer`), Chinese in GB18030."""

import termios
import unicodedata
from typing import Any, Protocol, Self

import msgspec

from devices.drivers.extras import load

MAX_LINES = 500
MAX_LINE_CHARACTERS = 200
TIMEOUT_S = 2.0
_START = b"\x1b@\x1c&"
"""Reset (ESC @), then Chinese characters on (FS &): two bytes above 0x80 are one character of GB18030."""


class Receipt(msgspec.Struct, frozen=True):
    """Lines of text, as wide as the paper; longer ones wrap. `cut`: the paper is cut behind it."""

    lines: tuple[str, ...]
    cut: bool = True


class PrinterError(Exception):
    """It is not sure that all of it was printed: out of paper, pulled out, or switched off; `args[0]` says which."""


class Printer(Protocol):
    """Anything that prints a receipt."""

    def print(self, receipt: Receipt) -> None:
        """All of it, or PrinterError; takes seconds, so never within a tap."""
        ...


class EscposPrinter:
    """Use `serial`, `network` or `file`. Set the printer to GB18030, as those sold in China are.

    Where the printer answers, it is asked for paper (DLE EOT 4) first, and again behind the last line: the roll may
    have ended in the middle. A device file cannot be asked.
    """

    def __init__(self, device: Any, *, answers: bool) -> None:
        self._device, self._answers = device, answers
        self._errors = (load("escpos.exceptions", extra="printer", needs="python-escpos").Error, OSError, termios.error)

    @classmethod
    def serial(cls, path: str, *, baud: int = 9_600) -> Self:
        """At a serial line. Raises PrinterError or MissingExtra."""
        load("serial", extra="printer", needs="pyserial")
        return cls(_printers().Serial(path, baudrate=baud, timeout=TIMEOUT_S, dsrdtr=False), answers=True)

    @classmethod
    def network(cls, host: str, *, port: int = 9_100) -> Self:
        """On the network. Raises MissingExtra."""
        return cls(_printers().Network(host, port=port, timeout=TIMEOUT_S), answers=True)

    @classmethod
    def file(cls, path: str) -> Self:
        """A device file like /dev/usb/lp0. Raises MissingExtra."""
        return cls(_printers().File(path), answers=False)

    def print(self, receipt: Receipt) -> None:
        """Connects for each receipt, so that a printer switched off and on again works. Raises PrinterError."""
        try:
            self._device.open()
            try:
                self._look_for_paper("out of paper: put in a new roll")
                self._device._raw(encode(receipt))
                if receipt.cut:
                    self._device.cut()
                self._look_for_paper("the paper ended in the middle: put in a new roll, and print it again")
            finally:
                self._device.close()
        except self._errors as error:
            raise PrinterError(f"the printer is not there: {error}") from error

    def _look_for_paper(self, trouble: str) -> None:
        if self._answers and self._device.paper_status() == 0:
            raise PrinterError(trouble)


def encode(receipt: Receipt) -> bytes:
    """The bytes of the text: GB18030, and of control characters none, whatever a name contains. Raises PrinterError."""
    if len(receipt.lines) > MAX_LINES:
        raise PrinterError(f"a receipt has at most {MAX_LINES} lines")
    lines = (_plain(line)[:MAX_LINE_CHARACTERS].encode("gb18030", "replace") for line in receipt.lines)
    return _START + b"".join(line + b"\n" for line in lines)


def columns(text: str) -> int:
    """How wide it prints: a Chinese character takes two columns of the usual 32 or 48."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def _plain(line: str) -> str:
    return "".join(each for each in line if unicodedata.category(each)[0] != "C")


def _printers() -> Any:
    return load("escpos.printer", extra="printer", needs="python-escpos")
