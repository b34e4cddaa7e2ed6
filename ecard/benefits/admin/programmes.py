"""Sponsors, their programmes, and what each person was given."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import BoundedAdmin, GrowingAdmin, chip_column, money, money_column
from ecard.benefits import operations
from ecard.benefits.admin.base import DATES, LATER, PLACES, RuleAdmin, ends_after_it_begins
from ecard.benefits.admin.fields import AttributesField, DatesField, PercentField
from ecard.benefits.admin.schedule import Scheduled
from ecard.benefits.compiler import names_around, programme_of, terms_of
from ecard.benefits.models import Ends, Grant, Programme, ProgrammeKind, Schedule, Sponsor
from ecard.benefits.sentences import preview_sentence
from ecard.cardholders.models import Cardholder
from ecard.ledger.queries import balances

WHOLE_BP = 10_000
DAYS_PER_WEEK = 7


class SponsorForm(ModelForm[Sponsor]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        given = [cleaned.get(name) is not None for name in ("budget_minor", "budget_from", "budget_to")]
        if any(given) and not all(given):
            raise ValidationError(_("A budget goes with both of its dates."))
        if all(given) and cleaned["budget_minor"] <= 0:
            self.add_error("budget_minor", _("A budget is more than nothing."))
        if all(given) and cleaned["budget_to"] < cleaned["budget_from"]:
            self.add_error("budget_to", _("A budget ends after it begins."))
        return cleaned


@admin.register(Sponsor)
class SponsorAdmin(BoundedAdmin[Sponsor]):
    """Whoever pays is kept for ever: transfers name the account."""

    form = SponsorForm
    list_display = ("shown_name", "cost_centre", "budget", "budget_from", "budget_to")
    search_fields = ("name", "name_en", "cost_centre")
    readonly_fields = ("paid",)
    budget = money_column("budget_minor", _("budget"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        paid = () if obj is None else ("paid",)
        named = (None, {"fields": (("name", "name_en"), "cost_centre", *paid)})
        told = _("For the warning before it runs dry; nothing is refused when it is used up.")
        budget = (_("Budget"), {"fields": ("budget_minor", ("budget_from", "budget_to")), "description": told})
        return (named, budget)

    @admin.display(description=_("name"), ordering="name")
    def shown_name(self, sponsor: Sponsor) -> str:
        return sponsor.shown_name

    @admin.display(description=_("paid so far"))
    def paid(self, sponsor: Sponsor) -> str:
        return money(-balances([sponsor.pk]).get(sponsor.pk, 0))

    def save_model(self, request: HttpRequest, obj: Sponsor, form: Any, change: bool) -> None:
        if not change:
            opened = operations.open_sponsor(name=obj.name, name_en=obj.name_en, cost_centre=obj.cost_centre)
            obj.account_id, obj._state.adding = opened.account_id, False
        obj.save()


class ProgrammeForm(ModelForm[Programme]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._check_issuing(cleaned)
        self._check_ending(cleaned)
        if not ends_after_it_begins(cleaned):
            self.add_error("to_date", _("It ends before it begins."))
        changed = {"kind", "sponsor"}.intersection(self.changed_data)
        if changed and self.instance.pk and self.instance.grants.exists():
            for name in changed:
                self.add_error(name, _("It was issued already and stays what it is: make a new programme."))
        return cleaned

    def _check_issuing(self, cleaned: dict[str, Any]) -> None:
        schedule, day = cleaned.get("schedule"), cleaned.get("schedule_day")
        if schedule != Schedule.BY_HAND and not cleaned.get("amount_minor") and "amount_minor" not in self.errors:
            self.add_error("amount_minor", _("What is issued by the calendar has an amount."))
        if schedule in (Schedule.ONCE, Schedule.DATES) and not cleaned.get("schedule_dates"):
            self.add_error("schedule_dates", _("On which date?"))
        if schedule == Schedule.WEEKLY and day is not None and day > DAYS_PER_WEEK:
            self.add_error("schedule_day", _("A week has seven days: 1 is Monday, 7 Sunday."))

    def _check_ending(self, cleaned: dict[str, Any]) -> None:
        asked = {Ends.DAYS: "ends_days", Ends.DATE: "ends_on", Ends.ROLLOVER: "rollover_cap_minor"}
        ends = cleaned.get("ends")
        name = asked.get(ends) if ends else None
        if name is not None and cleaned.get(name) is None and name not in self.errors:
            self.add_error(name, _("Needed for the way it ends."))
        if ends == Ends.ROLLOVER and cleaned.get("kind") == ProgrammeKind.VOUCHER:
            self.add_error("ends", _("A voucher is used whole: nothing of it goes over."))


@admin.register(Programme)
class ProgrammeAdmin(Scheduled, RuleAdmin):
    form = ProgrammeForm
    readonly_fields = (*RuleAdmin.readonly_fields, "schedule_state")
    actions_detail = ("ask_schedule",)
    list_display = ("shown_name", "kind_chip", "sentence", "active")
    list_filter = ("active", "kind")
    list_select_related = ("sponsor", "for_list")
    autocomplete_fields = (*PLACES, "sponsor", "for_groups", "for_list", "excludes")
    related = (*PLACES, "for_groups", "excludes")
    conditional_fields: ClassVar[dict[str, str]] = {
        "pieces": "kind == 'voucher'",
        "threshold_minor": "kind == 'voucher'",
        "percent_bp": "kind == 'voucher'",
        "alone": "kind == 'voucher'",
        "excludes": "kind == 'voucher'",
        "transferable": "kind == 'voucher'",
        "schedule_day": "schedule == 'weekly' || schedule == 'monthly'",
        "schedule_dates": "schedule == 'once' || schedule == 'dates'",
        "ends_days": "ends == 'days'",
        "ends_on": "ends == 'date'",
        "rollover_cap_minor": "ends == 'rollover'",
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        said = () if obj is None else ("sentence",)
        people = ("for_groups", "for_attributes", "for_list")
        state = () if obj is None else ("schedule_state",)
        issued = (("amount_minor", "pieces"), "schedule", "schedule_day", "schedule_dates", *state)
        spent = (*PLACES, "weekdays", DATES, "part_payment", ("most_minor", "order"))
        ended = ("ends", "ends_days", "ends_on", "rollover_cap_minor")
        voucher = (("threshold_minor", "percent_bp"), "alone", "excludes", "transferable")
        return (
            (None, {"fields": (*said, ("name", "name_en"), "kind", "sponsor", "active"), "description": LATER}),
            (_("Who gets it"), {"fields": people, "description": _("None chosen: everybody.")}),
            (_("How much and when"), {"fields": issued}),
            (
                _("Where and when it may be spent"),
                {"fields": spent, "description": _("None chosen: everywhere, always, on everything.")},
            ),
            (_("How it ends"), {"fields": ended}),
            (_("Terms of vouchers"), {"fields": voucher, "classes": ("voucher-terms",)}),
        )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "percent_bp":
            told = _("100: a whole meal. 0: the amount above is taken off. Never more than the amount.")
            return PercentField(
                label=_("Share of the price, %"), most_bp=WHOLE_BP, required=False, initial=0, help_text=told
            )
        if db_field.name == "schedule_dates":
            return DatesField(
                label=_("On the dates"), required=False, help_text=_("As 2026-09-01, with commas between.")
            )
        if db_field.name == "for_attributes":
            told = _("One a line, such as grade=1,2. Every line has to hold.")
            return AttributesField(label=_("For attributes"), required=False, help_text=told)
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "sponsor" and field is not None:
            field.required = False
            field.help_text = _("Left open: one of its own, named like the programme.")
        return field

    @chip_column(
        description=_("kind"),
        ordering="kind",
        colours={ProgrammeKind.SUBSIDY.value: "info", ProgrammeKind.VOUCHER.value: "success"},
    )
    def kind_chip(self, programme: Programme) -> tuple[str, str]:
        return programme.kind, programme.get_kind_display()

    def say(self, rule: Programme) -> str:
        return preview_sentence(programme_of(rule), terms_of(rule), names_around(rule))

    def save_model(self, request: HttpRequest, obj: Programme, form: Any, change: bool) -> None:
        if obj.sponsor_id is None:
            obj.sponsor = operations.open_sponsor(name=obj.name, name_en=obj.name_en)
        obj.save()


@admin.register(Grant)
class GrantAdmin(GrowingAdmin[Grant]):
    list_display = ("cardholder", "programme", "period_key", "amount", "left", "expires_at", "ended_at")
    list_select_related = ("cardholder", "programme", "account")
    list_filter = ("programme",)
    search_fields = ("cardholder__number__startswith", "cardholder__name__startswith", "period_key")
    search_help_text = _("How a number or a name begins, or the period")
    ordering = ("-id",)
    fields = (
        *("cardholder", "issued_to", "programme", "period_key"),
        *("amount", "left", "issued_at", "expires_at", "ended_at"),
    )
    amount = money_column("amount_minor", _("amount"))

    @admin.display(description=_("left"))
    def left(self, grant: Grant) -> str:
        return money(grant.account.balance_minor)

    @admin.display(description=_("issued to"))
    def issued_to(self, grant: Grant) -> Cardholder:
        """Somebody else where a voucher was given away."""
        return (grant.origin or grant).cardholder
