"""Why a terminal is not enrolled, changed or answered. Nothing was changed, except where a wrong guess is counted."""

from __future__ import annotations

from enum import StrEnum


class TerminalError(Exception):
    """The family."""


class BadTerminal(TerminalError):
    """The administrator gave settings that no terminal can have; `args[0]` says which."""


class EnrolmentWhy(StrEnum):
    """The `error` word of a refused enrolment; part of the API."""

    CODE = "code"
    """No such code, or guessed at too often: the two are not told apart."""
    EXPIRED = "expired"
    USED = "used"
    KEY = "key"


class EnrolmentRefused(TerminalError):
    """Whoever typed the code is at fault (or the device, for KEY); `why` is the word, the text is for a log."""

    def __init__(self, why: EnrolmentWhy, detail: str) -> None:
        super().__init__(detail)
        self.why = why


class SnapshotBusy(TerminalError):
    """Changes are written faster than they could be numbered: the terminal asks again later."""
