"""A run until it may be paid out: its terms, its list, its duplicates, and the request for approval."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from ecard.approvals import operations as approvals
from ecard.approvals.models import Approval, Kind
from ecard.approvals.queries import standing
from ecard.benefits.models import AMOUNT_MAX_MINOR, RUN_PERIOD_KEY_LENGTH_MAX, Programme, Run, RunKind, RunState
from ecard.benefits.models.programmes import PIECES_MAX, Ends, ProgrammeKind
from ecard.benefits.runs import duplicates
from ecard.benefits.runs.errors import (
    BadRun,
    DuplicatesUndecided,
    NobodyToPay,
    NotYourName,
    TooLate,
    WrongState,
)
from ecard.benefits.runs.people import Selection, list_people
from ecard.benefits.runs.sentences import run_summary

_TOTALS = """
SELECT count(*) FILTER (WHERE left_out = 0), coalesce(sum(amount_minor) FILTER (WHERE left_out = 0), 0)::bigint,
       count(*) FILTER (WHERE left_out <> 0), count(*) FILTER (WHERE left_out = 0 AND duplicate <> 0)
FROM benefits_runline WHERE run_id = %s
"""
_CONTENT = """
SELECT sha256(convert_to(coalesce(string_agg(cardholder_id || ':' || amount_minor, ',' ORDER BY cardholder_id), ''),
                         'UTF8'))
FROM benefits_runline WHERE run_id = %s AND left_out = 0
"""


def new_run(
    *,
    kind: RunKind,
    sponsor_id: int | None = None,
    programme: Programme | None = None,
    period_key: str = "",
    amount_minor: int,
    pieces: int = 1,
    expires_at: datetime | None = None,
    reason: str,
    selection: Selection | None = None,
    uploaded: str = "",
    scheduled: bool = False,
    by: AbstractBaseUser | None,
    at: datetime,
) -> Run:
    """Make a draft: a credit out of the sponsor named, all else out of the programme's own.

    `uploaded` is what `people.upload_from_text` gave and goes before `selection`. Raises BadRun.
    """
    _check_terms(
        kind=kind, programme=programme, period_key=period_key, amount_minor=amount_minor, pieces=pieces, reason=reason
    )
    if (expires_at is None) != (kind == RunKind.CREDIT) or (expires_at is not None and expires_at <= at):
        raise BadRun(_("Grants and vouchers expire at some time to come; a credit does not."))
    if programme is not None:
        sponsor_id = programme.sponsor_id
    if sponsor_id is None:
        raise BadRun(_("Choose who pays."))
    rolls = programme is not None and programme.ends == Ends.ROLLOVER
    return Run.objects.create(
        kind=kind,
        programme=programme,
        sponsor_id=sponsor_id,
        period_key=period_key,
        amount_minor=amount_minor,
        pieces=pieces,
        expires_at=expires_at,
        rollover_cap_minor=programme.rollover_cap_minor if programme is not None and rolls else None,
        reason=reason,
        selection=(selection or Selection()).as_json(),
        uploaded=uploaded,
        scheduled=scheduled,
        made_by_id=by.pk if by else None,
        made_at=at,
    )


def _check_terms(
    *, kind: RunKind, programme: Programme | None, period_key: str, amount_minor: int, pieces: int, reason: str
) -> None:
    if not 0 < amount_minor <= AMOUNT_MAX_MINOR:
        raise BadRun(_("The amount is more than nothing and at most 100,000.00."))
    if not 1 <= pieces <= PIECES_MAX or (pieces > 1 and kind != RunKind.VOUCHER):
        raise BadRun(_("Only vouchers come in several pieces."))
    if not reason.strip():
        raise BadRun(_("Say what this is for."))
    if kind == RunKind.CREDIT:
        if programme is not None:
            raise BadRun(_("A credit belongs to no programme."))
        return
    wanted = ProgrammeKind.VOUCHER if kind == RunKind.VOUCHER else ProgrammeKind.SUBSIDY
    if programme is None or programme.kind != wanted:
        raise BadRun(_("Choose a programme of this kind."))
    if not 0 < len(period_key) <= RUN_PERIOD_KEY_LENGTH_MAX or "+" in period_key or "#" in period_key:
        raise BadRun(_("A period is written like 2026-11, without + or #."))


@transaction.atomic
def dry_run(*, run_id: int, at: datetime) -> Run:
    """List who would be paid how much, and mark possible duplicates; nothing moves. May be repeated.

    Raises WrongState once approval is asked.
    """
    run = locked(run_id, RunState.DRAFT, RunState.LISTED)
    run.lines.all().delete()
    list_people(run)
    duplicates.mark(run, at=at)
    run.state, run.listed_at = RunState.LISTED, at
    run.duplicates_overruled_by, run.duplicates_overruled_at = None, None
    return count(run)


@transaction.atomic
def leave_out_duplicates(*, run_id: int) -> Run:
    """Pay nobody who may have been paid already. Raises WrongState."""
    run = locked(run_id, RunState.LISTED)
    duplicates.leave_out(run)
    return count(run)


@transaction.atomic
def overrule_duplicates(*, run_id: int, typed_name: str, by: AbstractBaseUser, at: datetime) -> Run:
    """Pay possible duplicates as well: whoever says so types their own login name. Raises NotYourName, WrongState."""
    run = locked(run_id, RunState.LISTED)
    if typed_name.strip() != by.get_username():
        raise NotYourName
    run.duplicates_overruled_by_id, run.duplicates_overruled_at = by.pk, at
    run.save()
    return run


@transaction.atomic
def ask(*, run_id: int, by: AbstractBaseUser, at: datetime) -> Approval:
    """Ask for the approval of exactly this list. Raises NobodyToPay, DuplicatesUndecided, TooLate or WrongState."""
    run = locked(run_id, RunState.LISTED, RunState.ASKED)
    if not run.people:
        raise NobodyToPay
    if run.duplicates and run.duplicates_overruled_by_id is None:
        raise DuplicatesUndecided
    if run.expires_at is not None and run.expires_at <= at:
        raise TooLate
    run.digest, run.state = content_digest(run), RunState.ASKED
    run.save()
    return approvals.ask(kind=Kind.RUN, subject_id=run.pk, digest=run.digest, summary=run_summary(run), by=by, at=at)


@transaction.atomic
def take_back_request(*, run_id: int, by: AbstractBaseUser, at: datetime) -> Run:
    """Back to the list: after a refusal, or by whoever asked. Raises WrongState or approvals' NotPermitted."""
    run = locked(run_id, RunState.ASKED)
    stands = standing(kind=Kind.RUN, subject_id=run.pk)
    if stands is not None:
        approvals.withdraw(approval_id=stands.pk, by=by, at=at)
    run.state = RunState.LISTED
    run.save()
    return run


@transaction.atomic
def cancel(*, run_id: int) -> Run:
    """End a run that was not asked for yet; it stays to be read. Raises WrongState."""
    run = locked(run_id, RunState.DRAFT, RunState.LISTED)
    run.state = RunState.CANCELLED
    run.save()
    return run


def locked(run_id: int, *states: RunState) -> Run:
    """The run, locked, if it is in one of the states. Raises WrongState."""
    run = Run.objects.select_for_update().filter(pk=run_id, state__in=states).first()
    if run is None:
        raise WrongState
    return run


def count(run: Run) -> Run:
    """Work the totals out anew, and keep the run."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, [run.pk])
        run.people, total_minor, run.left_out, run.duplicates = cursor.fetchone()
    run.total_minor = total_minor * run.pieces
    run.save()
    return run


def content_digest(run: Run) -> bytes:
    """Over everything that is to be approved: the terms, and who gets how much."""
    terms = {
        "run": run.pk,
        "kind": run.kind,
        "programme": run.programme_id,
        "sponsor": run.sponsor_id,
        "period": run.period_key,
        "pieces": run.pieces,
        "expires": run.expires_at.timestamp() if run.expires_at else None,
        "rollover": run.rollover_cap_minor,
        "overruled": run.duplicates_overruled_by_id,
        "people": run.people,
        "total": run.total_minor,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CONTENT, [run.pk])
        (lines,) = cursor.fetchone()
    return hashlib.sha256(json.dumps(terms, sort_keys=True).encode() + bytes(lines)).digest()
