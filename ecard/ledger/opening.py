"""Opening many accounts together with the transfers that fund them: rows are written once, with COPY, and not moved
afterwards. A run of 50,000 grants takes half of what opening and then posting takes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from ecard.ledger.bulk import MAX_ROWS_PER_GROUP, add_deltas, copy_transfers, next_posting_group
from ecard.ledger.errors import AccountClosed, BadTransfer, UnknownAccount
from ecard.ledger.locks import read_accounts
from ecard.ledger.models import LABEL_LENGTH_MAX, AccountKind, CauseKind, TransferKind
from ecard.ledger.values import FundedAccount, OpenedAccounts

_COPY = "COPY ledger_account (id, kind, label, floor_minor, balance_minor) FROM STDIN (FORMAT binary)"
_IDS = "SELECT nextval(pg_get_serial_sequence('ledger_account', 'id')) FROM generate_series(1, %s)"
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_COLUMNS = 5
_HEAD = struct.Struct(">h iq ih i")
_TAIL = struct.Struct(">iq iq")


@transaction.atomic
def open_funded(
    *,
    kind: AccountKind,
    source_id: int,
    accounts: Sequence[FundedAccount],
    transfer_kind: TransferKind,
    cause_kind: CauseKind,
    at: datetime,
) -> OpenedAccounts:
    """Open accounts with floor 0, each funded by one transfer out of the busy account `source_id`.

    The ids come in the order given. Raises UnknownAccount, AccountClosed or BadTransfer before anything is written.
    """
    _check(source_id=source_id, accounts=accounts, at=at)
    with connection.cursor() as cursor:
        cursor.execute(_IDS, [len(accounts)])
        ids = [row[0] for row in cursor.fetchall()]
    content = _binary_accounts(ids, accounts, kind=kind)
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(content)
    group = next_posting_group()
    copy_transfers(
        [
            (source_id, account_id, new.amount_minor, transfer_kind, cause_kind, new.cause_id)
            for account_id, new in zip(ids, accounts, strict=True)
        ],
        posting_group=group,
        hold_id=None,
        at=at,
    )
    with connection.cursor() as cursor:
        add_deltas(cursor, {source_id: -sum(new.amount_minor for new in accounts)}, posting_group=group)
    return OpenedAccounts(ids=tuple(ids), posting_group=group)


def _check(*, source_id: int, accounts: Sequence[FundedAccount], at: datetime) -> None:
    if not accounts or len(accounts) > MAX_ROWS_PER_GROUP:
        raise BadTransfer(f"a posting group has 1 to {MAX_ROWS_PER_GROUP} transfers, not {len(accounts)}")
    if at.tzinfo is None:
        raise BadTransfer("the posting time has no zone")
    if any(new.amount_minor <= 0 or len(new.label) > LABEL_LENGTH_MAX for new in accounts):
        raise BadTransfer("a new account is funded with a positive amount and has a label that fits")
    source = read_accounts([source_id])[source_id]
    if source.floor_minor is not None:
        raise UnknownAccount(account_ids=[source_id])
    if source.closed_at is not None:
        raise AccountClosed(account_id=source_id)


def _binary_accounts(ids: Sequence[int], accounts: Sequence[FundedAccount], *, kind: AccountKind) -> bytes:
    """The rows as binary COPY wants them (`bulk` says how)."""
    head, tail, kind_number = _HEAD.pack, _TAIL.pack, int(kind)
    parts = [_HEADER]
    try:
        for account_id, new in zip(ids, accounts, strict=True):
            label = new.label.encode()
            parts += (
                head(_COLUMNS, 8, account_id, 2, kind_number, len(label)),
                label,
                tail(8, 0, 8, new.amount_minor),
            )
    except struct.error as wrong:
        raise BadTransfer(f"a number does not fit its column: {wrong}") from wrong
    return b"".join((*parts, _END))
