"""The hot path: many transfers between accounts that are already locked, written at the speed of COPY.

`operations.post` ends here too, so there is one place that writes transfers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from ecard.ledger.errors import AccountClosed, BadTransfer, InsufficientFunds, NotInTransaction, UnknownAccount
from ecard.ledger.values import LockedAccount, PostedGroup, TransferRow

MAX_ROWS_PER_GROUP = 100_000

_COPY = """
COPY ledger_transfer (debit_account_id, credit_account_id, amount_minor, kind, cause_kind, cause_id,
                      posting_group, hold_id, posted_at) FROM STDIN
"""

_NULL = r"\N"

_MOVE_BALANCES = """
UPDATE ledger_account AS account SET balance_minor = account.balance_minor + moved.amount
FROM unnest(%s::bigint[], %s::bigint[]) AS moved (id, amount)
WHERE account.id = moved.id AND account.floor_minor IS NOT NULL
"""

# The join is the reference check of the busy side: an id that is no busy account is not counted.
_ADD_DELTAS = """
INSERT INTO ledger_accountdelta AS delta (account_id, posting_group, amount_minor)
SELECT account.id, %s, moved.amount
FROM unnest(%s::bigint[], %s::bigint[]) AS moved (id, amount)
JOIN ledger_account AS account ON account.id = moved.id AND account.floor_minor IS NULL
ON CONFLICT (account_id, posting_group) DO UPDATE SET amount_minor = delta.amount_minor + excluded.amount_minor
"""


def next_posting_group() -> int:
    """A new posting group's number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('ledger_posting_group')")
        (number,) = cursor.fetchone()
    return int(number)


def post_group(
    *,
    rows: Sequence[TransferRow],
    locked: Mapping[int, LockedAccount],
    at: datetime,
    posting_group: int | None = None,
    hold_id: int | None = None,
) -> PostedGroup:
    """Write the rows as transfers and move the balances they touch; all or nothing.

    `locked` is what `operations.lock_accounts` gave in this transaction and must name every account
    in `rows`; lock again before a second group. `hold_id` names the hold that a single row captures.
    Raises InsufficientFunds, AccountClosed, UnknownAccount or BadTransfer before anything is written.
    """
    _check_call(rows=rows, at=at, hold_id=hold_id)
    net = _net_by_account(rows)
    floored, busy = _split(net=net, locked=locked)
    group = next_posting_group() if posting_group is None else posting_group
    hold = _NULL if hold_id is None else f"{hold_id:d}"
    line = f"%d\t%d\t%d\t%d\t%d\t%d\t{group:d}\t{hold}\t{at.isoformat()}\n"
    with connection.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            copy.write("".join(map(line.__mod__, rows)))
        if floored:
            cursor.execute(_MOVE_BALANCES, [list(floored), list(floored.values())])
            _expect(cursor.rowcount, floored)
        if busy:
            cursor.execute(_ADD_DELTAS, [group, list(busy), list(busy.values())])
            _expect(cursor.rowcount, busy)
    return PostedGroup(posting_group=group, transfers=len(rows))


def _check_call(*, rows: Sequence[TransferRow], at: datetime, hold_id: int | None) -> None:
    if not connection.in_atomic_block:
        raise NotInTransaction("post inside transaction.atomic(), after lock_accounts()")
    if not rows or len(rows) > MAX_ROWS_PER_GROUP:
        raise BadTransfer(f"a posting group has 1 to {MAX_ROWS_PER_GROUP} transfers, not {len(rows)}")
    if at.tzinfo is None:
        raise BadTransfer("the posting time has no zone")
    if hold_id is not None and len(rows) != 1:
        raise BadTransfer("a hold is captured by one transfer")


def _net_by_account(rows: Sequence[TransferRow]) -> dict[int, int]:
    net: defaultdict[int, int] = defaultdict(int)
    for debit, credit, amount_minor, _kind, _cause_kind, _cause_id in rows:
        if amount_minor <= 0 or debit == credit:
            raise BadTransfer("a transfer moves a positive amount between two accounts")
        net[debit] -= amount_minor
        net[credit] += amount_minor
    return net


def _split(*, net: dict[int, int], locked: Mapping[int, LockedAccount]) -> tuple[dict[int, int], dict[int, int]]:
    """The movements of floored and of busy accounts, after checking each account touched."""
    floored: dict[int, int] = {}
    busy: dict[int, int] = {}
    for account_id, change in net.items():
        account = locked.get(account_id)
        if account is None:
            raise UnknownAccount(account_ids=[account_id])
        if account.closed_at is not None:
            raise AccountClosed(account_id=account_id)
        if account.floor_minor is None:
            if change:
                busy[account_id] = change
        elif change:
            available = account.balance_minor - account.held_minor - account.floor_minor
            if change < 0 and available + change < 0:
                raise InsufficientFunds(account_id=account_id, needed_minor=-change, available_minor=available)
            floored[account_id] = change
    return floored, busy


def _expect(written: int, moved: dict[int, int]) -> None:
    if written != len(moved):
        raise UnknownAccount(account_ids=sorted(moved))
