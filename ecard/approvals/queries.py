"""Reading approvals."""

from __future__ import annotations

from ecard.approvals.models import STANDING, Approval, ApprovalRule, Kind, Mode, State

OPEN_LIMIT = 200


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


def waiting() -> int:
    """How many requests wait; counted to OPEN_LIMIT."""
    return Approval.objects.filter(state=State.OPEN)[:OPEN_LIMIT].count()
