"""The ledger's regular work; each task calls one operation."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from ecard.ledger import operations


@shared_task
def fold_deltas() -> None:
    """Fold the delta rows of busy accounts into their balances."""
    operations.fold_deltas()


@shared_task
def lapse_holds() -> None:
    """Release the holds whose time is over."""
    operations.lapse_holds(at=timezone.now())
