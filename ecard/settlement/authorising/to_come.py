"""What open holds count for: sales that the server approved and whose records have not come yet.

Money is the ledger's, which holds it; here is what limits, free meals and the time between two sales are held against.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from django.db import connection

from devices.core.funds import Pending
from devices.core.messages import Authorised
from devices.core.quote import Tap
from devices.journal.spending import Spending, spent_by
from ecard.settlement.models import AuthorisedState

_ONE_PERSON = _NO_EPOCH = 0
_STILL_TO_COME = """
SELECT id, answer FROM settlement_authorisedhold WHERE account_ref = %s AND state = %s AND expires_at > %s
"""


class Kept(Authorised, frozen=True, omit_defaults=True):
    """An answer as its hold keeps it: beside what was said, where and when it counts."""

    tap: Tap | None = None


def kept(answer: Authorised, tap: Tap | None) -> bytes:
    """The answer to an approved question, for as long as its hold is open."""
    return msgspec.json.encode(Kept(answer.person, answer.quote, answer.lapses_at_ms, tap))


def said(data: bytes) -> Authorised:
    """What the terminal was told."""
    return msgspec.json.decode(data, type=Authorised)


def still_to_come(account_ref: int, *, at: datetime) -> dict[int, bytes]:
    """The open holds of a person that have not lapsed, and what they keep."""
    with connection.cursor() as cursor:
        cursor.execute(_STILL_TO_COME, [account_ref, AuthorisedState.OPEN, at])
        return {held_id: bytes(answer) for held_id, answer in cursor.fetchall()}


def usage_to_come(held: Mapping[int, bytes]) -> Pending:
    """What one person's holds count for; nothing of money, which is out of the funds already."""
    spending = Spending()
    for held_id, data in held.items():
        found = msgspec.json.decode(data, type=Kept)
        if found.tap is not None:
            spending.count(_ONE_PERSON, spent_by(_NO_EPOCH, held_id, found.quote, found.tap))
    spent = spending.of(_ONE_PERSON)
    return Pending(used=spent.used, tallies=spent.tallies, last_s=spent.last_s)
