"""Reading approvals."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from ecard.approvals.models import STANDING, Approval, ApprovalRule, Kind, Mode, State

OPEN_LIMIT = 200
ONE_HAND_FOR = timedelta(days=30)
"""So long a login counts as one's own after one made it, set its password or let it approve."""

_ONE_HAND = """
WITH RECURSIVE hand (login, root) AS (
    SELECT login, login FROM unnest(%(logins)s::bigint[]) AS asked (login)
    UNION
    SELECT change.by_id, hand.root
    FROM hand JOIN approvals_loginchange AS change ON change.login_id = hand.login AND change.at > %(since)s
)
SELECT EXISTS (SELECT 1 FROM hand WHERE login = ANY(%(logins)s) AND login <> root)
"""


def rule() -> ApprovalRule:
    """How this institution approves; a second person until something else is declared."""
    return ApprovalRule.objects.filter(pk=1).first() or ApprovalRule(mode=Mode.SECOND_PERSON)


def standing(*, kind: Kind, subject_id: int) -> Approval | None:
    """The subject's approval that is open or approved and not used yet, if there is one."""
    return (
        Approval.objects.filter(kind=kind, subject_id=subject_id, state__in=STANDING)
        .select_related("asked_by", "decided_by")
        .first()
    )


def newest(*, kind: Kind, subject_id: int) -> Approval | None:
    """The subject's newest approval, whatever became of it."""
    found = Approval.objects.filter(kind=kind, subject_id=subject_id).select_related("asked_by", "decided_by")
    return found.order_by("-id").first()


def in_one_hand(one: int, other: int, *, at: datetime) -> bool:
    """Whether both logins are one person's, or one may be the other's: made, let approve or given a password by it.

    Also by way of further logins. Two that a third login made are two people: whoever makes logins makes everybody's.
    """
    if one == other:
        return True
    with connection.cursor() as cursor:
        cursor.execute(_ONE_HAND, {"logins": [one, other], "since": at - ONE_HAND_FOR})
        (found,) = cursor.fetchone()
    return bool(found)


def waiting() -> int:
    """How many requests wait; counted to OPEN_LIMIT."""
    return Approval.objects.filter(state=State.OPEN)[:OPEN_LIMIT].count()
