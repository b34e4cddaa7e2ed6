"""What goes over to the next period: the rest of the grants that have just ended, up to a cap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ecard.benefits.granting import EXPIRY_GRACE
from ecard.benefits.models import Grant, Programme
from ecard.ledger.models import CauseKind, TransferKind
from ecard.ledger.operations import lock_accounts, post_group
from ecard.ledger.values import NewTransfer


def roll_over(*, programme: Programme, to: Mapping[int, int], cap_minor: int, at: datetime) -> int:
    """Move the rest of each person's ended grants into the account `to` names for them; gives how much moved.

    What is above the cap stays until `expire_grants` returns it to the sponsor, so that a sale of the last days that
    arrives late still finds it. What is held for a sale does not move, and no grant goes over twice.
    """
    ended = list(
        Grant.objects.filter(
            programme=programme,
            cardholder_id__in=list(to),
            ended_at__isnull=True,
            rolled_at__isnull=True,
            expires_at__lte=at,
            expires_at__gt=at - EXPIRY_GRACE,
        )
        .order_by("expires_at", "pk")
        .values_list("pk", "cardholder_id", "account_id")
    )
    if not ended:
        return 0
    locked = lock_accounts([*(account for _grant, _person, account in ended), *to.values()])
    left = dict.fromkeys(to, cap_minor)
    rows = []
    for grant_id, person, account in ended:
        moved_minor = min(left[person], locked[account].available_minor)
        if moved_minor > 0:
            left[person] -= moved_minor
            rows.append(NewTransfer(account, to[person], moved_minor, TransferKind.ROLLOVER, CauseKind.GRANT, grant_id))
    if rows:
        post_group(rows=rows, locked=locked, at=at)
    Grant.objects.filter(pk__in=[grant_id for grant_id, _person, _account in ended]).update(rolled_at=at)
    return sum(row.amount_minor for row in rows)
