"""The one function that locks accounts: every writer calls it, so locks are taken in one order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection

from ecard.ledger.arrays import array_literal, looked_up_by_index
from ecard.ledger.errors import NotInTransaction, UnknownAccount
from ecard.ledger.models import HoldState
from ecard.ledger.values import AccountState

_LOCK_FLOORED = """
SELECT id, kind, balance_minor, floor_minor, closed_at, 0 FROM ledger_account
WHERE id = ANY(%s::bigint[]) AND floor_minor IS NOT NULL ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_ALL = """
SELECT id, kind, balance_minor, floor_minor, closed_at, 0 FROM ledger_account
WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
_READ_BUSY = """
SELECT id, kind, balance_minor, floor_minor, closed_at, 0 FROM ledger_account
WHERE id = ANY(%s::bigint[]) AND floor_minor IS NULL
"""
_READ_ALL = """
SELECT id, kind, balance_minor, floor_minor, closed_at, 0 FROM ledger_account WHERE id = ANY(%s::bigint[])
"""
_OPEN_HOLDS = """
SELECT account_id, sum(amount_minor)::bigint FROM ledger_hold
WHERE account_id = ANY(%s::bigint[]) AND state = %s GROUP BY account_id
"""


def lock_accounts(account_ids: Iterable[int], *, lock_busy: bool = False) -> dict[int, AccountState]:
    """Lock the floored accounts among `account_ids` in ascending order; read the busy ones beside them.

    Busy accounts are locked too only with `lock_busy` (folding). The locks last until the transaction
    ends; FOR NO KEY UPDATE leaves foreign keys to the accounts free. Call it once per transaction with
    all accounts: a second call with lower ids could deadlock.
    Raises NotInTransaction outside an atomic block, UnknownAccount where an id does not exist.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction("lock_accounts needs transaction.atomic() around it")
    wanted = sorted(set(account_ids))
    if lock_busy:
        return _states(wanted, (_LOCK_ALL,))
    return _states(wanted, (_LOCK_FLOORED, _READ_BUSY))


def read_accounts(account_ids: Iterable[int]) -> dict[int, AccountState]:
    """The same without locks: good for deciding what to try, never for moving money.

    Raises UnknownAccount where an id does not exist.
    """
    return _states(sorted(set(account_ids)), (_READ_ALL,))


def _states(wanted: list[int], statements: Sequence[str]) -> dict[int, AccountState]:
    """Run each statement for the ids still missing, then add what is held."""
    found: dict[int, AccountState] = {}
    missing = wanted
    with connection.cursor() as cursor, looked_up_by_index(cursor, rows=len(wanted)):
        for statement in statements:
            if missing:
                cursor.execute(statement, [array_literal(missing)])
                found.update([(row[0], AccountState._make(row)) for row in cursor.fetchall()])
                missing = [account_id for account_id in wanted if account_id not in found]
        # A statement of its own: its snapshot is newer than the locks, so it sees the last holder's holds.
        cursor.execute(_OPEN_HOLDS, [array_literal(wanted), HoldState.OPEN])
        held = cursor.fetchall()
    if missing:
        raise UnknownAccount(account_ids=missing)
    for account_id, held_minor in held:
        found[account_id] = found[account_id]._replace(held_minor=held_minor)
    return found
