"""Places and times, changed through operations. Nothing that sales name is deleted here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from ecard.adminkit import BoundedAdmin, ReadOnlyInline, back_to, dialog_action, link
from ecard.ledger.models import Account
from ecard.merchants import operations
from ecard.merchants.models import MealPeriod, Merchant, Outlet, Site
from ecard.merchants.naming import DAY_NAMES
from ecard.merchants.rules import MINUTES_PER_DAY, clashes, clock_text, is_period, is_zone

PERIOD_MAX_MINUTES = 12 * 60


class KeptAdmin(BoundedAdmin[Any]):
    """Nothing is deleted, and a code stays what it is."""

    identity: tuple[str, ...] = ("code",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = tuple(self.readonly_fields)
        return fixed if obj is None else (*self.identity, *fixed)


def address(page: str, text: str) -> SafeString:
    """A link to a page of the admin."""
    return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', page, text)


class ClockField(forms.CharField):
    """A time of day typed as 6:30, kept as minutes after midnight."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": UnfoldAdminTextInputWidget(attrs={"placeholder": "11:30"}), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return clock_text(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        hour, colon, minute = str(value).strip().replace("：", ":").partition(":")
        if not (colon and hour.isdecimal() and minute.isdecimal() and len(hour) <= 2 == len(minute)):
            raise ValidationError(_("A time of day looks like 6:30."))
        if not (int(hour) < 24 and int(minute) < 60):
            raise ValidationError(_("A day runs from 0:00 to 23:59."))
        return int(hour) * 60 + int(minute)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class SiteForm(ModelForm[Site]):
    day_starts_minute = ClockField(
        label=_("Day starts at"), initial=0, help_text=_("Sales before this belong to the day before.")
    )

    def clean_zone(self) -> str:
        zone = str(self.cleaned_data["zone"])
        if not is_zone(zone):
            raise ValidationError(_("There is no such time zone."))
        return zone


class OutletInline(ReadOnlyInline):
    model = Outlet
    fields = ("page_link", "code", "merchant", "closed_at")


class MealPeriodInline(ReadOnlyInline):
    model = MealPeriod
    fields = ("page_link", "code", "starts", "ends")
    readonly_fields = ("starts", "ends")

    @admin.display(description=_("from"))
    def starts(self, period: MealPeriod) -> str:
        return clock_text(period.start_minute)

    @admin.display(description=_("to"))
    def ends(self, period: MealPeriod) -> str:
        return clock_text(period.end_minute)


@admin.register(Site)
class SiteAdmin(KeptAdmin):
    form = SiteForm
    list_display = ("code", "name", "name_en", "zone", "day_starts")
    search_fields = ("code", "name", "name_en")
    fields = ("code", "name", "name_en", "zone", "day_starts_minute", "calendar")
    readonly_fields = ("calendar",)
    inlines = (OutletInline, MealPeriodInline)

    @admin.display(description=_("calendar"))
    def calendar(self, site: Site) -> SafeString | None:
        """Leads to the year at a glance."""
        if site.pk is None:
            return None
        page = f"{reverse('admin:merchants_calendarday_year')}?{urlencode({'site': site.pk})}"
        return address(page, gettext("A year at a glance"))

    @admin.display(description=_("day starts at"), ordering="day_starts_minute")
    def day_starts(self, site: Site) -> str:
        return clock_text(site.day_starts_minute)

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        obj.pk = operations.save_site(
            code=obj.code,
            name=obj.name,
            name_en=obj.name_en,
            zone=obj.zone,
            day_starts_minute=obj.day_starts_minute,
            at=timezone.now(),
        ).pk


@admin.register(Merchant)
class MerchantAdmin(KeptAdmin):
    list_display = ("code", "name", "name_en", "ledger_account")
    list_select_related = ("account",)
    search_fields = ("code", "name", "name_en")
    fields = ("code", "name", "name_en")
    inlines = (OutletInline,)

    @admin.display(description=_("account"))
    def ledger_account(self, merchant: Merchant) -> SafeString:
        return link(Account, merchant.account_id, merchant.account)

    def save_model(self, request: HttpRequest, obj: Merchant, form: Any, change: bool) -> None:
        saved = operations.save_merchant(code=obj.code, name=obj.name, name_en=obj.name_en)
        obj.pk, obj.account_id = saved.pk, saved.account_id


@admin.register(Outlet)
class OutletAdmin(KeptAdmin):
    identity = ("site", "code")
    list_display = ("code", "name", "name_en", "merchant", "site", "number", "closed_at")
    list_select_related = ("site", "merchant")
    list_filter = ("site",)
    search_fields = ("code", "name", "name_en", "merchant__name")
    autocomplete_fields = ("site", "merchant")
    fields = ("site", "code", "merchant", "name", "name_en", "sells", "closed_at")
    readonly_fields = ("sells", "closed_at")
    actions_detail = ("close",)

    @admin.display(description=_("number"), ordering="id")
    def number(self, outlet: Outlet) -> int | None:
        """By which policies and terminals know it."""
        return outlet.pk

    @admin.display(description=_("sells"))
    def sells(self, outlet: Outlet) -> SafeString | None:
        """Leads to its products."""
        if outlet.pk is None:
            return None
        page = f"{reverse('admin:merchants_product_changelist')}?{urlencode({'outlets__id__exact': outlet.pk})}"
        count = outlet.placements.count()
        return address(page, ngettext("%(count)s product", "%(count)s products", count) % {"count": count})

    def save_model(self, request: HttpRequest, obj: Outlet, form: Any, change: bool) -> None:
        obj.pk = operations.save_outlet(
            site=obj.site,
            merchant=obj.merchant,
            code=obj.code,
            name=obj.name,
            name_en=obj.name_en,
            at=timezone.now(),
        ).pk

    @dialog_action(
        description=_("Close outlet"),
        explanation=_("It is no longer offered to terminals. What it sold stays."),
        submit=_("Close"),
        icon="block",
    )
    def close(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        outlet = Outlet.objects.get(pk=object_id)
        operations.close_outlet(outlet=outlet, at=timezone.now())
        self.log_change(request, outlet, [{"changed": {"fields": ["closed at"]}}])
        return back_to(outlet)


class MealPeriodForm(ModelForm[MealPeriod]):
    start_minute = ClockField(label=_("From"))
    end_minute = ClockField(label=_("To"), help_text=_("Before “from”: on the next morning."))
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Days"),
        choices=[(kind, name) for kind, name in enumerate(DAY_NAMES)],
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("None ticked: every day. A day of the calendar counts as what it acts as."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        start, end = cleaned.get("start_minute"), cleaned.get("end_minute")
        site = cleaned.get("site") or (self.instance.site if self.instance.pk else None)
        if start is None or end is None or site is None:
            return cleaned
        if end <= start:
            end += MINUTES_PER_DAY
        if end - start > PERIOD_MAX_MINUTES or not is_period(start, end):
            raise ValidationError(_("A meal period lasts at most 12 hours."))
        days = cleaned.get("weekdays") or ()
        others = MealPeriod.objects.filter(site=site).exclude(pk=self.instance.pk)
        if clashes((start, end, days), others.values_list("start_minute", "end_minute", "weekdays")):
            raise ValidationError(_("Another meal period of this site has that time."))
        return {**cleaned, "end_minute": end}


@admin.register(MealPeriod)
class MealPeriodAdmin(KeptAdmin):
    form = MealPeriodForm
    identity = ("site", "code")
    list_display = ("code", "name", "name_en", "site", "starts", "ends", "days")
    list_select_related = ("site",)
    list_filter = ("site",)
    search_fields = ("code", "name", "name_en")
    autocomplete_fields = ("site",)
    fields = ("site", "code", "name", "name_en", "start_minute", "end_minute", "weekdays")

    @admin.display(description=_("from"), ordering="start_minute")
    def starts(self, period: MealPeriod) -> str:
        return clock_text(period.start_minute)

    @admin.display(description=_("to"), ordering="end_minute")
    def ends(self, period: MealPeriod) -> str:
        return clock_text(period.end_minute)

    @admin.display(description=pgettext_lazy("of a meal", "days"))
    def days(self, period: MealPeriod) -> str:
        return ", ".join(str(DAY_NAMES[day]) for day in period.weekdays) or gettext("every day")

    def save_model(self, request: HttpRequest, obj: MealPeriod, form: Any, change: bool) -> None:
        obj.pk = operations.save_meal_period(
            site=obj.site,
            code=obj.code,
            name=obj.name,
            name_en=obj.name_en,
            start_minute=obj.start_minute,
            end_minute=obj.end_minute,
            weekdays=obj.weekdays,
            at=timezone.now(),
        ).pk
