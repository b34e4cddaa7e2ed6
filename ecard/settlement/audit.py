"""A sampled audit: some of the newest sales are evaluated again. Nothing is repriced; a difference is an exception."""

from __future__ import annotations

import random
from datetime import datetime

from django.db.models import Max, Min

from ecard.settlement.models import Batch, ExceptionKind, ExceptionState, Sale, SaleException
from ecard.settlement.queries import recheck_many
from ecard.settlement.rules import record_id

AUDIT_BATCHES = 20
NEWEST_BATCHES = 5_000


def audit_sample(*, at: datetime, batches: int = AUDIT_BATCHES, draw: random.Random | None = None) -> int:
    """Recheck the sales of up to `batches` random ones of the newest posted batches; gives how many came out otherwise.

    `draw` decides which; a test passes its own.
    """
    bounds = Batch.objects.aggregate(first=Min("id"), last=Max("id"))
    if bounds["last"] is None:
        return 0
    first = max(bounds["first"], bounds["last"] - NEWEST_BATCHES + 1)
    chance = draw or random.SystemRandom()
    chosen = {chance.randint(first, bounds["last"]) for _each in range(batches)}
    wrong = 0
    for batch in Batch.objects.filter(pk__in=chosen, posted_at__isnull=False).defer("raw", "evidence"):
        keys = (record_id(batch.stream_id, batch.first_seq), record_id(batch.stream_id, batch.last_seq))
        wrong += _note_differences(list(Sale.objects.filter(pk__range=keys)), at=at)
    return wrong


def _note_differences(sales: list[Sale], *, at: datetime) -> int:
    checked = recheck_many(sales)
    wrong = [sale for sale in sales if sale.pk not in checked or not checked[sale.pk].same]
    SaleException.objects.bulk_create(
        [
            SaleException(
                record_id=sale.pk,
                terminal_id=sale.terminal_id,
                kind=ExceptionKind.AUDIT_DIFFERS,
                params={"again_minor": checked[sale.pk].again.amount_minor if sale.pk in checked else 0},
                amount_minor=sale.amount_minor,
                made_at=at,
                state=ExceptionState.OPEN,
            )
            for sale in wrong
        ],
        ignore_conflicts=True,
    )
    return len(wrong)
