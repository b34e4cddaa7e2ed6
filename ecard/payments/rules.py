"""What a top-up may be. Pure."""

from __future__ import annotations

from ecard.cardholders.models import CardholderState
from ecard.payments.errors import AmountRefused, PurseClosed, PurseFull

TOP_UP_MAX_MINOR = 2_000_00
PURSE_MAX_MINOR = 5_000_00


def check(*, amount_minor: int, balance_minor: int, state: int) -> None:
    """Raises AmountRefused, PurseClosed or PurseFull."""
    if not 0 < amount_minor <= TOP_UP_MAX_MINOR:
        raise AmountRefused(TOP_UP_MAX_MINOR)
    if state != CardholderState.ACTIVE:
        raise PurseClosed
    if balance_minor + amount_minor > PURSE_MAX_MINOR:
        raise PurseFull(PURSE_MAX_MINOR)
