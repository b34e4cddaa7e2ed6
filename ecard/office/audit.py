"""The nightly audit: every balance, transfer, sale and stream held against what it must agree with.

The hot tables carry no foreign keys (ADR 0001 and 0002); this is what checks them instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from ecard.ledger.queries import reference_check, replay_check, sum_of_balances
from ecard.office.models import FINDINGS_KEPT, AuditRun, Part
from ecard.settlement.queries import audit_streams
from ecard.settlement.references import sale_reference_check

logger = logging.getLogger(__name__)

STREAMS_PER_PAGE = 20
BUDGET = timedelta(seconds=50)

Finding = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """What one page looked at and found; `next_after` is None on a part's last page."""

    checked: int
    findings: tuple[Finding, ...]
    next_after: int | None


@transaction.atomic
def begin_audit(*, at: datetime) -> AuditRun:
    """Begin an audit, or give the one that is still at work."""
    unfinished = AuditRun.objects.filter(finished_at__isnull=True).first()
    return unfinished or AuditRun.objects.create(began_at=at)


def continue_audit(*, clock: Callable[[], datetime], budget: timedelta = BUDGET) -> bool:
    """Work on the unfinished audit until it is done or the budget is spent; False where there is nothing to do.

    Any number may run side by side: one works, the others find it taken.
    """
    until = clock() + budget
    worked = False
    while _one_page(clock=clock):
        worked = True
        if clock() >= until:
            break
    return worked


@transaction.atomic
def _one_page(*, clock: Callable[[], datetime]) -> bool:
    run = AuditRun.objects.select_for_update(skip_locked=True).filter(finished_at__isnull=True).first()
    if run is None:
        return False
    part = Part(run.part)
    page = _PARTS[part](run.after)
    counter = _COUNTERS.get(part)
    if counter is not None:
        setattr(run, counter, getattr(run, counter) + page.checked)
    kept = page.findings[: FINDINGS_KEPT - len(run.findings)]
    run.faults += len(page.findings)
    run.findings = [*run.findings, *kept]
    for finding in kept:
        logger.error("audit %s found %s", run.pk, finding)
    if page.next_after is not None:
        run.after = page.next_after
    else:
        run.part, run.after = _next(part), 0
        if run.part == Part.DONE:
            run.finished_at = clock()
            logger.log(logging.ERROR if run.faults else logging.INFO, "audit %s: %s faults", run.pk, run.faults)
    run.save()
    return True


def _sum(_after: int) -> Page:
    total_minor = sum_of_balances()
    findings = ({"kind": "sum", "total_minor": total_minor},) if total_minor else ()
    return Page(checked=1, findings=findings, next_after=None)


def _accounts(after: int) -> Page:
    report = replay_check(after=after)
    findings = tuple(
        {
            "kind": "balance",
            "account": each.account_id,
            "balance_minor": each.balance_minor,
            "replayed_minor": each.replayed_minor,
        }
        for each in report.differences
    )
    return Page(report.checked, findings, report.next_after)


def _transfers(after: int) -> Page:
    report = reference_check(after=after)
    findings = tuple({"kind": "transfer", "transfer": each.transfer_id} for each in report.dangling)
    return Page(report.checked, findings, report.next_after)


def _sales(after: int) -> Page:
    report = sale_reference_check(after=after)
    findings = tuple({"kind": "sale", "sale": each.sale_id, "missing": each.missing} for each in report.dangling)
    return Page(report.checked, findings, report.next_after)


def _streams(after: int) -> Page:
    audits = audit_streams(after=after, limit=STREAMS_PER_PAGE)
    findings = tuple(
        {"kind": "stream", "stream": each.stream_id, "lost": each.lost, "twice": each.twice}
        for each in audits
        if each.lost or each.twice
    )
    return Page(len(audits), findings, audits[-1].stream_id if len(audits) == STREAMS_PER_PAGE else None)


def _next(part: Part) -> Part:
    order = list(Part)
    return order[order.index(part) + 1]


_PARTS: dict[Part, Callable[[int], Page]] = {
    Part.SUM: _sum,
    Part.ACCOUNTS: _accounts,
    Part.TRANSFERS: _transfers,
    Part.SALES: _sales,
    Part.STREAMS: _streams,
}
_COUNTERS = {
    Part.ACCOUNTS: "accounts",
    Part.TRANSFERS: "transfers",
    Part.SALES: "sales",
    Part.STREAMS: "streams",
}
