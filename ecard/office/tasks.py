"""The office's regular work; each task calls one operation."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from ecard.office import audit


@shared_task
def begin_audit() -> None:
    """Begin the night's audit."""
    audit.begin_audit(at=timezone.now())


@shared_task
def continue_audit() -> None:
    """Work on an audit that is not finished; nothing to do most of the time."""
    audit.continue_audit(clock=timezone.now)
