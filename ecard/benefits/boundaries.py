"""When the next meals begin: the moments at which terminals change over from one policy to the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from devices.core.evaluate import place
from devices.core.policy import MealPeriod, Policy, Text
from ecard.merchants.models import Site

LOOKED_AHEAD_DAYS = 8
BOUNDARIES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Boundary:
    """A moment, and which meals begin at it: pairs of a meal's and its site's name."""

    at: datetime
    meals: tuple[tuple[Text, Text], ...]


def next_boundaries(policy: Policy, *, at: datetime, limit: int = BOUNDARIES_SHOWN) -> list[Boundary]:
    """The next beginnings of a meal after `at`, by the policy's own periods and calendar, soonest first."""
    found: dict[datetime, list[tuple[Text, Text]]] = {}
    for site in Site.objects.order_by("pk"):
        for period in (each for each in policy.periods if each.site == site.pk):
            for moment in _beginnings(period, site, policy, at=at, limit=limit):
                found.setdefault(moment, []).append((period.name, Text(site.name, site.name_en)))
    return [Boundary(moment, tuple(found[moment])) for moment in sorted(found)[:limit]]


def _beginnings(period: MealPeriod, site: Site, policy: Policy, *, at: datetime, limit: int) -> list[datetime]:
    zone = ZoneInfo(site.zone)
    today = at.astimezone(zone).date()
    starts = time(period.start_min // 60, period.start_min % 60)
    moments = []
    for day in range(LOOKED_AHEAD_DAYS):
        moment = datetime.combine(today + timedelta(days=day), starts, zone).astimezone(at.tzinfo)
        if moment > at and _serves(period, site, policy, zone, moment):
            moments.append(moment)
    return moments[:limit]


def _serves(period: MealPeriod, site: Site, policy: Policy, zone: ZoneInfo, moment: datetime) -> bool:
    tap = place(
        at_s=int(moment.timestamp()),
        zone=zone,
        site=site.pk,
        outlet=0,
        day_starts_min=site.day_starts_minute,
        policy=policy,
    )
    return tap.period == period.id
