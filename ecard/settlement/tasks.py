"""Settlement's regular work. A message is a nudge only: what is due stands in PostgreSQL."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerError

from ecard.settlement import operations
from ecard.settlement.rehearsal import work

logger = logging.getLogger(__name__)


@shared_task
def settle() -> None:
    """Check and post everything that is waiting."""
    if operations.settle(clock=timezone.now).more:
        nudge()


@shared_task
def audit_sample() -> None:
    """Evaluate some of the newest sales again."""
    operations.audit_sample(at=timezone.now())


@shared_task
def note_over_limits() -> None:
    """Tell finance of limits of a day that terminals passed together."""
    operations.note_over_limits(at=timezone.now())


@shared_task
def lapse_authorised() -> None:
    """End the holds of sales whose record did not come in time."""
    operations.lapse_authorised(at=timezone.now())


@shared_task
def forget_authorised() -> None:
    """Delete what became of holds of long ago."""
    operations.forget_authorised(at=timezone.now())


@shared_task
def forget_who_passed() -> None:
    """Let go of who passed a gate long ago."""
    operations.forget_who_passed(at=timezone.now())


@shared_task
def rehearse() -> None:
    """Do one part of a rehearsal, and ask for the next."""
    if work.work(clock=timezone.now):
        nudge_rehearsal()


def nudge() -> None:
    """Ask for a worker's attention. A broker that is away costs nothing but a few seconds, until the next beat."""
    _send(settle)


def nudge_rehearsal() -> None:
    """The same for rehearsals."""
    _send(rehearse)


def _send(task: Any) -> None:
    try:
        task.apply_async(retry=False)
    except (BrokerError, KombuError, OSError) as error:
        logger.info("no broker for a nudge: %s", error)
