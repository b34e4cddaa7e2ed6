"""What a cardholder looks at."""

from typing import Protocol, TextIO

from devices.core.money import format_minor
from devices.master.screen import Screen


class Display(Protocol):
    """Shows what the master control says; called on every change, and must not block for long."""

    def show(self, screen: Screen) -> None:
        """Draw this state in place of the last one."""
        ...


class LineDisplay:
    """A two-line pole display, or a console: the amount, then the result in one language."""

    def __init__(self, stream: TextIO, *, language: str = "zh") -> None:
        self._stream = stream
        self._language = language

    def show(self, screen: Screen) -> None:
        """Write both lines and flush."""
        result = screen.result
        shown_minor = result.amount_minor if result is not None else screen.amount_minor
        said = result.sentence.in_language(self._language) if result is not None else screen.phase.value
        self._stream.write(f"{format_minor(shown_minor)}\n{said}\n")
        self._stream.flush()
