"""The outbox's regular work; each task calls one operation."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from ecard.changes import operations


@shared_task
def number_committed() -> None:
    """Number what has been committed since the last time."""
    operations.number_committed(at=timezone.now())


@shared_task
def prune() -> None:
    """Forget changes so old that a full load is quicker."""
    operations.prune()
