"""Programmes that issue by a calendar: each (programme, period) once, under a schedule that was approved."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ecard.approvals import operations as approvals
from ecard.approvals.errors import ApprovalError
from ecard.approvals.models import Approval, Kind
from ecard.benefits.compiler.terms import attributes_of_programme
from ecard.benefits.models import ActiveSchedule, Programme, Run, RunKind
from ecard.benefits.models.programmes import Ends, ProgrammeKind, Schedule
from ecard.benefits.runs import duplicates
from ecard.benefits.runs.errors import BadRun, RunError
from ecard.benefits.runs.making import count, dry_run, new_run
from ecard.benefits.runs.people import Selection
from ecard.benefits.runs.posting import begin, begin_alone, work_on
from ecard.benefits.runs.sentences import schedule_summary
from ecard.benefits.schedules import Calendar, Due, due, midnight
from ecard.merchants.models import Site

logger = logging.getLogger(__name__)


def institution_zone() -> ZoneInfo:
    """Where the calendar is read: at the first site, or in the installation's zone where there is none."""
    zone = Site.objects.order_by("pk").values_list("zone", flat=True).first()
    return ZoneInfo(zone or settings.TIME_ZONE)


def calendar_of(programme: Programme) -> Calendar:
    """The calendar of a programme."""
    return Calendar(
        schedule=Schedule(programme.schedule),
        day=programme.schedule_day,
        dates=tuple(programme.schedule_dates),
        ends=Ends(programme.ends),
        ends_days=programme.ends_days,
        ends_on=programme.ends_on,
    )


def selection_of(programme: Programme) -> Selection:
    """Whom a programme is for."""
    return Selection(
        groups=tuple(sorted(programme.for_groups.values_list("pk", flat=True))),
        attributes=dict(attributes_of_programme(programme)),
        list_id=programme.for_list_id,
    )


def terms_digest(programme: Programme) -> bytes:
    """Over everything that makes a scheduled run: who, how much, when, until when, and who pays."""
    terms = {
        "programme": programme.pk,
        "kind": programme.kind,
        "sponsor": programme.sponsor_id,
        "amount": programme.amount_minor,
        "pieces": programme.pieces,
        "for": selection_of(programme).as_json(),
        "schedule": programme.schedule,
        "day": programme.schedule_day,
        "dates": sorted(each.isoformat() for each in programme.schedule_dates),
        "ends": [programme.ends, programme.ends_days, str(programme.ends_on), programme.rollover_cap_minor],
    }
    return hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).digest()


def approval_subject(programme_id: int) -> int:
    """Under which number a schedule is approved: below zero, where no run has its own."""
    return -programme_id


def is_active(programme: Programme) -> bool:
    """Whether the schedule, as it stands now, was approved and has begun."""
    kept = ActiveSchedule.objects.filter(pk=programme.pk).first()
    return kept is not None and bytes(kept.digest) == terms_digest(programme)


@transaction.atomic
def ask_schedule(*, programme_id: int, by: AbstractBaseUser, at: datetime) -> Approval:
    """Ask that the programme's schedule may issue by itself from now on. Raises BadRun."""
    programme = Programme.objects.select_related("sponsor").get(pk=programme_id)
    if programme.schedule == Schedule.BY_HAND or not programme.amount_minor:
        raise BadRun(_("This programme has no schedule, or no amount."))
    if programme.schedule in (Schedule.ONCE, Schedule.DATES) and not programme.schedule_dates:
        raise BadRun(_("Say on which dates it is issued."))
    return approvals.ask(
        kind=Kind.RUN,
        subject_id=approval_subject(programme.pk),
        digest=terms_digest(programme),
        summary=schedule_summary(programme),
        by=by,
        at=at,
    )


def run_due(*, clock: Callable[[], datetime]) -> list[int]:
    """Issue what is due by now, each (programme, period) once, however often and wherever this runs; gives the runs.

    A schedule that is not approved as it stands issues nothing. One programme's failure does not stop the others.
    """
    made = []
    scheduled = Programme.objects.filter(active=True).exclude(schedule=Schedule.BY_HAND).order_by("pk")
    for programme in scheduled.select_related("sponsor"):
        try:
            run = _make_due(programme, at=clock())
        except (RunError, IntegrityError) as failed:
            logger.warning("programme %s was not issued: %s", programme.pk, failed)
            continue
        if run is not None:
            made.append(run.pk)
            while work_on(run_id=run.pk, at=clock()):
                pass
    return made


@transaction.atomic
def _make_due(programme: Programme, *, at: datetime) -> Run | None:
    active = _activated(programme, at=at)
    if active is None:
        return None
    zone = institution_zone()
    found = due(
        calendar_of(programme), today=at.astimezone(zone).date(), since=active.activated_at.astimezone(zone).date()
    )
    if found is None or midnight(found.ends, zone) <= at:
        return None
    begin_alone()
    if Run.objects.filter(programme=programme, period_key=found.key, scheduled=True).exists():
        return None
    run = _listed(programme, found, zone=zone, at=at)
    duplicates.leave_out(run)
    return begin(count(run), at=at)


def _activated(programme: Programme, *, at: datetime) -> ActiveSchedule | None:
    """The approved schedule as it stands; begun now where its approval has just taken effect."""
    digest = terms_digest(programme)
    kept = ActiveSchedule.objects.select_for_update().filter(pk=programme.pk).first()
    if kept is not None and bytes(kept.digest) == digest:
        return kept
    try:
        with transaction.atomic():
            approval = approvals.use(kind=Kind.RUN, subject_id=approval_subject(programme.pk), digest=digest, at=at)
    except ApprovalError:
        return None
    active, _made = ActiveSchedule.objects.update_or_create(
        pk=programme.pk, defaults={"digest": digest, "activated_at": at, "approval_id": approval.pk}
    )
    return active


def _listed(programme: Programme, found: Due, *, zone: ZoneInfo, at: datetime) -> Run:
    run = new_run(
        kind=RunKind.VOUCHER if programme.kind == ProgrammeKind.VOUCHER else RunKind.SUBSIDY,
        programme=programme,
        period_key=found.key,
        amount_minor=programme.amount_minor or 0,
        pieces=programme.pieces,
        expires_at=midnight(found.ends, zone),
        reason=_("by schedule"),
        selection=selection_of(programme),
        scheduled=True,
        by=None,
        at=at,
    )
    return dry_run(run_id=run.pk, at=at)
