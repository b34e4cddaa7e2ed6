"""Calendar days, one by one or a year at a time. They count from the next policy that is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from ecard.merchants.errors import BadTime, DaysChangedSince, ImportUndone
from ecard.merchants.models import CalendarDay, CalendarImport, Site
from ecard.merchants.queries import changes_of, days_of, kinds_on
from ecard.merchants.rules import DAY_KINDS
from ecard.merchants.values import DayKind, NewDay

SOURCE_LENGTH_MAX = 120


@transaction.atomic
def save_day(*, site: Site, day: date, kind: DayKind) -> CalendarDay:
    """Say what a day of a site acts as. Raises BadTime."""
    _require_known(kind)
    found, _created = CalendarDay.objects.update_or_create(site=site, date=day, defaults=asdict(kind))
    return found


@transaction.atomic
def remove_day(*, site: Site, day: date) -> None:
    """Make a day what its weekday says again."""
    CalendarDay.objects.filter(site=site, date=day).delete()


@transaction.atomic
def import_days(
    *, site: Site, days: Sequence[NewDay], source: str, by: AbstractBaseUser | None, at: datetime
) -> CalendarImport | None:
    """Take over these days and remember what stood there; other days stay. None where nothing changes.

    Raises BadTime.
    """
    for each in days:
        if each.kind is not None:
            _require_known(each.kind)
    _lock(site)
    changes = [each for each in changes_of(site, days) if each.before != each.after]
    if not changes:
        return None
    _write(site, {each.date: each.after for each in changes})
    return CalendarImport.objects.create(
        site=site,
        source=source[:SOURCE_LENGTH_MAX],
        made_at=at,
        made_by_id=by.pk if by else None,
        days=[
            {"date": each.date.isoformat(), "before": _plain(each.before), "after": _plain(each.after)}
            for each in changes
        ],
    )


@transaction.atomic
def undo_import(*, made: CalendarImport, by: AbstractBaseUser | None, at: datetime) -> None:
    """Put back what stood before an import, all or nothing. Raises ImportUndone, DaysChangedSince."""
    _lock(made.site)
    locked = CalendarImport.objects.select_for_update().get(pk=made.pk)
    if locked.undone_at is not None:
        raise ImportUndone
    changes = days_of(locked)
    stand = kinds_on(locked.site, [each.date for each in changes])
    changed = [each.date for each in changes if stand.get(each.date) != each.after]
    if changed:
        raise DaysChangedSince(changed)
    _write(locked.site, {each.date: each.before for each in changes})
    locked.undone_at, locked.undone_by_id = at, by.pk if by else None
    locked.save(update_fields=["undone_at", "undone_by"])


def _lock(site: Site) -> None:
    Site.objects.select_for_update().get(pk=site.pk)


def _write(site: Site, wanted: dict[date, DayKind | None]) -> None:
    CalendarDay.objects.filter(site=site, date__in=[day for day, kind in wanted.items() if kind is None]).delete()
    CalendarDay.objects.bulk_create(
        [CalendarDay(site=site, date=day, **asdict(kind)) for day, kind in wanted.items() if kind is not None],
        update_conflicts=True,
        unique_fields=["site", "date"],
        update_fields=["acts_as", "name", "name_en"],
    )


def _require_known(kind: DayKind) -> None:
    if kind.acts_as not in DAY_KINDS:
        raise BadTime("days run from Monday 0 to holiday 7")


def _plain(kind: DayKind | None) -> dict[str, Any] | None:
    return None if kind is None else asdict(kind)
