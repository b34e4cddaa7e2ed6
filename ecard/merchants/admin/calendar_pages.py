"""What the calendar's pages show, and the forms they ask with."""

from __future__ import annotations

import calendar
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.dates import MONTHS, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from devices.core.policy import HOLIDAY
from ecard.merchants.calendar_rows import YEARS, BadRow, Calendar, calendar_of
from ecard.merchants.models import CalendarDay, DayActsAs, Site
from ecard.merchants.naming import in_readers_language
from ecard.merchants.queries import changes_of
from ecard.merchants.tables import FILE_BYTES_MAX, TEXT_LENGTH_MAX, rows_of_file, rows_of_text, text_of_rows
from ecard.merchants.values import DayChange, DayKind, NewDay
from ecard.tables import BadTable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of a month's grid; `kind` is holiday, work or usual, `page` where it is changed."""

    number: int
    kind: str
    mark: str
    label: str
    page: str
    today: bool


@dataclass(frozen=True, slots=True)
class Month:
    """A month's grid, Monday first; None stands for another month's days."""

    name: str
    weekdays: tuple[str, ...]
    weeks: tuple[tuple[Cell | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview: what would change, and the rows that cannot be read."""

    changes: tuple[DayChange, ...]
    bad: tuple[BadRow, ...]
    days: tuple[NewDay, ...]

    @property
    def digest(self) -> str:
        """Of what is shown, so that nothing else is taken over."""
        return hashlib.sha256(repr(self.changes).encode()).hexdigest()

    @property
    def lines(self) -> list[dict[str, str]]:
        """A line for each day that would change."""
        return [
            {
                "date": date_format(each.date, "DATE_FORMAT"),
                "weekday": str(WEEKDAYS[each.date.weekday()]),
                "before": kind_text(each.before),
                "after": kind_text(each.after),
                "kind": kind_word(each.after.acts_as if each.after else None),
            }
            for each in self.changes
        ]

    @property
    def sentences(self) -> list[str]:
        """What is wrong, row by row."""
        return [bad_row_sentence(each) for each in self.bad]


def kind_word(acts_as: int | None) -> str:
    """holiday, work or usual."""
    if acts_as is None:
        return "usual"
    return "holiday" if acts_as == HOLIDAY else "work"


def kind_text(kind: DayKind | None) -> str:
    """What a day is, in words."""
    if kind is None:
        return gettext("a usual day")
    name = in_readers_language(kind.name, kind.name_en)
    label = str(DayActsAs(kind.acts_as).label)
    return f"{label} ({name})" if name else label


def bad_row_sentence(bad: BadRow) -> str:
    """Why a row cannot be taken over, and what would be right."""
    sentences = {
        "date": gettext("Row %(row)s: “%(about)s” is no date. A date looks like 2026-10-01 or 2026/10/1."),
        "year": gettext("Row %(row)s: the year %(about)s is out of range."),
        "kind": gettext("Row %(row)s: “%(about)s” is no kind of day. Write holiday, work, as Friday, or usual."),
        "twice": gettext("Row %(row)s: this date stands in row %(about)s already."),
        "name": gettext("Row %(row)s: the name is longer than 80 characters."),
    }
    return sentences[bad.why] % {"row": bad.row, "about": bad.about[:40]}


def months(year: int, days: Sequence[CalendarDay], *, today: date, site: Site, may_change: bool) -> list[Month]:
    """The twelve grids of a year."""
    known = {each.date: each for each in days}
    weekdays = tuple(str(WEEKDAYS_ABBR[each]) for each in range(7))
    weeks_of = calendar.Calendar(firstweekday=0).monthdatescalendar
    return [
        Month(
            name=str(MONTHS[month]),
            weekdays=weekdays,
            weeks=tuple(
                tuple(
                    _cell(day, known.get(day), today=today, site=site, may_change=may_change)
                    if day.month == month
                    else None
                    for day in week
                )
                for week in weeks_of(year, month)
            ),
        )
        for month in range(1, 13)
    ]


def days_in_words(days: Sequence[CalendarDay]) -> list[str]:
    """A line for each run of days that are the same."""
    kinds = [(each.date, DayKind(each.acts_as, each.name, each.name_en)) for each in days]
    return [f"{dates}: {kind_text(kind)}" for dates, kind in _runs(kinds)]


def changes_in_words(changes: Sequence[DayChange]) -> list[str]:
    """A line for each run of days that became the same from the same."""
    done = [(each.date, (each.before, each.after)) for each in changes]
    return [f"{dates}: {kind_text(before)} → {kind_text(after)}" for dates, (before, after) in _runs(done)]


def _runs(days: Sequence[tuple[date, T]]) -> list[tuple[str, T]]:
    """The dates in words of each run of days, one after the other, that go with the same."""
    runs: list[tuple[date, date, T]] = []
    for day, what in days:
        if runs and runs[-1][2] == what and day - runs[-1][1] == timedelta(days=1):
            runs[-1] = (runs[-1][0], day, what)
        else:
            runs.append((day, day, what))
    return [(_span(first, last), what) for first, last, what in runs]


def _span(first: date, last: date) -> str:
    begins = f"{date_format(first, 'DATE_FORMAT')}, {WEEKDAYS[first.weekday()]}"
    return begins if first == last else f"{begins} – {date_format(last, 'DATE_FORMAT')}, {WEEKDAYS[last.weekday()]}"


def _cell(day: date, known: CalendarDay | None, *, today: date, site: Site, may_change: bool) -> Cell:
    label = [date_format(day, "DATE_FORMAT"), str(WEEKDAYS[day.weekday()])]
    mark = ""
    if known is not None:
        label.append(kind_text(DayKind(known.acts_as, known.name, known.name_en)))
        mark = gettext("off") if known.acts_as == HOLIDAY else str(WEEKDAYS_ABBR[known.acts_as])
    page = ""
    if may_change and known is not None:
        page = reverse("admin:merchants_calendarday_change", args=[known.pk])
    elif may_change:
        asked = urlencode({"site": str(site.pk), "date": day.isoformat()})
        page = f"{reverse('admin:merchants_calendarday_add')}?{asked}"
    return Cell(
        number=day.day,
        kind=kind_word(known.acts_as if known else None),
        mark=mark,
        label=", ".join(label),
        page=page,
        today=day == today,
    )


class YearForm(forms.Form):
    """Which year of which of the `sites`; whatever is asked wrongly is the first one's year of today."""

    site = forms.ModelChoiceField(
        Site.objects.none(), label=_("Site"), required=False, empty_label=None, widget=UnfoldAdminSelectWidget
    )
    year = forms.IntegerField(
        label=_("Year"),
        required=False,
        min_value=YEARS.start,
        max_value=YEARS.stop - 1,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def __init__(self, *args: Any, sites: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sites = sites
        _offer(self, sites)

    def asked(self, *, today: date) -> tuple[Site | None, int]:
        """The site and the year to show; None where there is no site at all."""
        found = self.cleaned_data if self.is_bound and (self.is_valid() or self.cleaned_data) else {}
        return found.get("site") or self.sites.first(), found.get("year") or today.year


class ImportForm(forms.Form):
    """Days as pasted or uploaded; an uploaded file becomes text, so that a wrong row is put right in place."""

    site = forms.ModelChoiceField(Site.objects.none(), label=_("Site"), widget=UnfoldAdminSelectWidget)
    upload = forms.FileField(
        label=_("Excel or CSV file"), required=False, allow_empty_file=True, widget=UnfoldAdminFileFieldWidget
    )
    text = forms.CharField(
        label=_("Or paste the rows"),
        required=False,
        strip=False,
        max_length=TEXT_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false"}),
        help_text=_("A day a row: date, kind, name, name in English. Kinds: holiday, work, as Friday, usual."),
    )
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    file_name = forms.CharField(required=False, max_length=120, widget=forms.HiddenInput)

    def __init__(self, *args: Any, sites: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sites = sites
        _offer(self, sites)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        upload = cleaned.get("upload")
        try:
            if upload is not None:
                cleaned["text"] = text_of_rows(rows_of_file(upload.read(FILE_BYTES_MAX + 1), name=str(upload.name)))
                cleaned["file_name"] = str(upload.name)[:120]
            rows_of_text(cleaned.get("text", ""))
        except BadTable as bad:
            raise ValidationError(_table_sentence(bad)) from bad
        if not cleaned.get("text", "").strip() and "text" not in self.errors:
            raise ValidationError(_("There is nothing to read: choose a file or paste rows."))
        return cleaned

    @cached_property
    def calendar(self) -> Calendar:
        """What the rows say."""
        return calendar_of(rows_of_text(self.cleaned_data["text"]))

    def preview(self) -> Shown:
        """What would change now, the days that stay as they are left out."""
        changes = changes_of(self.cleaned_data["site"], self.calendar.days)
        return Shown(
            changes=tuple(each for each in changes if each.before != each.after),
            bad=self.calendar.bad,
            days=self.calendar.days,
        )

    def source(self) -> str:
        """Where the days came from, for the record."""
        return self.cleaned_data["file_name"] or gettext("pasted")

    def as_shown(self) -> ImportForm:
        """The same form with what was read standing in its text, and what is wrong beside it."""
        if "text" not in getattr(self, "cleaned_data", {}):
            return self
        data = {"site": self.data.get("site", ""), "text": self.cleaned_data["text"]}
        data["file_name"] = self.cleaned_data.get("file_name", "")
        if self.errors:
            self.data = data
            return self
        data["seen"] = self.preview().digest
        return type(self)(data, sites=self.sites)


def _offer(form: forms.Form, sites: QuerySet[Site]) -> None:
    field: Any = form.fields["site"]
    field.queryset = sites


def _table_sentence(bad: BadTable) -> str:
    if bad.args[0] in ("bytes", "unpacked", "rows"):
        return gettext("A calendar has at most 1,000 rows, and a file at most 1 MB.")
    return bad.sentence
