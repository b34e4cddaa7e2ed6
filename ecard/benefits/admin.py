"""Rules as administrators edit them, each with its plain sentence; grants read-only.

Nothing here reaches a terminal before a policy is published (`ecard.terminals.admin_policy`).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from ecard.adminkit import (
    BoundedAdmin,
    GrowingAdmin,
    money,
    money_column,
)
from ecard.benefits import operations
from ecard.benefits.compiler import limit_of, names_around, price_rule, programme_of, step_of
from ecard.benefits.models import PERCENT_BP_MAX, AgeStep, Grant, PriceRule, Programme, SpendLimit, Weekday, Window
from ecard.benefits.sentences import limit_sentence, price_sentence, programme_sentence, step_sentence

LATER = _("Terminals follow a change when the next policy is published.")
PLACES = ("sites", "outlets", "periods")
PEOPLE = ("classes", "groups")


class PercentField(forms.CharField):
    """A share typed as 80 or 87.5, kept in 1/100 %."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return f"{value / 100:g}" if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        try:
            percent_bp = Decimal(str(value).strip().removesuffix("%").strip()) * 100
        except InvalidOperation as wrong:
            raise ValidationError(_("A share looks like 80 or 87.5.")) from wrong
        if not percent_bp.is_finite() or percent_bp % 1 or not 0 <= percent_bp <= PERCENT_BP_MAX:
            raise ValidationError(_("A share is from 0 to 1000 %, with two decimals at most."))
        return int(percent_bp)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class RuleAdmin(BoundedAdmin[Any]):
    """A rule is taken out of use, never deleted: policies and sales name its number."""

    own_fields: tuple[Any, ...] = ()
    list_display = ("shown_name", "sentence", "active")
    list_display_links = ("shown_name",)
    list_filter = ("active",)
    search_fields = ("name", "name_en")
    readonly_fields = ("sentence",)
    autocomplete_fields: ClassVar[tuple[str, ...]] = (*PLACES, *PEOPLE)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related(*self.autocomplete_fields)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        said = () if obj is None else ("sentence",)
        named = (None, {"fields": (*said, ("name", "name_en"), *self.own_fields, "active"), "description": LATER})
        people = [(_("For whom"), {"fields": PEOPLE, "description": _("None chosen: everybody.")})]
        place = (
            _("Where and when"),
            {"fields": (*PLACES, "weekdays"), "description": _("None chosen: everywhere, always.")},
        )
        return (named, *(people if "classes" in self.autocomplete_fields else []), place)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "weekdays":
            return forms.TypedMultipleChoiceField(
                label=_("Weekdays"),
                choices=Weekday.choices,
                coerce=int,
                required=False,
                widget=UnfoldAdminCheckboxSelectMultipleWidget(),
                help_text=_("None ticked: every day."),
            )
        if db_field.name == "percent_bp":
            return PercentField(label=_("Share of the list price, %"), initial=db_field.get_default())
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("name"), ordering="name")
    def shown_name(self, rule: Any) -> str:
        return str(rule.shown_name)


@admin.register(Programme)
class ProgrammeAdmin(RuleAdmin):
    own_fields = ("part_payment", "order")
    autocomplete_fields = PLACES

    @admin.display(description=_("in words"))
    def sentence(self, programme: Programme) -> str:
        return programme_sentence(programme_of(programme), names_around(programme))

    def save_model(self, request: HttpRequest, obj: Programme, form: Any, change: bool) -> None:
        if obj.sponsor_id is None:
            obj.sponsor = operations.open_sponsor(name=obj.name, name_en=obj.name_en)
        obj.save()


@admin.register(PriceRule)
class PriceRuleAdmin(RuleAdmin):
    own_fields = (("percent_bp", "add_minor"),)

    @admin.display(description=_("in words"))
    def sentence(self, rule: PriceRule) -> str:
        return price_sentence(price_rule(rule), names_around(rule))


class SpendLimitForm(ModelForm[SpendLimit]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        amount, count = cleaned.get("max_minor"), cleaned.get("max_count")
        if amount is None and count is None:
            raise ValidationError(_("A limit limits an amount, a number of sales, or both."))
        if amount is None and cleaned.get("window") == Window.SALE:
            raise ValidationError(_("A number of sales is counted by the day: a limit for each sale needs an amount."))
        if amount is not None and amount < 0:
            self.add_error("max_minor", _("A limit is not below zero."))
        return cleaned


@admin.register(SpendLimit)
class SpendLimitAdmin(RuleAdmin):
    form = SpendLimitForm
    own_fields = (("window", "on"), ("max_minor", "max_count"))

    @admin.display(description=_("in words"))
    def sentence(self, limit: SpendLimit) -> str:
        return limit_sentence(limit_of(limit), names_around(limit))


@admin.register(AgeStep)
class AgeStepAdmin(BoundedAdmin[AgeStep]):
    list_display = ("sentence", "sale", "person")
    fields = ("up_to_s", ("sale_minor", "person_minor"))
    sale = money_column("sale_minor", _("a sale at most"))
    person = money_column("person_minor", _("a person at most"))

    @admin.display(description=_("in words"), ordering="up_to_s")
    def sentence(self, step: AgeStep) -> str:
        return step_sentence(step_of(step))


@admin.register(Grant)
class GrantAdmin(GrowingAdmin[Grant]):
    list_display = ("cardholder", "programme", "period_key", "amount", "left", "expires_at", "ended_at")
    list_select_related = ("cardholder", "programme", "account")
    list_filter = ("programme",)
    search_fields = ("cardholder__number__startswith", "cardholder__name__startswith", "period_key")
    search_help_text = _("How a number or a name begins, or the period")
    ordering = ("-id",)
    fields = ("cardholder", "programme", "period_key", "amount", "left", "issued_at", "expires_at", "ended_at")
    amount = money_column("amount_minor", _("amount"))

    @admin.display(description=_("left"))
    def left(self, grant: Grant) -> str:
        return money(grant.account.balance_minor)
