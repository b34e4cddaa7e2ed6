"""From the rules as administrators left them to a signed policy: draft, ask, publish, and back.

What a person approved is a draft's bytes; a published policy is those bytes with a number and a start. Publishing
takes one lock, so numbers follow one another and nothing is published on top of what its author did not know.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import msgspec
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from devices.core.messages import SignedPolicy
from devices.core.policy import Policy, decode_policy, encode_policy
from ecard.approvals import operations as approvals
from ecard.approvals import queries as approval_queries
from ecard.approvals.models import Approval, Kind
from ecard.benefits import drafts
from ecard.benefits.compiler import known
from ecard.benefits.errors import AlreadyPublished, CannotGoBack, DraftEnded, DraftOvertaken, PolicyRefused
from ecard.benefits.models import DraftState, PolicyDraft, PublishedPolicy
from ecard.benefits.models.drafts import DRAFT_NAME_LENGTH_MAX, DRAFT_REASON_LENGTH_MAX
from ecard.benefits.rules import Problem, ProblemCode, problems, whole_second
from ecard.changes.models import Topic
from ecard.changes.operations import record

PUBLISHING_LOCK = 0x65636172_64706F6C  # any constant that no other advisory lock of this database uses

Sign: TypeAlias = Callable[[bytes], SignedPolicy]


@transaction.atomic
def make_draft(
    *, name: str, by: AbstractBaseUser | None, at: datetime, wished_start: datetime | None = None
) -> PolicyDraft:
    """The rules as they stand now, kept as they are from here on. Nothing is checked: that is for people to read."""
    return _keep_draft(drafts.rules_of_one_moment(), name=name, by=by, at=at, wished_start=wished_start)


@transaction.atomic
def draft_from(*, number: int, name: str, by: AbstractBaseUser | None, at: datetime) -> PolicyDraft:
    """A draft that says what a published policy says; it goes the way of every draft."""
    old = PublishedPolicy.objects.get(number=number)
    return _keep_draft(drafts.content_of(decode_policy(bytes(old.body))), name=name, by=by, at=at)


@transaction.atomic
def withdraw_draft(*, draft_id: int, by: AbstractBaseUser, at: datetime) -> None:
    """Give a draft up; an approval asked for by the same person goes with it. Raises DraftEnded."""
    draft = _running(draft_id)
    standing = approval_queries.standing(kind=Kind.POLICY, subject_id=draft.pk)
    if standing is not None and standing.asked_by_id == by.pk:
        approvals.withdraw(approval_id=standing.pk, by=by, at=at)
    _end(draft, DraftState.WITHDRAWN, at=at)


@transaction.atomic
def ask_for_draft(*, draft_id: int, summary: str, by: AbstractBaseUser, at: datetime) -> Approval:
    """Ask that exactly this draft may be published. Raises DraftEnded, DraftOvertaken or PolicyRefused."""
    draft = _running(draft_id)
    if drafts.overtaken(draft):
        raise DraftOvertaken
    _refuse_problems(drafts.policy_of(draft))
    digest = drafts.digest_of(bytes(draft.body))
    return approvals.ask(kind=Kind.POLICY, subject_id=draft.pk, digest=digest, summary=summary, by=by, at=at)


@transaction.atomic
def publish_draft(
    *, draft_id: int, starts_at: datetime, by: AbstractBaseUser | None, at: datetime, sign: Sign
) -> PublishedPolicy:
    """Publish what was approved, byte for byte but for its number and start; the approval is used up.

    Raises approvals' errors, PolicyRefused, DraftEnded, or DraftOvertaken where another policy came in between.
    """
    _lock_publishing()
    draft = _running(draft_id)
    if drafts.overtaken(draft):
        raise DraftOvertaken
    body = bytes(draft.body)
    approvals.use(kind=Kind.POLICY, subject_id=draft.pk, digest=drafts.digest_of(body), at=at)
    _refuse_problems(decode_policy(body))
    made = _publish(body, starts_at=starts_at, by=by, at=at, sign=sign)
    _end(draft, DraftState.PUBLISHED, at=at, published=made)
    return made


@transaction.atomic
def publish_policy(*, at: datetime, starts_at: datetime, by: AbstractBaseUser | None, sign: Sign) -> PublishedPolicy:
    """Set up an installation: its very first policy, which replaces nothing and so asks nobody. No page leads here.

    Raises PolicyRefused with every problem found, or AlreadyPublished: from then on policies come from drafts.
    """
    _lock_publishing()
    if PublishedPolicy.objects.exists():
        raise AlreadyPublished
    body = drafts.rules_of_one_moment()
    _refuse_problems(decode_policy(body))
    return _publish(body, starts_at=starts_at, by=by, at=at, sign=sign)


@transaction.atomic
def roll_back(*, number: int, reason: str, by: AbstractBaseUser | None, at: datetime, sign: Sign) -> PublishedPolicy:
    """Undo the newest policy: publish under a new number what governed before it, from now or its own start on.

    A second person has approved that content before, and it decided until a few days ago: so one person may bring it
    back within ROLLBACK_WITHIN, for a reason that stays in the history. The rules being edited stay as they are.
    Raises CannotGoBack.
    """
    _lock_publishing()
    undone = PublishedPolicy.objects.filter(number=number).first()
    target = None if undone is None else drafts.may_go_back(undone, at=at)
    if target is None or not reason.strip():
        raise CannotGoBack
    body = drafts.content_of(decode_policy(bytes(target.body)))
    made = _publish(body, starts_at=max(at, target.starts_at), by=by, at=at, sign=sign)
    PolicyDraft.objects.create(
        name=f"#{number} → #{target.number}",
        body=body,
        digest=drafts.digest_of(body),
        basis=undone,
        made_by_id=by.pk if by else None,
        made_at=at,
        returns_to=target,
        reason=reason.strip()[:DRAFT_REASON_LENGTH_MAX],
        state=DraftState.PUBLISHED,
        published=made,
        ended_at=at,
    )
    return made


def _keep_draft(
    body: bytes, *, name: str, by: AbstractBaseUser | None, at: datetime, wished_start: datetime | None = None
) -> PolicyDraft:
    return PolicyDraft.objects.create(
        name=" ".join(name.split())[:DRAFT_NAME_LENGTH_MAX],
        body=body,
        digest=drafts.digest_of(body),
        basis=drafts.newest_published(),
        made_by_id=by.pk if by else None,
        made_at=at,
        wished_start=wished_start,
    )


def _running(draft_id: int) -> PolicyDraft:
    draft = PolicyDraft.objects.select_for_update(no_key=True).filter(pk=draft_id).first()
    if draft is None or draft.state != DraftState.DRAFT:
        raise DraftEnded
    return draft


def _end(draft: PolicyDraft, state: DraftState, *, at: datetime, published: PublishedPolicy | None = None) -> None:
    draft.state, draft.ended_at, draft.published = state, at, published
    draft.save(update_fields=["state", "ended_at", "published"])


def _lock_publishing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLISHING_LOCK])


def _refuse_problems(policy: Policy) -> None:
    found = problems(policy, known=known())
    if found:
        raise PolicyRefused(found)


def _publish(
    body: bytes, *, starts_at: datetime, by: AbstractBaseUser | None, at: datetime, sign: Sign
) -> PublishedPolicy:
    """Number, sign and keep; terminals hear of it through the change. `starts_at` is rounded up to a second."""
    starts_at = whole_second(starts_at)
    if starts_at < at:
        raise PolicyRefused((Problem(ProblemCode.STARTS_IN_THE_PAST),))
    newest = drafts.newest_published()
    number = newest.number + 1 if newest else 1
    signed = sign(_numbered(body, number=number, starts_at=starts_at))
    made = PublishedPolicy.objects.create(
        number=number,
        body=signed.body,
        key_id=signed.key_id,
        signature=signed.signature,
        starts_at=starts_at,
        published_at=at,
        published_by_id=by.pk if by else None,
    )
    record(topic=Topic.POLICY, refs=[number], at=at)
    return made


def _numbered(body: bytes, *, number: int, starts_at: datetime) -> bytes:
    """A draft's content as it is signed; it reads back to exactly what was approved."""
    try:
        policy = decode_policy(body)
        named = encode_policy(msgspec.structs.replace(policy, number=number, starts_at_s=int(starts_at.timestamp())))
        same = drafts.content_of(decode_policy(named)) == body
    except msgspec.ValidationError as error:
        raise PolicyRefused((Problem(ProblemCode.UNREADABLE, str(error)),)) from error
    if not same:
        raise PolicyRefused((Problem(ProblemCode.UNREADABLE),))
    return named
