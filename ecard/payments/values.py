"""What payments take."""

from __future__ import annotations

from dataclasses import dataclass

from ecard.cardholders.models import Cardholder


@dataclass(frozen=True, slots=True)
class NewTopUp:
    """A top-up to be made, in minor units, under a key drawn by whoever takes the money."""

    cardholder: Cardholder
    amount_minor: int
    key: str
