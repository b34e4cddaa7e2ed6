"""Asking, deciding and using. The four-eyes rule stands here once, for policies and for runs that create money."""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.core.mail import send_mail
from django.db import connection, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ecard.approvals import queries
from ecard.approvals.errors import (
    AlreadyDecided,
    BadRule,
    NotApproved,
    NotPermitted,
    NotReauthenticated,
    NotYetEffective,
    OneHand,
    OtherContent,
    OwnerNotTold,
    SamePerson,
)
from ecard.approvals.models import (
    DELAY_MAX_MINUTES,
    DELAY_MIN_MINUTES,
    DIGEST_BYTES,
    PERMISSIONS,
    STANDING,
    SUMMARY_LENGTH_MAX,
    Approval,
    ApprovalRule,
    Kind,
    Mode,
    State,
)

REASON_LENGTH_MAX = 200


@transaction.atomic
def ask(*, kind: Kind, subject_id: int, digest: bytes, summary: str, by: AbstractBaseUser, at: datetime) -> Approval:
    """Ask that exactly what `digest` is over may go ahead.

    The same again gives the request that stands; other content withdraws that one and asks anew.
    """
    if len(digest) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes")
    rule = queries.rule()
    _lock_subject(kind, subject_id)
    stands = Approval.objects.select_for_update().filter(kind=kind, subject_id=subject_id, state__in=STANDING).first()
    if stands is not None:
        if bytes(stands.digest) == digest:
            return stands
        _decide(stands, state=State.WITHDRAWN, by=by, at=at, reason=_("replaced by another request"))
    return Approval.objects.create(
        kind=kind,
        subject_id=subject_id,
        digest=digest,
        summary=summary[:SUMMARY_LENGTH_MAX],
        mode=rule.mode,
        asked_by_id=by.pk,
        asked_at=at,
    )


@transaction.atomic
def approve(*, approval_id: int, by: AbstractBaseUser, at: datetime, reauthenticated: bool) -> Approval:
    """Let it go ahead: at once by a second person; by a declared single administrator after the delay.

    A login that the asker made, let approve or gave a password lately, or that did so to the asker's, is no second
    person. Raises AlreadyDecided, NotPermitted, SamePerson, OneHand, NotReauthenticated, or OwnerNotTold where the
    notice could not be sent.
    """
    approval = _locked(approval_id, states=(State.OPEN,))
    _check_right(approval, by)
    if not queries.in_one_hand(approval.asked_by_id, by.pk, at=at):
        return _decide(approval, state=State.APPROVED, by=by, at=at, mode=Mode.SECOND_PERSON, effective_at=at)
    rule = queries.rule()
    # The stricter of the rule when it was asked and the rule now.
    if Mode.SECOND_PERSON in (approval.mode, rule.mode):
        raise SamePerson if approval.asked_by_id == by.pk else OneHand(queries.ONE_HAND_FOR.days)
    if not reauthenticated:
        raise NotReauthenticated
    effective_at = at + timedelta(minutes=rule.delay_minutes)
    decided = _decide(
        approval, state=State.APPROVED, by=by, at=at, mode=Mode.SINGLE_ADMINISTRATOR, effective_at=effective_at
    )
    _tell([rule.owner_email], _("Approved without a second person"), _notice(decided, by))
    return decided


@transaction.atomic
def refuse(*, approval_id: int, by: AbstractBaseUser, at: datetime, reason: str) -> Approval:
    """Say no, also to what is approved and not used yet. Raises AlreadyDecided, NotPermitted or SamePerson."""
    approval = _locked(approval_id, states=STANDING)
    _check_right(approval, by)
    if approval.asked_by_id == by.pk and approval.mode == Mode.SECOND_PERSON:
        raise SamePerson
    return _decide(approval, state=State.REFUSED, by=by, at=at, reason=reason)


@transaction.atomic
def withdraw(*, approval_id: int, by: AbstractBaseUser, at: datetime) -> Approval:
    """Take a request back: the asker may, until it is used. Raises AlreadyDecided or NotPermitted."""
    approval = _locked(approval_id, states=STANDING)
    if approval.asked_by_id != by.pk:
        raise NotPermitted
    return _decide(approval, state=State.WITHDRAWN, by=by, at=at)


def use(*, kind: Kind, subject_id: int, digest: bytes, at: datetime) -> Approval:
    """Mark the approval used, inside the transaction that does what was approved: one approval, one deed.

    Raises NotApproved, OtherContent or NotYetEffective.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("use an approval inside transaction.atomic(), with what it lets go ahead")
    found = Approval.objects.select_for_update().filter(kind=kind, subject_id=subject_id, state=State.APPROVED)
    approval = found.first()
    if approval is None or approval.effective_at is None:
        raise NotApproved
    if bytes(approval.digest) != digest:
        raise OtherContent
    if approval.effective_at > at:
        raise NotYetEffective(approval.effective_at)
    approval.state, approval.used_at = State.USED, at
    approval.save(update_fields=["state", "used_at"])
    return approval


@transaction.atomic
def declare_single_administrator(
    *, owner_email: str, delay_minutes: int, by: AbstractBaseUser, at: datetime, reauthenticated: bool
) -> ApprovalRule:
    """There is nobody else: from now on an approval of one's own takes effect after a delay, told to the owner.

    An owner who is replaced is told so as well. Raises BadRule, or OwnerNotTold: whoever cannot be reached is none.
    """
    within = DELAY_MIN_MINUTES <= delay_minutes <= DELAY_MAX_MINUTES
    if not (_is_superuser(by) and reauthenticated and owner_email and within):
        raise BadRule
    told = {"who": by.get_username(), "minutes": delay_minutes}
    owners = {queries.rule().owner_email or owner_email, owner_email}
    rule = _save_rule(
        mode=Mode.SINGLE_ADMINISTRATOR, owner_email=owner_email, delay_minutes=delay_minutes, by=by, at=at
    )
    _tell(
        sorted(owners),
        _("A single administrator was declared"),
        _("%(who)s may from now on approve alone, %(minutes)d minutes after a notice to the owner.") % told
        + "\n\n"
        + _("Owner: %(email)s") % {"email": owner_email},
    )
    return rule


@transaction.atomic
def require_second_person(*, by: AbstractBaseUser, at: datetime, reauthenticated: bool) -> ApprovalRule:
    """Back to the rule of the second person, for what is waiting too. Raises BadRule."""
    if not (_is_superuser(by) and reauthenticated):
        raise BadRule
    known = queries.rule()
    return _save_rule(
        mode=Mode.SECOND_PERSON, owner_email=known.owner_email, delay_minutes=known.delay_minutes, by=by, at=at
    )


def _save_rule(*, mode: Mode, owner_email: str, delay_minutes: int, by: AbstractBaseUser, at: datetime) -> ApprovalRule:
    rule, _made = ApprovalRule.objects.update_or_create(
        pk=1,
        defaults={
            "mode": mode,
            "owner_email": owner_email,
            "delay_minutes": delay_minutes,
            "declared_by_id": by.pk,
            "declared_at": at,
        },
    )
    return rule


def _lock_subject(kind: Kind, subject_id: int) -> None:
    """Two requests about one subject wait for each other: there may be no row yet to lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"approvals {kind} {subject_id}"])


def _locked(approval_id: int, *, states: tuple[State, ...]) -> Approval:
    approval = Approval.objects.select_for_update().filter(pk=approval_id, state__in=states).first()
    if approval is None:
        raise AlreadyDecided
    return approval


def _check_right(approval: Approval, by: AbstractBaseUser) -> None:
    if not isinstance(by, PermissionsMixin) or not by.has_perm(PERMISSIONS[Kind(approval.kind)]):
        raise NotPermitted


def _is_superuser(by: AbstractBaseUser) -> bool:
    return isinstance(by, PermissionsMixin) and by.is_superuser and by.is_active


def _decide(
    approval: Approval,
    *,
    state: State,
    by: AbstractBaseUser,
    at: datetime,
    reason: str = "",
    mode: Mode | None = None,
    effective_at: datetime | None = None,
) -> Approval:
    approval.state, approval.decided_at, approval.reason = state, at, reason[:REASON_LENGTH_MAX]
    approval.decided_by_id, approval.effective_at = by.pk, effective_at
    approval.mode = mode or approval.mode
    approval.save(update_fields=["state", "decided_at", "decided_by", "reason", "effective_at", "mode"])
    return approval


def _notice(approval: Approval, by: AbstractBaseUser) -> str:
    moment = timezone.localtime(approval.effective_at)
    return "\n\n".join(
        (
            _("%(who)s approved this alone:") % {"who": by.get_username()},
            approval.summary,
            _("It takes effect at %(moment)s. Until then it can be refused in administration.")
            % {"moment": date_format(moment, "DATETIME_FORMAT")},
            f"{settings.ECARD_PUBLIC_URL}/admin/approvals/approval/{approval.pk}/change/",
        )
    )


def _tell(owners: list[str], subject: str, text: str) -> None:
    """Inside the transaction: what the owner was not told of did not happen."""
    try:
        sent = send_mail(subject, text, None, owners)
    except (OSError, smtplib.SMTPException) as failed:
        raise OwnerNotTold from failed
    if not sent:
        raise OwnerNotTold
