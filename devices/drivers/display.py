"""What a cardholder looks at."""

from typing import Protocol, TextIO

from devices.core.money import format_minor
from devices.master.screen import Phase, Said, Screen

_SHOW = Said("请出示付款码", "Please show your code")
_WAIT = Said("请稍候", "One moment, please")


class Display(Protocol):
    """Shows what the master control says; called on every change, and must not block for long."""

    def show(self, screen: Screen) -> None:
        """Draw this state in place of the last one."""
        ...


class LineDisplay:
    """A two-line pole display, or a console: the amount, then the result or what to do now, in one language."""

    def __init__(self, stream: TextIO, *, language: str = "zh") -> None:
        self._stream = stream
        self._language = language

    def show(self, screen: Screen) -> None:
        """Write both lines and flush."""
        result = screen.result
        shown_minor = result.amount_minor if result is not None else screen.amount_minor
        said = result.sentence if result is not None else _idle(screen)
        self._stream.write(f"{format_minor(shown_minor)}\n{said.in_language(self._language)}\n")
        self._stream.flush()


def _idle(screen: Screen) -> Said:
    """While it sells, a notice is the cashier's business, as what to enter is."""
    if screen.phase in (Phase.BOOTING, Phase.UNENROLLED, Phase.STOPPED):
        return screen.notice or _WAIT
    return _SHOW if screen.amount_minor or screen.mode in ("identity", "pass") else _WAIT
