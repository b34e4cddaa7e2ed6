"""Benefits' regular work; each task calls one operation."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from ecard.benefits import operations


@shared_task
def expire_grants() -> None:
    """Return what is left of expired grants."""
    operations.expire_grants(at=timezone.now())
