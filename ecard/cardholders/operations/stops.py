"""Stops: refusing a person's codes, or everything of theirs, and lifting that again."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from ecard.cardholders.models import Cardholder, Stop, StopKind
from ecard.changes.models import Topic
from ecard.changes.operations import record


@transaction.atomic
def stop_codes(
    *, cardholder: Cardholder, before: datetime, by: AbstractBaseUser | None, reason: str, at: datetime
) -> Stop:
    """Refuse the codes issued before a time: the lost phone's, not its successor's."""
    return _stop(cardholder, kind=StopKind.CODES_BEFORE, before=before, by=by, reason=reason, at=at)


@transaction.atomic
def stop_account(*, cardholder: Cardholder, by: AbstractBaseUser | None, reason: str, at: datetime) -> Stop:
    """Refuse everything of this account until the stop is lifted."""
    return _stop(cardholder, kind=StopKind.WHOLE, before=None, by=by, reason=reason, at=at)


@transaction.atomic
def lift_stop(*, stop: Stop, by: AbstractBaseUser | None, at: datetime) -> bool:
    """Mark a stop as lifted; False where it already was."""
    lifted = Stop.objects.filter(pk=stop.pk, lifted_at__isnull=True).update(
        lifted_at=at, lifted_by_id=by.pk if by else None
    )
    if lifted:
        record(topic=Topic.DENY, refs=[stop.cardholder.account_ref], at=at)
    return bool(lifted)


def _stop(
    cardholder: Cardholder,
    *,
    kind: StopKind,
    before: datetime | None,
    by: AbstractBaseUser | None,
    reason: str,
    at: datetime,
) -> Stop:
    stop = Stop.objects.create(
        cardholder=cardholder,
        kind=kind,
        before=before,
        reason=reason,
        made_at=at,
        made_by_id=by.pk if by else None,
    )
    record(topic=Topic.DENY, refs=[cardholder.account_ref], at=at)
    return stop
