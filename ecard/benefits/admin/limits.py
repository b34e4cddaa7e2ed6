"""Limits, restrictions, offline steps, and the order of payment."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import BoundedAdmin, money_column
from ecard.benefits.admin.base import LATER, PEOPLE, PLACES, RuleAdmin, ends_after_it_begins
from ecard.benefits.admin.fields import MinutesField, OrderField
from ecard.benefits.compiler import block_of, limit_of, names_around, policy_settings, settings_policy, step_of
from ecard.benefits.models import AgeStep, Block, PolicySettings, SpendLimit, Window
from ecard.benefits.sentences import block_sentence, limit_sentence, settings_sentence, step_sentence


class SpendLimitForm(ModelForm[SpendLimit]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        amount, count, gap = (cleaned.get(name) for name in ("max_minor", "max_count", "min_gap_s"))
        if not self.errors and amount is None and count is None and not gap:
            raise ValidationError(_("A limit limits an amount, a number of sales, or the time between two."))
        if amount is None and not gap and count is not None and cleaned.get("window") == Window.SALE:
            raise ValidationError(_("A number of sales is counted by a meal, a day or longer: choose another window."))
        if amount is not None and amount < 0:
            self.add_error("max_minor", _("A limit is not below zero."))
        if not ends_after_it_begins(cleaned):
            self.add_error("to_date", _("It ends before it begins."))
        return cleaned


@admin.register(SpendLimit)
class SpendLimitAdmin(RuleAdmin):
    form = SpendLimitForm
    own_fields = (("window", "on"), ("max_minor", "max_count"), "min_gap_s")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "min_gap_s":
            return MinutesField(
                label=_("Minutes since the last sale"), required=False, help_text=_("Left open: none needed.")
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def say(self, rule: SpendLimit) -> str:
        return limit_sentence(limit_of(rule), names_around(rule))


class BlockForm(ModelForm[Block]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not any(cleaned.get(name) for name in ("categories", "products", "allergens")):
            raise ValidationError(_("A restriction names product categories, products or allergens."))
        if cleaned.get("avoided_only") and not cleaned.get("allergens"):
            self.add_error("allergens", _("Which allergens do these people avoid?"))
        if not ends_after_it_begins(cleaned):
            self.add_error("to_date", _("It ends before it begins."))
        return cleaned


@admin.register(Block)
class BlockAdmin(RuleAdmin):
    form = BlockForm
    own_fields = ("action",)
    autocomplete_fields = (*PLACES, *PEOPLE, "products", "allergens")
    related = (*PLACES, *PEOPLE, "products", "allergens")
    places = ("sites", "outlets", "periods", "weekdays", ("from_date", "to_date"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        named, people, (title, place) = super().get_fieldsets(request, obj)
        goods = {
            "fields": ("categories", "products", "allergens", "avoided_only"),
            "description": _("With both goods and allergens: those goods where they contain one of the allergens."),
        }
        elsewhere = {"fields": self.places, "description": _("None chosen: everywhere, always.")}
        return (named, (_("What"), goods), people, (title, {**place, **elsewhere}))

    def say(self, rule: Block) -> str:
        return block_sentence(block_of(rule), names_around(rule))


@admin.register(AgeStep)
class AgeStepAdmin(BoundedAdmin[AgeStep]):
    list_display = ("sentence", "sale", "person")
    fields = ("up_to_s", ("sale_minor", "person_minor"))
    sale = money_column("sale_minor", _("a sale at most"))
    person = money_column("person_minor", _("a person at most"))

    @admin.display(description=_("in words"), ordering="up_to_s")
    def sentence(self, step: AgeStep) -> str:
        return step_sentence(step_of(step))


@admin.register(PolicySettings)
class PolicySettingsAdmin(BoundedAdmin[PolicySettings]):
    """One page; its row is made when it is first looked for."""

    list_display = ("sentence",)
    readonly_fields = ("sentence",)
    fields = ("sentence", "funding_order", ("max_vouchers", "low_balance_minor"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return ((None, {"fields": self.fields, "description": LATER}),)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        PolicySettings.objects.get_or_create(pk=policy_settings().pk)
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "funding_order":
            told = _("From top to bottom. Free meals can only come first; what is left out never pays.")
            return OrderField(label=_("Order in which a sale is paid"), help_text=told)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("in words"))
    def sentence(self, settings: PolicySettings) -> str:
        return settings_sentence(settings_policy(settings, at=timezone.now()))
