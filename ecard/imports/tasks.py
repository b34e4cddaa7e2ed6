"""Housekeeping."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from ecard.imports import operations


@shared_task
def forget_imports() -> int:
    """Drop abandoned previews and what is too old to undo."""
    return operations.forget(at=timezone.now())
