"""Free meals by identity."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ecard.benefits.admin.base import PEOPLE, PLACES, RuleAdmin, ends_after_it_begins
from ecard.benefits.compiler import entitlement_of, names_around
from ecard.benefits.drafts import was_drafted
from ecard.benefits.models import Entitlement
from ecard.benefits.sentences import entitlement_sentence


class EntitlementForm(ModelForm[Entitlement]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not ends_after_it_begins(cleaned):
            self.add_error("to_date", _("It ends before it begins."))
        agreed = cleaned.get("agreed_minor")
        if agreed is not None and agreed < 1:
            self.add_error("agreed_minor", _("The sponsor bears something for each meal."))
        if "sponsor" in self.changed_data and self.instance.pk and was_drafted(self.instance.pk):
            self.add_error(
                "sponsor", _("A draft or a policy has it already, and its sponsor stays: make a new free meal.")
            )
        return cleaned


@admin.register(Entitlement)
class EntitlementAdmin(RuleAdmin):
    form = EntitlementForm
    own_fields = (("count", "window"), "sponsor", ("agreed_minor", "covers_minor"), "order")
    list_select_related = ("sponsor",)
    autocomplete_fields = (*PLACES, *PEOPLE, "sponsor")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("sponsor")

    def say(self, rule: Entitlement) -> str:
        return entitlement_sentence(entitlement_of(rule), names_around(rule))
