"""The calendar of a site: a year at a glance, one day, a year's import with its preview, and its undoing."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import (
    BoundedAdmin,
    ReadOnlyAdmin,
    back_to,
    chip_column,
    dialog_action,
    link,
    page_action,
    signed_in,
)
from ecard.merchants import operations, queries
from ecard.merchants.admin.calendar_pages import ImportForm, Shown, YearForm, changes_in_words, days_in_words, months
from ecard.merchants.errors import DaysChangedSince, ImportUndone
from ecard.merchants.models import CalendarDay, CalendarImport, DayActsAs, Site
from ecard.merchants.values import DayKind

DATES_NAMED = 5


def year_page(site_id: int, year: int) -> str:
    """Where the year of a site is shown."""
    return f"{reverse('admin:merchants_calendarday_year')}?{urlencode({'site': site_id, 'year': year})}"


def may_import(request: HttpRequest) -> bool:
    """An import adds, changes and removes days: whoever may do one day at a time may do a year."""
    rights = ("add_calendarday", "change_calendarday", "delete_calendarday")
    return request.user.has_perms([f"merchants.{right}" for right in rights])


@admin.register(CalendarDay)
class CalendarDayAdmin(BoundedAdmin[CalendarDay]):
    list_display = ("date", "weekday", "site", "kind", "name", "name_en")
    list_select_related = ("site",)
    list_filter = ("site", "acts_as")
    search_fields = ("name", "name_en")
    autocomplete_fields = ("site",)
    fields = ("site", "date", "acts_as", ("name", "name_en"))
    actions = None
    actions_list = ("year", "bring_in")
    nothing_yet = _("Every day is what its weekday says. Import a year’s holidays and make-up days to change that.")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("site", "date")

    def has_import_permission(self, request: HttpRequest) -> bool:
        return may_import(request)

    @admin.display(description=_("weekday"))
    def weekday(self, day: CalendarDay) -> str:
        return date_format(day.date, "l")

    @chip_column(description=_("acts as"), ordering="acts_as", colours={"holiday": "danger", "work": "info"})
    def kind(self, day: CalendarDay) -> tuple[str, str]:
        return ("holiday" if day.acts_as == DayActsAs.HOLIDAY else "work"), str(DayActsAs(day.acts_as).label)

    def save_model(self, request: HttpRequest, obj: CalendarDay, form: Any, change: bool) -> None:
        kind = DayKind(obj.acts_as, obj.name, obj.name_en)
        obj.pk = operations.save_day(site=obj.site, day=obj.date, kind=kind).pk

    def delete_model(self, request: HttpRequest, obj: CalendarDay) -> None:
        operations.remove_day(site=obj.site, day=obj.date)

    def response_post_save_add(self, request: HttpRequest, obj: CalendarDay) -> HttpResponseRedirect:
        return HttpResponseRedirect(year_page(obj.site_id, obj.date.year))

    def response_post_save_change(self, request: HttpRequest, obj: CalendarDay) -> HttpResponseRedirect:
        return HttpResponseRedirect(year_page(obj.site_id, obj.date.year))

    @page_action(description=_("A year at a glance"), url_path="year", icon="calendar_month", permissions=("view",))
    def year(self, request: HttpRequest) -> HttpResponse:
        """The months of a site's year, its holidays and make-up days in them."""
        form = YearForm(request.GET or None, sites=self._sites(request))
        site, year = form.asked(today=timezone.localdate())
        if site is None:
            messages.info(request, _("A calendar belongs to a site: make one first."))
            return HttpResponseRedirect(reverse("admin:merchants_site_changelist"))
        days = queries.days_of_year(site, year)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Calendar %(year)s: %(site)s") % {"year": year, "site": site},
            "form": YearForm(initial={"site": site.pk, "year": year}, sites=self._sites(request)),
            "site_shown": site,
            "months": months(year, days, today=timezone.localdate(), site=site, may_change=self._may_change(request)),
            "days": days_in_words(days),
            "before": year_page(site.pk, year - 1),
            "after": year_page(site.pk, year + 1),
            "year": year,
            "may_import": may_import(request),
            "import_page": f"{reverse('admin:merchants_calendarday_bring_in')}?{urlencode({'site': site.pk})}",
        }
        return TemplateResponse(request, "merchants/year.html", context)

    @page_action(description=_("Import a year"), url_path="import", icon="upload", permissions=("import",))
    def bring_in(self, request: HttpRequest) -> HttpResponse:
        """Shows what pasted or uploaded days would change; only what was shown is taken over."""
        if request.method != "POST":
            form = ImportForm(initial={"site": request.GET.get("site")}, sites=self._sites(request))
            return self._import_page(request, form, None)
        form = ImportForm(request.POST, request.FILES, sites=self._sites(request))
        if not form.is_valid():
            return self._import_page(request, form.as_shown(), None)
        shown = form.preview()
        if "take_over" not in request.POST or shown.bad or not shown.changes:
            return self._import_page(request, form.as_shown(), shown)
        if form.cleaned_data["seen"] != shown.digest:
            messages.warning(request, _("The days or the calendar were changed since. Look at the preview again."))
            return self._import_page(request, form.as_shown(), shown)
        site: Site = form.cleaned_data["site"]
        made = operations.import_days(
            site=site, days=shown.days, source=form.source(), by=signed_in(request), at=timezone.now()
        )
        if made is not None:
            count = len(made.days)
            said = ngettext("%(count)s day is changed.", "%(count)s days are changed.", count) % {"count": count}
            undo = link(CalendarImport, made.pk, gettext("Look at the import, or undo it"))
            messages.success(request, format_html("{} {}", said, undo))
        return HttpResponseRedirect(year_page(site.pk, shown.changes[0].date.year))

    def _import_page(self, request: HttpRequest, form: ImportForm, shown: Shown | None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Import a year’s calendar"),
            "form": form,
            "shown": shown,
        }
        return TemplateResponse(request, "merchants/import.html", context)

    def _sites(self, request: HttpRequest) -> QuerySet[Site]:
        """Those for which this login may make a day: the very ones that the form of a day offers."""
        field: Any = self.formfield_for_foreignkey(CalendarDay._meta.get_field("site"), request)
        sites: QuerySet[Site] = field.queryset
        return sites.order_by("code")

    def _may_change(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)


@admin.register(CalendarImport)
class CalendarImportAdmin(ReadOnlyAdmin[CalendarImport]):
    list_display = ("made_at", "site", "count", "file", "made_by", "state")
    list_select_related = ("site", "made_by", "undone_by")
    list_filter = ("site",)
    fields = ("site", "file", ("made_at", "made_by"), ("undone_at", "undone_by"), "did")
    readonly_fields = ("file", "did")
    actions_detail = ("undo",)
    nothing_yet = _("Nothing was imported yet.")

    def has_undo_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may_import(request)

    @admin.display(description=_("file"), ordering="source")
    def file(self, made: CalendarImport) -> str | None:
        return made.source or None

    @admin.display(description=_("days"))
    def count(self, made: CalendarImport) -> int:
        return len(made.days)

    @chip_column(description=_("state"), ordering="undone_at", colours={"stands": "success", "undone": "default"})
    def state(self, made: CalendarImport) -> tuple[str, str]:
        return ("undone", gettext("undone")) if made.undone_at else ("stands", gettext("taken over"))

    @admin.display(description=_("what it changed"))
    def did(self, made: CalendarImport) -> SafeString:
        lines = changes_in_words(queries.days_of(made))
        listed = format_html_join("", "<li>{}</li>", ((line,) for line in lines))
        return format_html('<ul class="office-lines">{}</ul>', listed)

    @dialog_action(
        description=_("Undo this import"),
        explanation=_("Its days become what they were before. Policies that are published already stay as they are."),
        submit=_("Undo"),
        icon="undo",
        permissions=("undo",),
    )
    def undo(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        made = get_object_or_404(CalendarImport.objects.select_related("site"), pk=object_id)
        try:
            operations.undo_import(made=made, by=signed_in(request), at=timezone.now())
        except ImportUndone:
            messages.warning(request, _("This import was undone before."))
        except DaysChangedSince as changed:
            messages.error(request, _changed_since(changed.args[0]))
        else:
            self.log_change(request, made, [{"changed": {"fields": ["undone at"]}}])
            messages.success(request, _("The import is undone."))
        return back_to(made)


def _changed_since(days: list[date]) -> str:
    named = ", ".join(date_format(each, "SHORT_DATE_FORMAT") for each in days[:DATES_NAMED])
    more = "…" if len(days) > DATES_NAMED else ""
    said = gettext("Nothing was undone: these days were changed after the import: %(days)s. Change them one by one.")
    return said % {"days": f"{named}{more}"}
