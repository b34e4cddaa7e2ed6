"""Limits that a guardian sets for one person. They stand beside the policy's, so they can only tighten."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from ecard.benefits.errors import TooManyGuards
from ecard.benefits.models import GuardianLimit, Window
from ecard.cardholders.models import Cardholder
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.merchants.models import Category

GUARDS_MAX = 10
"""In force for one person: each is looked at in each of their sales."""


@transaction.atomic
def set_guardian_limit(
    *,
    cardholder: Cardholder,
    window: Window,
    max_minor: int | None,
    max_count: int | None = None,
    categories: Collection[Category] = (),
    at: datetime,
) -> GuardianLimit:
    """Add a limit; terminals hear of it with the person's next snapshot row. Raises TooManyGuards."""
    Cardholder.objects.select_for_update(no_key=True).get(pk=cardholder.pk)
    if GuardianLimit.objects.filter(cardholder=cardholder, lifted_at__isnull=True).count() >= GUARDS_MAX:
        raise TooManyGuards
    made = GuardianLimit.objects.create(cardholder=cardholder, window=window, max_minor=max_minor, max_count=max_count)
    made.categories.set(categories)
    record(topic=Topic.CARDHOLDER, refs=[cardholder.account_ref], at=at)
    return made


@transaction.atomic
def lift_guardian_limit(*, limit: GuardianLimit, at: datetime) -> bool:
    """End a limit; it stays in the history. False where it was lifted before."""
    lifted = GuardianLimit.objects.filter(pk=limit.pk, lifted_at__isnull=True).update(lifted_at=at)
    if lifted:
        record(topic=Topic.CARDHOLDER, refs=[limit.cardholder.account_ref], at=at)
    return bool(lifted)
