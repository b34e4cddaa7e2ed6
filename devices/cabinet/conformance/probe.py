"""One end of the line in the hands of a tester: say something, whole or damaged, and see what comes back in time."""

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from devices.cabinet.frames import Frames, Received, Unread, encode
from devices.cabinet.messages import Message
from devices.drivers.serial_line import Line

READ_BYTES = 512
M = TypeVar("M", bound=Message)


class Pace(msgspec.Struct, frozen=True):
    """How long the tester waits: for an answer, to be sure that none comes, for a repeat, for an order to be kept
    unanswered, for goods, for silence to be paid back, for an order to be taken back, for a person. `keeps_s` is how
    long an order must stand before that.
    """

    answer_s: float = 0.5
    none_s: float = 1.0
    repeat_s: float = 2.5
    unanswered_s: float = 5.0
    goods_s: float = 60.0
    silence_s: float = 15.0
    lapse_s: float = 105.0
    keeps_s: float = 85.0
    person_s: float = 120.0
    slack_s: float = 0.3


class Failed(Exception):
    """The other side did not do what the page says; the message says what."""


class Probe:
    """`notice` is told what a person has to do or look at."""

    def __init__(self, line: Line, *, pace: Pace, notice: Callable[[str], None]) -> None:
        self.pace, self.notice = pace, notice
        self._line = line
        self._frames = Frames()
        self._waiting: list[Received | Unread] = []
        self._sequence = 100

    def say(self, message: Message) -> int:
        """Send it; gives its sequence."""
        self._sequence = (self._sequence + 1) % 256
        self._line.write(encode(message, sequence=self._sequence))
        return self._sequence

    def raw(self, data: bytes) -> None:
        """Send just these bytes."""
        self._line.write(data)

    def answer(self, message: Message, kind: type[M], *, within_s: float | None = None) -> M:
        """Say it and take the answer that carries its sequence."""
        sequence = self.say(message)
        return self.expect(kind, sequence=sequence, within_s=within_s)

    def expect(
        self,
        kind: type[M],
        *,
        that: Callable[[M], bool] = lambda _message: True,
        sequence: int | None = None,
        within_s: float | None = None,
    ) -> M:
        """The first message of a kind that came or comes in time; others are passed over. Raises Failed."""
        within_s = (self.pace.answer_s if within_s is None else within_s) + self.pace.slack_s
        end_s = time.monotonic() + within_s
        while True:
            for place, each in enumerate(self._waiting):
                if isinstance(each, Received) and isinstance(each.message, kind) and that(each.message):
                    if sequence is not None and each.sequence != sequence:
                        continue
                    del self._waiting[: place + 1]
                    return each.message
            if time.monotonic() >= end_s:
                raise Failed(f"no {kind.__name__} within {within_s:.1f} s{self._heard()}")
            self._listen()

    def none(self, kind: type[M], *, that: Callable[[M], bool] = lambda _message: True, for_s: float = 0) -> None:
        """Nothing like it came or comes for a while. Raises Failed."""
        end_s = time.monotonic() + (for_s or self.pace.none_s)
        while True:
            for each in self._waiting:
                if isinstance(each, Received) and isinstance(each.message, kind) and that(each.message):
                    raise Failed(f"{each.message} should not have come")
            if time.monotonic() >= end_s:
                return
            self._listen()

    def forget(self) -> None:
        """What came until now is passed over."""
        self._listen()
        self._waiting.clear()

    def rest(self) -> None:
        """Let what is under way arrive, and forget it."""
        end_s = time.monotonic() + self.pace.answer_s
        while time.monotonic() < end_s:
            self.forget()

    def _listen(self) -> None:
        self._waiting += self._frames.feed(self._line.read(READ_BYTES))

    def _heard(self) -> str:
        names = [type(each.message).__name__ if isinstance(each, Received) else "nonsense" for each in self._waiting]
        return f"; heard {', '.join(names[-5:])}" if names else ""


class Check(msgspec.Struct, frozen=True):
    """One sentence that holds or not."""

    name: str
    run: Callable[[Probe], None]


def run_all(checks: list[Check], probe: Probe, *, tell: Callable[[str], None]) -> int:
    """Tell each check's outcome; gives how many failed."""
    failed = 0
    for check in checks:
        try:
            check.run(probe)
        except Failed as error:
            failed += 1
            tell(f"FAILED  {check.name}: {error}")
        else:
            tell(f"passed  {check.name}")
    tell(f"{len(checks) - failed} of {len(checks)} passed")
    return failed
