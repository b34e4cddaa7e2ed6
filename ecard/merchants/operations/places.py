"""Making sites, merchants, outlets and meal periods. Each is made or changed by its code."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.models import AccountKind
from ecard.ledger.operations import open_account
from ecard.merchants.errors import BadTime, PeriodsOverlap, UnknownZone
from ecard.merchants.models import MealPeriod, Merchant, Outlet, Site
from ecard.merchants.rules import DAY_KINDS, MINUTES_PER_DAY, clashes, is_period, is_zone


@transaction.atomic
def save_site(
    *,
    code: str,
    name: str,
    at: datetime,
    zone: str = "Asia/Shanghai",
    day_starts_minute: int = 0,
    name_en: str = "",
) -> Site:
    """Make or change a site. Raises UnknownZone, BadTime."""
    if not is_zone(zone):
        raise UnknownZone(zone)
    if not 0 <= day_starts_minute < MINUTES_PER_DAY:
        raise BadTime("a day starts within a day")
    site, _created = Site.objects.update_or_create(
        code=code,
        defaults={"name": name, "name_en": name_en, "zone": zone, "day_starts_minute": day_starts_minute},
    )
    record(topic=Topic.SITE, refs=[site.pk], at=at)
    return site


@transaction.atomic
def save_merchant(*, code: str, name: str, name_en: str = "") -> Merchant:
    """Make a merchant with its ledger account, or rename one."""
    known = Merchant.objects.select_for_update().filter(code=code).first()
    if known is None:
        account_id = open_account(kind=AccountKind.MERCHANT, label=f"merchant {code}", floor_minor=None)
        return Merchant.objects.create(code=code, name=name, name_en=name_en, account_id=account_id)
    known.name, known.name_en = name, name_en
    known.save(update_fields=["name", "name_en"])
    return known


@transaction.atomic
def save_outlet(*, site: Site, merchant: Merchant, code: str, name: str, at: datetime, name_en: str = "") -> Outlet:
    """Make or change an outlet; sales already made stay with the merchant they were made for."""
    outlet, _created = Outlet.objects.update_or_create(
        site=site, code=code, defaults={"merchant": merchant, "name": name, "name_en": name_en}
    )
    record(topic=Topic.SITE, refs=[site.pk], at=at)
    return outlet


@transaction.atomic
def close_outlet(*, outlet: Outlet, at: datetime) -> None:
    """Close an outlet: it is no longer offered, and what it sold stays."""
    if Outlet.objects.filter(pk=outlet.pk, closed_at__isnull=True).update(closed_at=at):
        record(topic=Topic.SITE, refs=[outlet.site_id], at=at)


@transaction.atomic
def save_meal_period(
    *,
    site: Site,
    code: str,
    name: str,
    start_minute: int,
    end_minute: int,
    at: datetime,
    name_en: str = "",
    weekdays: Iterable[int] = (),
) -> MealPeriod:
    """Make or change a meal period; the end is excluded, and no weekdays means all. Raises BadTime, PeriodsOverlap."""
    days = sorted(set(weekdays))
    if not is_period(start_minute, end_minute):
        raise BadTime("a period starts within a day and lasts at most one")
    if any(day not in DAY_KINDS for day in days):
        raise BadTime("days run from Monday 0 to holiday 7")
    Site.objects.select_for_update().get(pk=site.pk)
    others = MealPeriod.objects.filter(site=site).exclude(code=code)
    if clashes((start_minute, end_minute, days), others.values_list("start_minute", "end_minute", "weekdays")):
        raise PeriodsOverlap(code)
    period, _created = MealPeriod.objects.update_or_create(
        site=site,
        code=code,
        defaults={
            "name": name,
            "name_en": name_en,
            "start_minute": start_minute,
            "end_minute": end_minute,
            "weekdays": days,
        },
    )
    record(topic=Topic.SITE, refs=[site.pk], at=at)
    return period
