"""The facts of the first page. Each is a fixed number of bounded statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import BigIntegerField, Count, F, Max, Sum
from django.db.models.functions import Greatest, Least

from ecard.benefits.models import Grant
from ecard.cardholders.models import Cardholder, CardholderState
from ecard.merchants.models import Site
from ecard.office.models import AuditRun
from ecard.settlement.models import Batch, ExceptionState, QuarantinedBatch, Sale, SaleException
from ecard.terminals.queries import summary

COUNTED_AT_MOST = 1_000
WAITING_BATCHES_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class DaySales:
    """What was sold on a business date and has been posted."""

    business_date: date
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Posting:
    """What terminals uploaded and posting has not reached yet, and when it last posted."""

    waiting_records: int
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that terminals out of contact could sell now beyond what is there.

    `per_island_minor`: every active person up to the offline limit or their money, the lower, and all benefits at
    face value. Each terminal out of contact is an island of its own.
    """

    per_island_minor: int
    islands: int

    @property
    def amount_minor(self) -> int:
        return self.per_island_minor * self.islands


def business_date(at: datetime) -> date:
    """Today's business date at the first site, or in the installation's zone where there is none."""
    first = Site.objects.order_by("pk").values_list("zone", "day_starts_minute").first()
    zone, starts_minute = first or (settings.TIME_ZONE, 0)
    return (at.astimezone(ZoneInfo(zone)) - timedelta(minutes=starts_minute)).date()


def sales_on(day: date) -> DaySales:
    """Posted sales of one business date, reversed ones left out."""
    found = Sale.objects.filter(business_date=day, reversal__isnull=True).aggregate(
        n=Count("pk"), all=Sum("amount_minor")
    )
    return DaySales(day, found["n"], found["all"] or 0)


def posting() -> Posting:
    """How far posting is."""
    waiting = Batch.objects.filter(posted_at__isnull=True)[:WAITING_BATCHES_AT_MOST]
    records = waiting.aggregate(n=Sum(F("last_seq") - F("first_seq") + 1))["n"]
    newest = Batch.objects.order_by("-pk").values("posted_at")[:COUNTED_AT_MOST]
    return Posting(waiting_records=records or 0, newest_at=newest.aggregate(at=Max("posted_at"))["at"])


def open_exceptions() -> int:
    """Matters for finance; counted to COUNTED_AT_MOST."""
    return SaleException.objects.filter(state=ExceptionState.OPEN)[:COUNTED_AT_MOST].count()


def open_quarantined() -> int:
    """Uploads set aside that nobody has looked at; counted to COUNTED_AT_MOST."""
    return QuarantinedBatch.objects.filter(resolved_at__isnull=True)[:COUNTED_AT_MOST].count()


def newest_audit() -> AuditRun | None:
    """The newest audit that is finished."""
    return AuditRun.objects.filter(finished_at__isnull=False).order_by("-pk").first()


def offline_ceiling(at: datetime) -> Ceiling:
    """What could be sold by terminals that are out of contact at this moment. None of them offers a debt."""
    usable = Least(
        F("group__offline_limit_minor"), Greatest(F("purse__balance_minor"), 0), output_field=BigIntegerField()
    )
    people = Cardholder.objects.filter(state=CardholderState.ACTIVE).aggregate(n=Sum(usable))["n"] or 0
    benefits = Grant.objects.filter(ended_at__isnull=True, expires_at__gt=at).aggregate(n=Sum("account__balance_minor"))
    return Ceiling(per_island_minor=people + (benefits["n"] or 0), islands=summary(at=at).silent)
