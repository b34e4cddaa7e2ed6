"""The one function that locks accounts: every writer calls it, so locks are taken in one order."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from ecard.ledger.errors import NotInTransaction, UnknownAccount
from ecard.ledger.models import HoldState
from ecard.ledger.values import LockedAccount

_LOCK_FLOORED = """
SELECT id, kind, balance_minor, floor_minor, closed_at FROM ledger_account
WHERE id = ANY(%s::bigint[]) AND floor_minor IS NOT NULL ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_ALL = """
SELECT id, kind, balance_minor, floor_minor, closed_at FROM ledger_account
WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
_READ_BUSY = """
SELECT id, kind, balance_minor, floor_minor, closed_at FROM ledger_account
WHERE id = ANY(%s::bigint[]) AND floor_minor IS NULL
"""
_OPEN_HOLDS = """
SELECT account_id, sum(amount_minor)::bigint FROM ledger_hold
WHERE account_id = ANY(%s::bigint[]) AND state = %s GROUP BY account_id
"""


def lock_accounts(account_ids: Iterable[int], *, lock_busy: bool = False) -> dict[int, LockedAccount]:
    """Lock the floored accounts among `account_ids` in ascending order; read the busy ones beside them.

    Busy accounts are locked too only with `lock_busy` (folding). The locks last until the transaction
    ends; FOR NO KEY UPDATE leaves foreign keys to the accounts free. Call it once per transaction with
    all accounts: a second call with lower ids could deadlock.
    Raises NotInTransaction outside an atomic block, UnknownAccount where an id does not exist.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction("lock_accounts needs transaction.atomic() around it")
    wanted = sorted(set(account_ids))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_ALL if lock_busy else _LOCK_FLOORED, [wanted])
        locked = {row[0]: LockedAccount._make((*row, 0)) for row in cursor.fetchall()}
        if len(locked) < len(wanted):
            others = [account_id for account_id in wanted if account_id not in locked]
            cursor.execute(_READ_BUSY, [others])
            locked.update((row[0], LockedAccount._make((*row, 0))) for row in cursor.fetchall())
        # A statement of its own: its snapshot is newer than the locks, so it sees the last holder's holds.
        cursor.execute(_OPEN_HOLDS, [wanted, HoldState.OPEN])
        for account_id, held_minor in cursor.fetchall():
            locked[account_id] = locked[account_id]._replace(held_minor=held_minor)
    if len(locked) != len(wanted):
        raise UnknownAccount(account_ids=[account_id for account_id in wanted if account_id not in locked])
    return locked
