"""Everything that writes benefits: grants, usage and published policies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from devices.core.messages import SignedPolicy
from devices.core.policy import Policy, decode_policy, encode_policy
from ecard.benefits.compiler import compile_policy, known
from ecard.benefits.counting import add_usage
from ecard.benefits.errors import PolicyRefused
from ecard.benefits.granting import EXPIRY_GRACE, end_grants, expire_grants, issue_grants, reopen_grants
from ecard.benefits.models import (
    Programme,
    PublishedPolicy,
    Sponsor,
)
from ecard.benefits.rules import Problem, ProblemCode, problems, whole_second
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.models import AccountKind
from ecard.ledger.operations import open_account

__all__ = [
    "EXPIRY_GRACE",
    "add_usage",
    "compile_policy",
    "end_grants",
    "expire_grants",
    "issue_grants",
    "open_programme",
    "open_sponsor",
    "publish_policy",
    "reopen_grants",
]

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
