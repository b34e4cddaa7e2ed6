"""Price rules, and which of them wins where they overlap."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.widgets import UnfoldAdminSelectWidget

from ecard.adminkit import link, once_a_page
from ecard.benefits.admin.base import RuleAdmin, ends_after_it_begins
from ecard.benefits.admin.fields import PercentField
from ecard.benefits.checking import price_overlaps
from ecard.benefits.compiler import names, names_around, price_rule
from ecard.benefits.models import PriceRule, RoundTo
from ecard.benefits.sentences import overlap_sentence, price_sentence

SHOWN_MOST = 20


class PriceRuleForm(ModelForm[PriceRule]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not ends_after_it_begins(cleaned):
            self.add_error("to_date", _("It ends before it begins."))
        return cleaned


@admin.register(PriceRule)
class PriceRuleAdmin(RuleAdmin):
    form = PriceRuleForm
    own_fields = (("percent_bp", "add_minor"), ("round_to_minor", "rounding"))
    readonly_fields = ("sentence", "overlapping")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        usual = super().get_fieldsets(request, obj)
        if obj is None:
            return usual
        told = _(
            "The most specific rule wins. A rule that names product categories comes before one that names outlets,"
            " then meal periods, sites, weekdays, lists of people, groups, price classes; last, the older rule."
        )
        return (*usual, (_("Overlap"), {"fields": ("overlapping",), "description": told}))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "percent_bp":
            return PercentField(label=_("Share of the list price, %"), initial=db_field.get_default())
        if db_field.name == "round_to_minor":
            return forms.TypedChoiceField(
                label=_("Rounded to a multiple of"),
                choices=RoundTo.choices,
                coerce=int,
                initial=RoundTo.FEN,
                widget=UnfoldAdminSelectWidget(choices=RoundTo.choices),
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def say(self, rule: PriceRule) -> str:
        return price_sentence(price_rule(rule), names_around(rule))

    @admin.display(description=_("with other rules"))
    @once_a_page
    def overlapping(self, rule: PriceRule) -> SafeString | str:
        found = price_overlaps(price_rule(rule))
        if not found:
            return str(_("No other rule is for the same sales."))
        called = names()
        lines = [
            (
                overlap_sentence(each, called),
                link(PriceRule, other.id, _("open")),
            )
            for each in found[:SHOWN_MOST]
            for other in [each.loser if each.winner.id == rule.pk else each.winner]
        ]
        shown = format_html("<ul>{}</ul>", format_html_join("", "<li>{} {}</li>", lines))
        more = len(found) - SHOWN_MOST
        if more <= 0:
            return shown
        told = ngettext("And %(count)d rule more.", "And %(count)d rules more.", more) % {"count": more}
        return format_html("{}<p>{}</p>", shown, told)
