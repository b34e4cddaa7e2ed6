"""Upkeep of the issue log."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from ecard.codes import operations


@shared_task
def forget_issues() -> int:
    """Drop what no limit counts any more."""
    return operations.forget_issues(at=timezone.now())
