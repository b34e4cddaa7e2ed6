"""Everything that reads the ledger. Every read is bounded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import connection

from ecard.ledger.arrays import array_literal
from ecard.ledger.models import Account, HoldState, TransferKind
from ecard.ledger.values import (
    BalanceDifference,
    CauseTransfer,
    DanglingTransfer,
    Funds,
    ReferenceReport,
    ReplayReport,
    StatementLine,
)

STATEMENT_LIMIT = 200
REPLAY_LIMIT = 1_000
REFERENCE_LIMIT = 50_000

_FUNDS = """
SELECT account.id, account.floor_minor,
       account.balance_minor
           + coalesce((SELECT sum(amount_minor) FROM ledger_accountdelta WHERE account_id = account.id), 0)::bigint,
       coalesce((SELECT sum(amount_minor) FROM ledger_hold
                 WHERE account_id = account.id AND state = %s), 0)::bigint
FROM ledger_account AS account WHERE account.id = ANY(%s::bigint[])
"""

_STATEMENT = """
SELECT * FROM (
    (SELECT id, credit_account_id, -amount_minor, kind, cause_kind, cause_id, posted_at FROM ledger_transfer
     WHERE debit_account_id = %(account)s AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT id, debit_account_id, amount_minor, kind, cause_kind, cause_id, posted_at FROM ledger_transfer
     WHERE credit_account_id = %(account)s AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s)
) AS lines ORDER BY 1 DESC LIMIT %(limit)s
"""

_BY_CAUSE = """
SELECT id, debit_account_id, credit_account_id, amount_minor, kind FROM ledger_transfer
WHERE cause_kind = %s AND cause_id = %s ORDER BY id LIMIT %s
"""

_BY_CAUSES = """
SELECT cause_id, id, debit_account_id, credit_account_id, amount_minor, kind FROM ledger_transfer
WHERE cause_kind = %s AND cause_id = ANY(%s::bigint[]) ORDER BY id
"""

_CAUSE_TOTALS = """
SELECT cause_id, (coalesce(sum(amount_minor) FILTER (WHERE kind <> ALL(%s::smallint[])), 0))::bigint,
       (coalesce(sum(amount_minor) FILTER (WHERE kind = %s), 0))::bigint
FROM ledger_transfer WHERE cause_kind = %s AND cause_id BETWEEN %s AND %s GROUP BY cause_id ORDER BY cause_id LIMIT %s
"""

_REPLAY = """
WITH page AS (
    SELECT id, balance_minor FROM ledger_account WHERE id > %s ORDER BY id LIMIT %s
)
SELECT page.id,
       (page.balance_minor
        + coalesce((SELECT sum(amount_minor) FROM ledger_accountdelta WHERE account_id = page.id), 0))::bigint,
       (coalesce((SELECT sum(amount_minor) FROM ledger_transfer WHERE credit_account_id = page.id), 0)
        - coalesce((SELECT sum(amount_minor) FROM ledger_transfer WHERE debit_account_id = page.id), 0))::bigint
FROM page ORDER BY page.id
"""

_SUM = """
SELECT (coalesce((SELECT sum(balance_minor) FROM ledger_account), 0)
        + coalesce((SELECT sum(amount_minor) FROM ledger_accountdelta), 0))::bigint
"""

_REFERENCES = """
WITH page AS (
    SELECT id, debit_account_id, credit_account_id, hold_id FROM ledger_transfer WHERE id > %s ORDER BY id LIMIT %s
)
SELECT page.id, page.debit_account_id, page.credit_account_id, page.hold_id,
       debit.id IS NULL OR credit.id IS NULL OR (page.hold_id IS NOT NULL AND hold.id IS NULL)
FROM page
LEFT JOIN ledger_account AS debit ON debit.id = page.debit_account_id
LEFT JOIN ledger_account AS credit ON credit.id = page.credit_account_id
LEFT JOIN ledger_hold AS hold ON hold.id = page.hold_id
ORDER BY page.id
"""

_NEWEST_CAUSES = """
SELECT DISTINCT ON (debit_account_id) debit_account_id, cause_id FROM ledger_transfer
WHERE debit_account_id = ANY(%s::bigint[]) AND kind = ANY(%s::smallint[]) ORDER BY debit_account_id, id DESC
"""

_BESIDE = (TransferKind.VOUCHER_REST, TransferKind.VOUCHER_RESTORED)
_MOVED_SINCE = """
SELECT account, sum(amount)::bigint FROM (
    SELECT credit_account_id AS account, amount_minor AS amount FROM ledger_transfer
    WHERE credit_account_id = ANY(%(accounts)s::bigint[]) AND posted_at > %(since)s
    UNION ALL
    SELECT debit_account_id, -amount_minor FROM ledger_transfer
    WHERE debit_account_id = ANY(%(accounts)s::bigint[]) AND posted_at > %(since)s
) AS moved GROUP BY account
"""

_RETURNED_TO = """
SELECT account, sum(amount)::bigint FROM (
    SELECT debit_account_id AS account, amount_minor AS amount FROM ledger_transfer
    WHERE debit_account_id = ANY(%(accounts)s::bigint[]) AND credit_account_id = %(payer)s
    UNION ALL
    SELECT credit_account_id, -amount_minor FROM ledger_transfer
    WHERE credit_account_id = ANY(%(accounts)s::bigint[]) AND debit_account_id = %(payer)s AND kind <> %(issue)s
) AS moved GROUP BY account
"""

_NET_BY_DAY = """
SELECT (posted_at AT TIME ZONE %(zone)s)::date, sum(amount)::bigint, max(id) FROM (
    SELECT id, posted_at, amount_minor AS amount FROM ledger_transfer
    WHERE credit_account_id = %(account)s AND id > %(after)s
    UNION ALL
    SELECT id, posted_at, -amount_minor FROM ledger_transfer
    WHERE debit_account_id = %(account)s AND id > %(after)s
) AS moved GROUP BY 1 ORDER BY 1
"""

_AFTER_EVERY_ID = 2**63 - 1


def funds(account_ids: Iterable[int]) -> dict[int, Funds]:
    """Balance, held and available for each account that exists, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_FUNDS, [HoldState.OPEN, array_literal(account_ids)])
        return {
            account_id: Funds(
                balance_minor=balance,
                held_minor=held,
                available_minor=None if floor is None else balance - held - floor,
            )
            for account_id, floor, balance, held in cursor.fetchall()
        }


def balances(account_ids: Iterable[int]) -> dict[int, int]:
    """The balance of each account that exists."""
    return {account_id: found.balance_minor for account_id, found in funds(account_ids).items()}


def moved_since(account_ids: Iterable[int], *, since: datetime) -> dict[int, int]:
    """What was posted to each account after a moment, debits negative; for a person's accounts, never a busy one's."""
    with connection.cursor() as cursor:
        found: dict[str, Any] = {"accounts": list(account_ids), "since": since}
        cursor.execute(_MOVED_SINCE, found)
        return dict(cursor.fetchall())


def returned_to(payer: int, account_ids: Iterable[int]) -> dict[int, int]:
    """How much of what was issued from `payer` into each account came back to it; the caller bounds the accounts."""
    with connection.cursor() as cursor:
        accounts = list(account_ids)
        cursor.execute(_RETURNED_TO, {"payer": payer, "accounts": accounts, "issue": int(TransferKind.GRANT_ISSUE)})
        return dict(cursor.fetchall())


def net_by_day(account_id: int, *, after_id: int, zone: str) -> list[tuple[date, int, int]]:
    """(day of the zone, credits less debits, last transfer) of one account's transfers after one, day by day."""
    with connection.cursor() as cursor:
        cursor.execute(_NET_BY_DAY, {"zone": zone, "account": account_id, "after": after_id})
        return list(cursor.fetchall())


def labels(account_ids: Iterable[int]) -> dict[int, str]:
    """What people call each account that exists, in one statement; the caller bounds the ids."""
    return {account.pk: str(account) for account in Account.objects.filter(pk__in=set(account_ids))}


def balance_of(account_id: int) -> int:
    """One account's balance. Raises Account.DoesNotExist."""
    found = balances([account_id])
    if account_id not in found:
        raise Account.DoesNotExist(f"account {account_id}")
    return found[account_id]


def statement(account_id: int, *, before_id: int | None = None, limit: int = 50) -> list[StatementLine]:
    """The newest transfers of one account, newest first; page on with the last line's transfer id.

    At most STATEMENT_LIMIT lines.
    """
    found = {
        "account": account_id,
        "before": _AFTER_EVERY_ID if before_id is None else before_id,
        "limit": max(1, min(limit, STATEMENT_LIMIT)),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, found)
        return [StatementLine(*row) for row in cursor.fetchall()]


def transfers_of(*, cause_kind: int, cause_id: int, limit: int = STATEMENT_LIMIT) -> list[CauseTransfer]:
    """What one cause moved, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_CAUSE, [cause_kind, cause_id, limit])
        return [CauseTransfer(*row) for row in cursor.fetchall()]


def transfers_of_causes(*, cause_kind: int, cause_ids: Iterable[int]) -> dict[int, list[CauseTransfer]]:
    """What each of the causes moved, oldest first, in one statement; the caller bounds the causes."""
    found: dict[int, list[CauseTransfer]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_BY_CAUSES, [cause_kind, list(cause_ids)])
        for cause_id, *transfer in cursor.fetchall():
            found.setdefault(cause_id, []).append(CauseTransfer(*transfer))
    return found


def cause_totals(*, cause_kind: int, first_id: int, last_id: int, limit: int) -> dict[int, tuple[int, int]]:
    """Cause id → (moved, moved back by reversals), for the causes from `first_id` to `last_id`, lowest first.

    What goes from a voucher back to its sponsor beside a sale is no part of either.
    """
    kinds: list[Any] = [[int(kind) for kind in (TransferKind.REVERSAL, *_BESIDE)], TransferKind.REVERSAL]
    with connection.cursor() as cursor:
        cursor.execute(_CAUSE_TOTALS, [*kinds, cause_kind, first_id, last_id, limit])
        return {cause_id: (moved, back) for cause_id, moved, back in cursor.fetchall()}


def newest_causes(account_ids: Iterable[int], *, kinds: Iterable[TransferKind]) -> dict[int, int]:
    """Account → the cause of the newest transfer of these kinds out of it; accounts without one are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_CAUSES, [list(account_ids), [int(kind) for kind in kinds]])
        return dict(cursor.fetchall())


def replay_check(*, after: int = 0, limit: int = REPLAY_LIMIT) -> ReplayReport:
    """Compare the balances of up to `limit` accounts with the replay of their transfers.

    Page on with `next_after`. One statement, so a posting in between cannot look like a difference.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REPLAY, [after, limit])
        rows = cursor.fetchall()
    differences = tuple(BalanceDifference(*row) for row in rows if row[1] != row[2])
    return ReplayReport(
        checked=len(rows), differences=differences, next_after=rows[-1][0] if len(rows) == limit else None
    )


def sum_of_balances() -> int:
    """The sum over all accounts; anything but zero is a fault of the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(_SUM)
        (total,) = cursor.fetchone()
    return int(total)


def reference_check(*, after: int = 0, limit: int = REFERENCE_LIMIT) -> ReferenceReport:
    """Look for transfers that name an account or a hold that is not there (ADR 0001), a page at a time."""
    with connection.cursor() as cursor:
        cursor.execute(_REFERENCES, [after, limit])
        rows = cursor.fetchall()
    return ReferenceReport(
        checked=len(rows),
        dangling=tuple(DanglingTransfer(*row[:4]) for row in rows if row[4]),
        next_after=rows[-1][0] if len(rows) == limit else None,
    )
