"""Everything that writes settlement: receiving, checking, posting, and what a person decides afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser

from ecard.settlement import receiving
from ecard.settlement.audit import audit_sample
from ecard.settlement.authorising.operations import authorise, forget_authorised, lapse_authorised
from ecard.settlement.evidence import CHECK_BATCHES, check_evidence
from ecard.settlement.limits import note_over_limits
from ecard.settlement.models import NOTE_LENGTH_MAX, ExceptionState, QuarantinedBatch, SaleException
from ecard.settlement.posting.group import GROUP_RECORDS, post
from ecard.settlement.receiving import NotAdmissible, receive
from ecard.settlement.reported.operations import forget_who_passed
from ecard.settlement.values import SettleReport

__all__ = [
    "NotAdmissible",
    "admit_quarantined",
    "audit_sample",
    "authorise",
    "check_evidence",
    "forget_authorised",
    "forget_who_passed",
    "lapse_authorised",
    "note_over_limits",
    "post",
    "receive",
    "resolve_exception",
    "resolve_quarantined",
    "settle",
]

SETTLE_ROUNDS = 200


class NoteMissing(ValueError):
    """The person gave no note, or one that is too long: a matter is closed with a reason that others can read."""


def settle(
    *,
    clock: Callable[[], datetime],
    rounds: int = SETTLE_ROUNDS,
    limit_batches: int = CHECK_BATCHES,
    limit_records: int = GROUP_RECORDS,
) -> SettleReport:
    """Check and post until nothing is waiting, or `rounds` are done.

    Any number may run side by side; each takes what the others have not.
    """
    checked = posted = exceptions = 0
    more = True
    for _round in range(rounds):
        check = check_evidence(at=clock(), limit=limit_batches)
        group = post(at=clock(), limit_records=limit_records)
        checked += check.records
        posted += group.records
        exceptions += group.exceptions
        if not check.batches and not group.batches:
            more = False
            break
    return SettleReport(checked=checked, posted=posted, exceptions=exceptions, more=more)


def resolve_exception(*, exception: SaleException, by: AbstractBaseUser | None, note: str, at: datetime) -> bool:
    """Close a matter with a note; False where somebody already did. Raises NoteMissing."""
    done = SaleException.objects.filter(pk=exception.pk, state=ExceptionState.OPEN).update(
        state=ExceptionState.RESOLVED, resolved_at=at, resolved_by_id=by.pk if by else None, note=_note(note)
    )
    return bool(done)


def admit_quarantined(*, batch: QuarantinedBatch, by: AbstractBaseUser | None, note: str, at: datetime) -> int:
    """Take in an upload that was kept apart, with a note; gives the last sequence now held.

    Raises NoteMissing, NotAdmissible.
    """
    return receiving.admit(batch=batch, by=by, note=_note(note), at=at).acknowledged


def resolve_quarantined(*, batch: QuarantinedBatch, by: AbstractBaseUser | None, note: str, at: datetime) -> bool:
    """Mark a quarantined upload as looked at; its bytes stay. False where somebody already did. Raises NoteMissing."""
    done = QuarantinedBatch.objects.filter(pk=batch.pk, resolved_at__isnull=True).update(
        resolved_at=at, resolved_by_id=by.pk if by else None, note=_note(note)
    )
    return bool(done)


def _note(text: str) -> str:
    note = text.strip()
    if not 0 < len(note) <= NOTE_LENGTH_MAX:
        raise NoteMissing(f"a note has 1 to {NOTE_LENGTH_MAX} characters")
    return note
