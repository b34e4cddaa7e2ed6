"""One loop for every kind of device: something is presented, the kind says what for, the master control decides."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from devices.core.journal import Facts
from devices.master.screen import Controls, Outcome, Said

T = TypeVar("T")


class Kind(Protocol):
    """A profile: all three are called in turn within one presentation, and must not block for longer than a second."""

    def prepare(self, controls: Controls) -> None:
        """Before a presentation is decided: set what it shall pay. Raises NotYet where there is nothing to pay for."""
        ...

    def facts(self) -> Facts | None:
        """What to write beside the record."""
        ...

    def after(self, controls: Controls, outcome: Outcome) -> None:
        """After it: open, dispense, or put things back. Not called for another picture of the same tap."""
        ...


class Signal(Protocol):
    """A lamp, a buzzer, a relay, a printer: told every outcome that is new."""

    def tell(self, outcome: Outcome) -> None:
        """Short; whatever takes long runs by itself."""
        ...


class NotYet(Exception):
    """Nothing can be paid for yet: an empty scale, no order. `said` is put on the screen; None where it is there."""

    def __init__(self, said: Said | None = None) -> None:
        super().__init__(said.en if said is not None else "")
        self.said = said


class Plain:
    """A canteen's till: the cashier has set what the next tap pays."""

    def prepare(self, controls: Controls) -> None:
        """Nothing to do."""

    def facts(self) -> Facts | None:
        """Nothing to add."""
        return None

    def after(self, controls: Controls, outcome: Outcome) -> None:
        """Nothing to do."""


class Device:
    """The loop; `scanned` and `tapped` may be called from any reader's thread, one presentation goes at a time."""

    def __init__(self, controls: Controls, kind: Kind | None = None, *, signals: Sequence[Signal] = ()) -> None:
        self.controls = controls
        self.kind: Kind = kind or Plain()
        self._signals = tuple(signals)
        self._turn = threading.Lock()

    def scanned(self, text: str) -> Outcome | None:
        """A text from a scanner or camera; None where nothing can be paid for yet."""
        with self._turn:
            if not self._ready():
                return None
            return self._after(self.controls.scan(text, facts=self.kind.facts()))

    def tapped(self, uid: bytes) -> Outcome | None:
        """A card's number from a reader."""
        with self._turn:
            if not self._ready():
                return None
            return self._after(self.controls.tap_card(uid, facts=self.kind.facts()))

    def between(self, look: Callable[[Controls], T]) -> T | None:
        """What a kind does to the screen by itself; None, and nothing, while something is presented.

        An amount that is set in the middle of that would be another one than is paid, or take the answer away.
        """
        if not self._turn.acquire(blocking=False):
            return None
        try:
            return look(self.controls)
        finally:
            self._turn.release()

    def _ready(self) -> bool:
        try:
            self.kind.prepare(self.controls)
        except NotYet as wait:
            if wait.said is not None:
                self.controls.not_yet(wait.said)
            return False
        return True

    def _after(self, outcome: Outcome) -> Outcome:
        if not outcome.same_tap:
            self.kind.after(self.controls, outcome)
            for signal in self._signals:
                signal.tell(outcome)
        return outcome
