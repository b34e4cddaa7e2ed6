"""Why a top-up is refused. Nothing was posted."""

from __future__ import annotations


class TopUpRefused(Exception):
    """The family. `limit_minor` is the limit that was met, 0 where none was."""

    def __init__(self, limit_minor: int = 0) -> None:
        super().__init__(limit_minor)
        self.limit_minor = limit_minor


class AmountRefused(TopUpRefused):
    """The person at the desk typed nothing, less than nothing, or more than one top-up may bring."""


class PurseFull(TopUpRefused):
    """The purse would hold more than it may. Nobody's fault."""


class PurseClosed(TopUpRefused):
    """The cardholder's account is closed: the person at the desk chose the wrong one."""


class KeyReused(TopUpRefused):
    """The caller sent the key of another top-up: a bug there."""
