"""Reading drafts: what they say, how far they have come, and what a published policy can go back to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

import msgspec
from django.db import connection

from devices.core.policy import Policy, decode_policy, encode_policy
from ecard.approvals.models import Approval, Kind
from ecard.approvals.models import State as ApprovalState
from ecard.benefits.compiler import compile_policy
from ecard.benefits.errors import PolicyRefused
from ecard.benefits.models import DraftState, PolicyDraft, PublishedPolicy
from ecard.benefits.rules import Problem, ProblemCode

DRAFT_DOMAIN = b"ecard draft of a policy\n"
ROLLBACK_WITHIN = timedelta(days=7)
READ_AGAIN_MOST = 5
_DRAFTED = """
SELECT EXISTS (SELECT 1 FROM benefits_policydraft WHERE convert_from(body, 'UTF8')::jsonb -> 'entitlements' @> %s)
    OR EXISTS (SELECT 1 FROM benefits_publishedpolicy WHERE convert_from(body, 'UTF8')::jsonb -> 'entitlements' @> %s)
"""
_NO_START = datetime(1970, 1, 1, tzinfo=UTC)


class Stage(StrEnum):
    """How far a draft has come."""

    DRAFT = "draft"
    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


_STAGE_OF_APPROVAL = {
    ApprovalState.OPEN: Stage.ASKED,
    ApprovalState.APPROVED: Stage.APPROVED,
    ApprovalState.REFUSED: Stage.REFUSED,
}


def content_of(policy: Policy) -> bytes:
    """A policy's bytes without its number and its start: what two policies are compared by."""
    return encode_policy(msgspec.structs.replace(policy, number=0, starts_at_s=0))


def rules_as_they_stand() -> bytes:
    """The same of the rules as administrators left them."""
    return content_of(compile_policy(number=0, starts_at=_NO_START))


def rules_of_one_moment() -> bytes:
    """The same, with no edit half in it: an edit saved between two of the many statements would be.

    Read again until nothing changed between two readings: at the moment between them all of it stood so. Raises
    PolicyRefused.
    """
    read = rules_as_they_stand()
    for _attempt in range(READ_AGAIN_MOST):
        again = rules_as_they_stand()
        if again == read:
            return read
        read = again
    raise PolicyRefused((Problem(ProblemCode.BEING_EDITED),))


def digest_of(body: bytes) -> bytes:
    """What an approval of a draft is over."""
    return blake2b(DRAFT_DOMAIN + body, digest_size=32).digest()


def policy_of(draft: PolicyDraft) -> Policy:
    """What the draft says, under number 0."""
    return decode_policy(bytes(draft.body))


def basis_of(draft: PolicyDraft) -> Policy | None:
    """What the draft would replace; None for the first policy."""
    return None if draft.basis is None else decode_policy(bytes(draft.basis.body))


def rules_changed(draft: PolicyDraft) -> bool:
    """Whether somebody edited the rules after the draft was made: it does not say so, and needs a successor to."""
    return rules_as_they_stand() != bytes(draft.body)


def was_drafted(entitlement_id: int) -> bool:
    """Whether a draft or a published policy has this free meal, in one statement; a trigger asks the same."""
    named = json.dumps([{"id": entitlement_id}])
    with connection.cursor() as cursor:
        cursor.execute(_DRAFTED, [named, named])
        return bool(cursor.fetchone()[0])


def newest_published() -> PublishedPolicy | None:
    """The policy with the highest number, in force or about to be."""
    return PublishedPolicy.objects.order_by("-number").first()


def overtaken(draft: PolicyDraft) -> bool:
    """Whether a policy was published after the draft was made."""
    newest = newest_published()
    return draft.state == DraftState.DRAFT and draft.basis_id != (newest.number if newest else None)


def brought_forward(draft: PolicyDraft, *, at: datetime) -> PublishedPolicy | None:
    """The policy after which the draft was made, while it has not started: a sooner start starts its changes too."""
    basis = draft.basis
    return basis if draft.state == DraftState.DRAFT and basis is not None and basis.starts_at > at else None


def stage_of(draft: PolicyDraft) -> Stage:
    """How far this one has come."""
    return stages_of([draft])[draft.pk]


def stages_of(drafts: Iterable[PolicyDraft]) -> dict[int, Stage]:
    """How far each has come, in one statement; the caller bounds them."""
    found = {draft.pk: Stage(draft.state) for draft in drafts}
    running = [pk for pk, stage in found.items() if stage is Stage.DRAFT]
    if not running:
        return found
    approvals = Approval.objects.filter(kind=Kind.POLICY, subject_id__in=running).order_by("id")
    for subject_id, state in approvals.values_list("subject_id", "state"):
        found[subject_id] = _STAGE_OF_APPROVAL.get(ApprovalState(state), Stage.DRAFT)
    return found


def previous_of(published: PublishedPolicy) -> PublishedPolicy | None:
    """The policy that governed when this one took over."""
    before = PublishedPolicy.objects.filter(number__lt=published.number, starts_at__lte=published.starts_at)
    return before.order_by("-number").first()


def may_go_back(published: PublishedPolicy, *, at: datetime) -> PublishedPolicy | None:
    """The policy to which one click leads back from this one; None where it takes a draft and a second person."""
    if PublishedPolicy.objects.filter(number__gt=published.number).exists():
        return None
    return previous_of(published) if at - published.published_at <= ROLLBACK_WITHIN else None
