"""Everything that writes benefits: grants, usage and published policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from devices.core.messages import SignedPolicy
from devices.core.policy import Policy, decode_policy, encode_policy
from ecard.benefits.compiler import compile_policy, known
from ecard.benefits.counting import add_usage
from ecard.benefits.errors import BadGrant, PolicyRefused
from ecard.benefits.models import (
    AMOUNT_MAX_MINOR,
    PERIOD_KEY_LENGTH_MAX,
    Grant,
    Programme,
    PublishedPolicy,
    Sponsor,
)
from ecard.benefits.rules import Problem, ProblemCode, problems, whole_second
from ecard.benefits.values import ExpiryReport, IssueReport, Recipient
from ecard.cardholders.models import Cardholder, CardholderState
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.operations import lock_accounts, open_account, open_accounts, post, post_group
from ecard.ledger.values import NewAccount, NewTransfer

__all__ = [
    "add_usage",
    "compile_policy",
    "expire_grants",
    "issue_grants",
    "open_programme",
    "open_sponsor",
    "publish_policy",
]

GRANTS_PER_CHUNK = 5_000
EXPIRE_LIMIT = 5_000
EXPIRY_GRACE = timedelta(days=7)
"""A terminal may sell this long without contact: a sale made before the expiry still finds its grant."""

PUBLISHING_LOCK = 0x65636172_64706F6C  # any constant that no other advisory lock of this database uses


@transaction.atomic
def open_sponsor(*, name: str, name_en: str = "", cost_centre: str = "") -> Sponsor:
    """Somebody who pays for benefits, with a busy ledger account of theirs."""
    account_id = open_account(kind=AccountKind.SPONSOR, label=f"sponsor {name}", floor_minor=None)
    return Sponsor.objects.create(account_id=account_id, name=name, name_en=name_en, cost_centre=cost_centre)


@transaction.atomic
def open_programme(
    *, name: str, name_en: str = "", sponsor_id: int | None = None, part_payment: bool = True, order: int = 0
) -> Programme:
    """Make a programme; without a sponsor's account it gets one of its own."""
    return Programme.objects.create(
        name=name,
        name_en=name_en,
        sponsor_id=open_sponsor(name=name, name_en=name_en).pk if sponsor_id is None else sponsor_id,
        part_payment=part_payment,
        order=order,
    )


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

    A chunk of people commits at a time, so a run that was cut short is continued by running it again.
    Raises BadGrant before anything is written.
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
            has = Grant.objects.filter(programme=programme, period_key=period_key)
            had = set(has.filter(cardholder_id__in=[each.id for each in chunk]).values_list("cardholder_id", flat=True))
            active = Cardholder.objects.filter(pk__in=[each.id for each in chunk], state=CardholderState.ACTIVE)
            may = set(active.values_list("pk", flat=True))
            due = [each for each in chunk if each.id in may and each.id not in had]
            _issue(programme, due, amount_minor=amount_minor, period_key=period_key, expires_at=expires_at, at=at)
        issued += len(due)
        already += len(had)
    return IssueReport(
        issued=issued, already=already, closed=len(people) - issued - already, amount_minor=issued * amount_minor
    )


def _issue(
    programme: Programme,
    people: Sequence[Recipient],
    *,
    amount_minor: int,
    period_key: str,
    expires_at: datetime,
    at: datetime,
) -> None:
    if not people:
        return
    accounts = open_accounts(
        accounts=[
            NewAccount(kind=AccountKind.GRANT, label=f"grant {programme.pk} {person.number}", floor_minor=0)
            for person in people
        ]
    )
    grants = Grant.objects.bulk_create(
        Grant(
            programme=programme,
            cardholder_id=person.id,
            account_id=account_id,
            period_key=period_key,
            amount_minor=amount_minor,
            issued_at=at,
            expires_at=expires_at,
        )
        for person, account_id in zip(people, accounts, strict=True)
    )
    post(
        transfers=[
            NewTransfer(
                debit_account=programme.sponsor_id,
                credit_account=grant.account_id,
                amount_minor=amount_minor,
                kind=TransferKind.GRANT_ISSUE,
                cause_kind=CauseKind.GRANT,
                cause_id=grant.pk,
            )
            for grant in grants
        ],
        at=at,
    )
    record(topic=Topic.CARDHOLDER, refs=[person.account_ref for person in people], at=at)


@transaction.atomic
def expire_grants(*, at: datetime, limit: int = EXPIRE_LIMIT) -> ExpiryReport:
    """Return the rest of up to `limit` grants, expired longer ago than EXPIRY_GRACE, to their sponsors.

    A grant with an open hold waits for the next sweep.
    """
    due = Grant.objects.filter(ended_at__isnull=True, expires_at__lte=at - EXPIRY_GRACE)
    chosen = list(
        due.select_related("programme", "cardholder")
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("expires_at", "id")[:limit]
    )
    if not chosen:
        return ExpiryReport(grants=0, returned_minor=0)
    sponsors = {grant.programme.sponsor_id for grant in chosen}
    locked = lock_accounts([*(grant.account_id for grant in chosen), *sponsors])
    ended = [grant for grant in chosen if not locked[grant.account_id].held_minor]
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


@transaction.atomic
def publish_policy(
    *,
    at: datetime,
    starts_at: datetime,
    by: AbstractBaseUser | None,
    sign: Callable[[bytes], SignedPolicy],
) -> PublishedPolicy:
    """Compile the rules, check them, number and sign them; terminals hear of it through the change.

    `starts_at` is rounded up to a second. Raises PolicyRefused with every problem found.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLISHING_LOCK])
    starts_at = whole_second(starts_at)
    last = PublishedPolicy.objects.order_by("-number").values_list("number", flat=True).first()
    policy = compile_policy(number=(last or 0) + 1, starts_at=starts_at)
    body = _checked(policy, at=at, starts_at=starts_at)
    signed = sign(body)
    published = PublishedPolicy.objects.create(
        number=policy.number,
        body=signed.body,
        key_id=signed.key_id,
        signature=signed.signature,
        starts_at=starts_at,
        published_at=at,
        published_by_id=by.pk if by else None,
    )
    record(topic=Topic.POLICY, refs=[policy.number], at=at)
    return published


def _checked(policy: Policy, *, at: datetime, starts_at: datetime) -> bytes:
    """The policy's bytes, which read back to the same value. Raises PolicyRefused."""
    found = problems(policy, known=known())
    if starts_at < at:
        found = (*found, Problem(ProblemCode.STARTS_IN_THE_PAST))
    if found:
        raise PolicyRefused(found)
    body = encode_policy(policy)
    try:
        same = decode_policy(body) == policy
    except msgspec.ValidationError as error:
        raise PolicyRefused((Problem(ProblemCode.UNREADABLE, str(error)),)) from error
    if not same:
        raise PolicyRefused((Problem(ProblemCode.UNREADABLE),))
    return body
