"""Counting what sponsors spent, and how their budgets stand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from ecard.benefits.forecast import Forecast, forecast
from ecard.benefits.models import Sponsor, SponsorDay
from ecard.ledger.queries import net_by_day

SPONSORS_LIMIT = 1_000
COUNTED_AGAIN = timedelta(days=2)
"""So long a posting may take to be seen: the newest days are counted anew each time."""


@transaction.atomic
def count_days(*, at: datetime) -> int:
    """Bring every sponsor's days up to date; gives how many days were written. May run at any time.

    Of a sponsor counted before only the newest days are read.
    """
    written: list[SponsorDay] = []
    for sponsor in Sponsor.objects.select_for_update().order_by("pk")[:SPONSORS_LIMIT]:
        newest = sponsor.days.order_by("-day").first()
        settled = None
        if newest is not None:
            settled = sponsor.days.filter(day__lt=newest.day - COUNTED_AGAIN).order_by("-day").first()
        # Around midnight two postings may number their transfers the other way round: a day between keeps them apart.
        after_id, first = (settled.through_id, settled.day + timedelta(days=2)) if settled else (0, date.min)
        for day, net_minor, through_id in net_by_day(sponsor.pk, after_id=after_id, zone=settings.TIME_ZONE):
            if day >= first:
                written.append(SponsorDay(sponsor=sponsor, day=day, spent_minor=-net_minor, through_id=through_id))
    SponsorDay.objects.bulk_create(
        written,
        update_conflicts=True,
        unique_fields=["sponsor_id", "day"],
        update_fields=["spent_minor", "through_id"],
        batch_size=1_000,
    )
    return len(written)


def forecast_of(sponsor: Sponsor, *, at: datetime) -> Forecast | None:
    """How a sponsor's budget stands, from the days as last counted; None without a budget."""
    if sponsor.budget_minor is None or sponsor.budget_from is None or sponsor.budget_to is None:
        return None
    days = sponsor.days.filter(day__range=(sponsor.budget_from, sponsor.budget_to))
    return forecast(
        dict(days.values_list("day", "spent_minor")),
        budget_minor=sponsor.budget_minor,
        start=sponsor.budget_from,
        end=sponsor.budget_to,
        today=at.astimezone(ZoneInfo(settings.TIME_ZONE)).date(),
    )


def forecasts(*, at: datetime, limit: int = SPONSORS_LIMIT) -> list[tuple[Sponsor, Forecast]]:
    """Every sponsor that has a budget, the most urgent first."""
    found = []
    for sponsor in Sponsor.objects.filter(budget_minor__isnull=False).order_by("name")[:limit]:
        standing = forecast_of(sponsor, at=at)
        if standing is not None:
            found.append((sponsor, standing))
    return sorted(found, key=lambda each: (each[1].dry_on or date.max, each[0].name))
