"""Benefits' regular work; each task calls one operation."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerError

from ecard.benefits import budgets, operations, runs

logger = logging.getLogger(__name__)


@shared_task
def expire_grants() -> None:
    """Return what is left of expired grants."""
    operations.expire_grants(at=timezone.now())


@shared_task
def continue_runs() -> None:
    """Go on with the runs that are being paid out or reversed; nothing to do most of the time."""
    runs.continue_runs(clock=timezone.now)


@shared_task
def run_due() -> None:
    """Issue what programmes' schedules say is due."""
    runs.run_due(clock=timezone.now)


def nudge() -> None:
    """Have a worker go on with runs at once. A broker that is away costs some seconds, until the next beat."""
    try:
        continue_runs.apply_async(retry=False)
    except (BrokerError, KombuError, OSError) as error:
        logger.info("no broker for a nudge: %s", error)


@shared_task
def count_sponsor_days() -> None:
    """Bring what sponsors spent up to date, for budgets."""
    budgets.count_days(at=timezone.now())
