"""The hot path: many transfers between accounts that are already locked, written at the speed of COPY.

`operations.post` ends here too, so there is one place that writes transfers.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from ecard.ledger.arrays import array_literal, looked_up_by_index
from ecard.ledger.errors import AccountClosed, BadTransfer, InsufficientFunds, NotInTransaction, UnknownAccount
from ecard.ledger.locks import lock_accounts, read_accounts
from ecard.ledger.models import HoldState
from ecard.ledger.values import AccountState, PostedGroup, TransferRow

MAX_ROWS_PER_GROUP = 100_000

NOTHING_CAPTURED: Mapping[int, int] = MappingProxyType({})

_COPY = """
COPY ledger_transfer (debit_account_id, credit_account_id, amount_minor, kind, cause_kind, cause_id,
                      posting_group, hold_id, posted_at) FROM STDIN (FORMAT binary)
"""

# PostgreSQL's binary COPY format: each value behind its length, all big-endian, null as length -1.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_COLUMNS = 9
_ROW = struct.Struct(">h iq iq iq ih ih iq")
_BIGINT = struct.Struct(">iq")
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_MOVE_BALANCES = """
UPDATE ledger_account AS account SET balance_minor = account.balance_minor + moved.amount
FROM unnest(%s::bigint[], %s::bigint[]) AS moved (id, amount)
WHERE account.id = moved.id AND account.floor_minor IS NOT NULL
"""

_MOVE_FUNDED = (
    f"{_MOVE_BALANCES.rstrip()}\n  AND account.closed_at IS NULL"
    + """
  AND account.balance_minor + moved.amount >= account.floor_minor
"""
)

_INTO_HOLDS = """
SELECT account.id FROM ledger_hold AS hold JOIN ledger_account AS account ON account.id = hold.account_id
WHERE hold.account_id = ANY(%s::bigint[]) AND hold.state = %s
GROUP BY account.id, account.balance_minor, account.floor_minor
HAVING account.balance_minor - sum(hold.amount_minor) < account.floor_minor LIMIT 1
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
    locked: Mapping[int, AccountState],
    at: datetime,
    posting_group: int | None = None,
    hold_id: int | None = None,
    captured: Mapping[int, int] = NOTHING_CAPTURED,
) -> PostedGroup:
    """Write the rows as transfers and move the balances they touch; all or nothing.

    `locked` is what `operations.lock_accounts` gave in this transaction and must name every account
    in `rows`; lock again before a second group. `hold_id` names the hold that a single row captures, `captured` those
    that some of many do, by their place; `locked` counts them as ended, and the caller ends them.
    Raises InsufficientFunds, AccountClosed, UnknownAccount or BadTransfer before anything is written.
    """
    _check_call(rows=rows, at=at, hold_id=hold_id)
    net = _net_by_account(rows)
    floored, busy = _split(net=net, locked=locked)
    group = next_posting_group() if posting_group is None else posting_group
    copy_transfers(rows, posting_group=group, hold_id=hold_id, at=at, captured=captured)
    _move(floored=floored, busy=busy, posting_group=group)
    return PostedGroup(posting_group=group, transfers=len(rows))


def post_group_locking_late(
    *,
    rows: Sequence[TransferRow],
    at: datetime,
    posting_group: int | None = None,
    accounts: Mapping[int, AccountState] | None = None,
) -> PostedGroup:
    """Like `post_group`, but the accounts are locked only after the transfers are written, by moving them.

    For big groups whose legs were decided on `locks.read_accounts` (handed in as `accounts`) and are all
    funded: other workers wait a third as long. Where an account has moved since and cannot pay any more,
    the savepoint takes the rows back, everything is locked, and `post_group` judges: it posts or raises.
    """
    _check_call(rows=rows, at=at, hold_id=None)
    net = _net_by_account(rows)
    floored, busy = _split(net=net, locked=read_accounts(net) if accounts is None else accounts)
    group = next_posting_group() if posting_group is None else posting_group
    with transaction.atomic():
        copy_transfers(rows, posting_group=group, hold_id=None, at=at)
        if _move_funded(floored=floored, busy=busy, posting_group=group):
            return PostedGroup(posting_group=group, transfers=len(rows))
        transaction.set_rollback(True)
    return post_group(rows=rows, locked=lock_accounts(net), at=at, posting_group=group)


def copy_transfers(
    rows: Sequence[TransferRow],
    *,
    posting_group: int,
    hold_id: int | None,
    at: datetime,
    captured: Mapping[int, int] = NOTHING_CAPTURED,
) -> None:
    """Write the rows and move no balance: for this package, beside what moves them."""
    content = _binary_rows(rows, posting_group=posting_group, hold_id=hold_id, at=at, captured=captured)
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(content)


def _move(*, floored: dict[int, int], busy: dict[int, int], posting_group: int) -> None:
    """One update for the floored accounts, one insert of delta rows for the busy ones."""
    with connection.cursor() as cursor:
        moved = _update(cursor, _MOVE_BALANCES, floored) if floored else 0
        added = add_deltas(cursor, busy, posting_group=posting_group)
    if moved != len(floored) or added != len(busy):
        raise UnknownAccount(account_ids=sorted({**floored, **busy}))


def _move_funded(*, floored: dict[int, int], busy: dict[int, int], posting_group: int) -> bool:
    """The same for accounts that are not locked yet; False where one of them cannot pay, or is not there."""
    with connection.cursor() as cursor:
        if floored:
            if _update(cursor, _MOVE_FUNDED, floored) != len(floored):
                return False
            # A statement of its own: its snapshot is newer than the locks, so it sees the last holder's holds.
            cursor.execute(_INTO_HOLDS, [array_literal(sorted(floored)), HoldState.OPEN])
            if cursor.fetchone() is not None:
                return False
        return add_deltas(cursor, busy, posting_group=posting_group) == len(busy)


def _update(cursor: CursorWrapper, statement: str, changes: dict[int, int]) -> int:
    """Move balances in the order of ids, which is the order in which `lock_accounts` locks."""
    ids = sorted(changes)
    with looked_up_by_index(cursor, rows=len(ids)):
        cursor.execute(statement, [array_literal(ids), array_literal(map(changes.__getitem__, ids))])
        return int(cursor.rowcount)


def add_deltas(cursor: CursorWrapper, changes: dict[int, int], *, posting_group: int) -> int:
    """Move busy accounts, for this package; gives how many of them there are."""
    if not changes:
        return 0
    cursor.execute(_ADD_DELTAS, [posting_group, array_literal(changes), array_literal(changes.values())])
    return int(cursor.rowcount)


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


def _binary_rows(
    rows: Sequence[TransferRow],
    *,
    posting_group: int,
    hold_id: int | None,
    at: datetime,
    captured: Mapping[int, int],
) -> bytes:
    """The rows as COPY wants them; text would be easier to read and costs the server a sixth more."""
    group, posted_at = _BIGINT.pack(8, posting_group), _BIGINT.pack(8, (at - _EPOCH) // _MICROSECOND)
    tail = group + (_NULL if hold_id is None else _BIGINT.pack(8, hold_id)) + posted_at
    pack = _ROW.pack
    try:
        packed = [
            pack(_COLUMNS, 8, debit, 8, credit, 8, amount, 2, kind, 2, cause_kind, 8, cause_id)
            for debit, credit, amount, kind, cause_kind, cause_id in rows
        ]
    except struct.error as wrong:
        raise BadTransfer(f"a number does not fit its column: {wrong}") from wrong
    if not captured:
        return _HEADER + tail.join(packed) + tail + _END
    holds = [_BIGINT.pack(8, captured[place]) if place in captured else _NULL for place in range(len(packed))]
    rest = [each for row, hold in zip(packed, holds, strict=True) for each in (row, group, hold, posted_at)]
    return b"".join([_HEADER, *rest, _END])


def _split(*, net: dict[int, int], locked: Mapping[int, AccountState]) -> tuple[dict[int, int], dict[int, int]]:
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
