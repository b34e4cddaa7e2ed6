"""Giving grants out, many at a time, and returning what is left of them."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from ecard.benefits.errors import BadGrant
from ecard.benefits.models import AMOUNT_MAX_MINOR, PERIOD_KEY_LENGTH_MAX, Grant, Programme
from ecard.benefits.values import ExpiryReport, IssueReport, Recipient
from ecard.cardholders.models import Cardholder, CardholderState
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.opening import open_funded
from ecard.ledger.operations import lock_accounts, post_group
from ecard.ledger.values import FundedAccount, NewTransfer

GRANTS_PER_CHUNK = 10_000
EXPIRE_LIMIT = 5_000
EXPIRY_GRACE = timedelta(days=7)
"""A terminal may sell this long without contact: a sale made before the expiry still finds its grant."""

_IDS = "SELECT nextval(pg_get_serial_sequence('benefits_grant', 'id')) FROM generate_series(1, %s)"
_COPY = """
COPY benefits_grant (id, programme_id, cardholder_id, account_id, period_key, amount_minor, issued_at, expires_at,
                     run_id) FROM STDIN (FORMAT binary)
"""
# Binary COPY, as ecard.ledger.bulk says: each value behind its length, all big-endian, null as length -1.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_COLUMNS = 9
_IDS_OF_ROW = struct.Struct(">h iq ih iq iq i")
_AMOUNT = struct.Struct(">ii")
_BIGINT = struct.Struct(">iq")
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class NewGrant(NamedTuple):
    """One grant to be given; `account_ref` and `number` are the person's."""

    cardholder_id: int
    account_ref: int
    number: str
    period_key: str
    amount_minor: int


@transaction.atomic
def give(
    *,
    programme: Programme,
    grants: Sequence[NewGrant],
    expires_at: datetime,
    at: datetime,
    sponsor_id: int | None = None,
    run_id: int | None = None,
) -> dict[int, int]:
    """Give grants that were not given before, out of the account of the programme's sponsor or of the one named.

    Gives grant id → ledger account, in the order given. The caller has checked who may get them. Everything is
    written once, with COPY, at a few statements whatever the number.
    """
    if not grants:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_IDS, [len(grants)])
        ids = [row[0] for row in cursor.fetchall()]
    opened = open_funded(
        kind=AccountKind.GRANT,
        source_id=sponsor_id or programme.sponsor_id,
        accounts=[
            FundedAccount(f"grant {programme.pk} {new.number}", new.amount_minor, grant_id)
            for grant_id, new in zip(ids, grants, strict=True)
        ],
        transfer_kind=TransferKind.GRANT_ISSUE,
        cause_kind=CauseKind.GRANT,
        at=at,
    )
    tail = b"".join(
        (
            _BIGINT.pack(8, (at - _EPOCH) // _MICROSECOND),
            _BIGINT.pack(8, (expires_at - _EPOCH) // _MICROSECOND),
            _NULL if run_id is None else _BIGINT.pack(8, run_id),
        )
    )
    content = _binary_rows(programme.pk, ids, opened.ids, grants, tail)
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(content)
    record(topic=Topic.CARDHOLDER, refs=list(dict.fromkeys(new.account_ref for new in grants)), at=at)
    return dict(zip(ids, opened.ids, strict=True))


def _binary_rows(
    programme_id: int, ids: Sequence[int], accounts: Sequence[int], grants: Sequence[NewGrant], tail: bytes
) -> bytes:
    parts = [_HEADER]
    for grant_id, account_id, new in zip(ids, accounts, grants, strict=True):
        key = new.period_key.encode()
        parts += (
            _IDS_OF_ROW.pack(_COLUMNS, 8, grant_id, 2, programme_id, 8, new.cardholder_id, 8, account_id, len(key)),
            key,
            _AMOUNT.pack(4, new.amount_minor),
            tail,
        )
    return b"".join((*parts, _END))


def issue_grants(
    *,
    programme: Programme,
    cardholders: Sequence[Recipient],
    amount_minor: int,
    period_key: str,
    expires_at: datetime,
    at: datetime,
) -> IssueReport:
    """Give each person `amount_minor` of the programme for the period, once, however often this runs.

    For whoever has the people at hand; an administrator makes a run. A chunk of people commits at a time, so one that
    was cut short is continued by running it again. Raises BadGrant before anything is written.
    """
    if not 0 < amount_minor <= AMOUNT_MAX_MINOR:
        raise BadGrant("amount")
    if expires_at <= at:
        raise BadGrant("expiry")
    if not 0 < len(period_key) <= PERIOD_KEY_LENGTH_MAX:
        raise BadGrant("period")
    people = sorted({person.id: person for person in cardholders}.values(), key=lambda person: person.id)
    issued = already = 0
    for start in range(0, len(people), GRANTS_PER_CHUNK):
        chunk = people[start : start + GRANTS_PER_CHUNK]
        with transaction.atomic():
            # Two runs of one programme wait for each other here, so neither meets the unique key.
            Programme.objects.select_for_update().get(pk=programme.pk)
            had = already_given(programme.pk, [period_key], [each.id for each in chunk])
            active = Cardholder.objects.filter(pk__in=[each.id for each in chunk], state=CardholderState.ACTIVE)
            may = set(active.values_list("pk", flat=True)) - {person for person, _key in had}
            due = [
                NewGrant(each.id, each.account_ref, each.number, period_key, amount_minor)
                for each in chunk
                if each.id in may
            ]
            give(programme=programme, grants=due, expires_at=expires_at, at=at)
        issued += len(due)
        already += len(had)
    return IssueReport(
        issued=issued, already=already, closed=len(people) - issued - already, amount_minor=issued * amount_minor
    )


def already_given(programme_id: int, keys: Sequence[str], cardholder_ids: Sequence[int]) -> set[tuple[int, str]]:
    """(cardholder, period key) of the grants that exist already; the caller bounds the people."""
    has = Grant.objects.filter(programme_id=programme_id, period_key__in=keys, cardholder_id__in=cardholder_ids)
    return set(has.values_list("cardholder_id", "period_key"))


@transaction.atomic
def expire_grants(*, at: datetime, limit: int = EXPIRE_LIMIT) -> ExpiryReport:
    """Return the rest of up to `limit` grants, expired longer ago than EXPIRY_GRACE, to their sponsors.

    A grant with an open hold waits for the next sweep.
    """
    due = Grant.objects.filter(ended_at__isnull=True, expires_at__lte=at - EXPIRY_GRACE)
    chosen = list(due.select_related("programme", "cardholder").order_by("expires_at", "id")[:limit])
    if not chosen:
        return ExpiryReport(grants=0, returned_minor=0)
    sponsors = {grant.programme.sponsor_id for grant in chosen}
    # Accounts before grants, as posting does; what another sweep or a sale ended meanwhile is left out.
    locked = lock_accounts([*(grant.account_id for grant in chosen), *sponsors])
    running = Grant.objects.filter(pk__in=[grant.pk for grant in chosen], ended_at__isnull=True).order_by("pk")
    still = set(running.select_for_update().values_list("pk", flat=True))
    ended = [grant for grant in chosen if grant.pk in still and not locked[grant.account_id].held_minor]
    rows = [
        NewTransfer(
            debit_account=grant.account_id,
            credit_account=grant.programme.sponsor_id,
            amount_minor=locked[grant.account_id].balance_minor,
            kind=TransferKind.GRANT_EXPIRE,
            cause_kind=CauseKind.GRANT,
            cause_id=grant.pk,
        )
        for grant in ended
        if locked[grant.account_id].balance_minor > 0
    ]
    if rows:
        post_group(rows=rows, locked=locked, at=at)
    Grant.objects.filter(pk__in=[grant.pk for grant in ended]).update(ended_at=at)
    record(topic=Topic.CARDHOLDER, refs=sorted({grant.cardholder.account_ref for grant in ended}), at=at)
    return ExpiryReport(grants=len(ended), returned_minor=sum(row.amount_minor for row in rows))


def end_grants(*, accounts: Collection[int], at: datetime) -> None:
    """Nothing more can be spent from these lots; posting has returned what was left in them."""
    Grant.objects.filter(account_id__in=accounts, ended_at__isnull=True).update(ended_at=at)


def reopen_grants(*, accounts: Collection[int]) -> None:
    """What is in these lots again can be spent until they expire."""
    Grant.objects.filter(account_id__in=accounts).update(ended_at=None)
