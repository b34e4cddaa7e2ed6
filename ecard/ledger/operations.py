"""Everything that writes to the ledger; holds and the hot path are rooms of their own beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction

from ecard.ledger.arrays import array_literal
from ecard.ledger.bulk import next_posting_group, post_group, post_group_locking_late
from ecard.ledger.errors import AccountClosed, AccountInUse
from ecard.ledger.holds import (
    capture_hold,
    end_holds,
    lapse_holds,
    open_holds,
    place_hold,
    place_holds,
    release_hold,
)
from ecard.ledger.locks import lock_accounts, read_accounts
from ecard.ledger.models import HOUSE_KINDS, Account, AccountKind, house_label
from ecard.ledger.opening import open_funded
from ecard.ledger.values import NewAccount, NewTransfer, PostedGroup

__all__ = [
    "capture_hold",
    "close_account",
    "close_accounts",
    "end_holds",
    "fold_deltas",
    "house_account",
    "lapse_holds",
    "lock_accounts",
    "next_posting_group",
    "open_account",
    "open_accounts",
    "open_funded",
    "open_holds",
    "place_hold",
    "place_holds",
    "post",
    "post_group",
    "post_group_locking_late",
    "read_accounts",
    "release_hold",
    "set_floor",
    "set_floors",
]

ACCOUNTS_PER_INSERT = 5_000
FOLD_LIMIT = 20_000

_FOLD = """
WITH gone AS (
    DELETE FROM ledger_accountdelta WHERE account_id = ANY(%s::bigint[]) RETURNING account_id, amount_minor
), moved AS (
    SELECT account_id, sum(amount_minor)::bigint AS amount FROM gone GROUP BY account_id
), folded AS (
    UPDATE ledger_account AS account SET balance_minor = account.balance_minor + moved.amount
    FROM moved WHERE account.id = moved.account_id
)
SELECT count(*) FROM gone
"""
_SET_FLOORS = """
UPDATE ledger_account AS account SET floor_minor = given.floor_minor
FROM unnest(%s::bigint[], %s::bigint[]) AS given (id, floor_minor) WHERE account.id = given.id
"""


def open_account(*, kind: AccountKind, label: str, floor_minor: int | None) -> int:
    """Open one account and give its id. `floor_minor` None makes it a busy one, else it is at most 0."""
    return open_accounts(accounts=[NewAccount(kind=kind, label=label, floor_minor=floor_minor)])[0]


@transaction.atomic
def open_accounts(*, accounts: Sequence[NewAccount]) -> list[int]:
    """Open many accounts; the ids come in the order given."""
    rows = [Account(kind=new.kind, label=new.label, floor_minor=new.floor_minor) for new in accounts]
    return [row.pk for row in Account.objects.bulk_create(rows, batch_size=ACCOUNTS_PER_INSERT)]


def house_account(*, kind: AccountKind, label: str = "") -> int:
    """The institution's own busy account of this kind and label; opened at the first call."""
    if kind not in HOUSE_KINDS:
        raise ValueError(f"{kind.name} is not an account of the house")
    account, _created = Account.objects.get_or_create(kind=kind, label=house_label(kind, label))
    return account.pk


@transaction.atomic
def close_account(*, account_id: int, at: datetime) -> None:
    """Close a floored account for good. Raises AccountInUse while it has money, a debt or an open hold."""
    if close_accounts(account_ids=[account_id], at=at):
        raise AccountInUse(f"account {account_id} cannot be closed yet")


@transaction.atomic
def close_accounts(*, account_ids: Iterable[int], at: datetime) -> set[int]:
    """Close for good those that are empty; gives those that are not: with money, a debt, an open hold or no floor."""
    accounts = lock_accounts(account_ids)
    in_use = {pk for pk, each in accounts.items() if each.floor_minor is None or each.balance_minor or each.held_minor}
    closable = [pk for pk, each in accounts.items() if pk not in in_use and each.closed_at is None]
    Account.objects.filter(pk__in=closable).update(closed_at=at)
    return in_use


@transaction.atomic
def set_floor(*, account_id: int, floor_minor: int) -> int:
    """Change what a floored account may owe; gives the floor now in force.

    An account that already owes more keeps its present balance as the floor: a debt is not
    forgiven by a rule, nor does the rule fail because of it.
    """
    return set_floors(floors={account_id: floor_minor})[account_id]


@transaction.atomic
def set_floors(*, floors: Mapping[int, int]) -> dict[int, int]:
    """`set_floor` for many accounts, all or none. Raises AccountInUse or AccountClosed."""
    allowed: dict[int, int] = {}
    for account_id, account in lock_accounts(floors).items():
        if account.floor_minor is None:
            raise AccountInUse(f"account {account_id} is busy and has no floor")
        if account.closed_at is not None:
            raise AccountClosed(account_id=account_id)
        allowed[account_id] = min(floors[account_id], account.balance_minor - account.held_minor, 0)
    with connection.cursor() as cursor:
        cursor.execute(_SET_FLOORS, [array_literal(allowed), array_literal(allowed.values())])
    return allowed


@transaction.atomic
def post(*, transfers: Sequence[NewTransfer], at: datetime, posting_group: int | None = None) -> PostedGroup:
    """Lock every account named and post the transfers together, or none of them.

    Floors are judged by what the whole group does to an account. Raises InsufficientFunds,
    AccountClosed, UnknownAccount or BadTransfer, and then nothing is written.
    """
    named = {account_id for new in transfers for account_id in (new.debit_account, new.credit_account)}
    return post_group(rows=transfers, locked=lock_accounts(named), at=at, posting_group=posting_group)


@transaction.atomic
def fold_deltas(*, limit: int = FOLD_LIMIT) -> int:
    """Fold the delta rows of the busy accounts met in the oldest `limit` rows; gives how many rows went.

    Balances do not change: what leaves the deltas arrives on the account's row in one statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT account_id FROM (SELECT account_id FROM ledger_accountdelta ORDER BY id LIMIT %s) oldest",
            [limit],
        )
        accounts = sorted(row[0] for row in cursor.fetchall())
        if not accounts:
            return 0
        lock_accounts(accounts, lock_busy=True)
        cursor.execute(_FOLD, [accounts])
        (folded,) = cursor.fetchone()
    return int(folded)
