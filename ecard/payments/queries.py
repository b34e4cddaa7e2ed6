"""Reading top-ups, and what one would come to."""

from __future__ import annotations

from dataclasses import dataclass

from ecard.cardholders.models import Cardholder
from ecard.ledger.queries import balance_of
from ecard.payments.rules import check


@dataclass(frozen=True, slots=True)
class Preview:
    """A purse before and after a top-up, in minor units."""

    before_minor: int
    after_minor: int


def preview(cardholder: Cardholder, *, amount_minor: int) -> Preview:
    """What a top-up would come to. Raises AmountRefused, PurseFull, PurseClosed."""
    before_minor = balance_of(cardholder.purse_id)
    check(amount_minor=amount_minor, balance_minor=before_minor, state=cardholder.state)
    return Preview(before_minor, before_minor + amount_minor)
