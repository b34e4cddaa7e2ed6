"""Policies as administrators publish them and as terminals come by them."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from devices.core.policy import Policy, decode_policy, in_force
from ecard.approvals import operations as approvals
from ecard.benefits.models import PolicyDraft, PublishedPolicy
from ecard.benefits.operations import ask_for_draft, make_draft
from ecard.benefits.queries import policies_for_terminals
from ecard.terminals import operations as terminals


def policy_in_force(at: datetime) -> Policy | None:
    """The policy by which a terminal with what it is sent at `at` would decide then."""
    policies = tuple(decode_policy(each.body) for each in policies_for_terminals(at))
    return in_force(policies, at_s=int(at.timestamp()))


def administrator(name: str) -> User:
    """A superuser of that name."""
    return User.objects.filter(username=name).first() or User.objects.create_superuser(name)


def approved_draft(*, at: datetime, name: str = "rules") -> PolicyDraft:
    """The rules as they stand, drafted by one person and approved by another."""
    draft = make_draft(name=name, by=administrator("author"), at=at)
    asked = ask_for_draft(draft_id=draft.pk, summary=name, by=administrator("author"), at=at)
    approvals.approve(approval_id=asked.pk, by=administrator("second"), at=at, reauthenticated=False)
    return draft


def publish_rules(*, at: datetime, starts_at: datetime | None = None) -> PublishedPolicy:
    """Publish the rules as they stand: the first policy as set-up does, the next ones as people do."""
    if not PublishedPolicy.objects.exists():
        return terminals.publish(at=at, starts_at=starts_at or at, by=None)
    draft = approved_draft(at=at)
    return terminals.publish_draft(draft_id=draft.pk, starts_at=starts_at or at, by=None, at=at)
