"""The inputs that templates are made of; each says what it means where its name does not."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from ecard.adminkit import MoneyField
from ecard.benefits.admin import PercentField
from ecard.benefits.models import AMOUNT_MAX_MINOR, Sponsor
from ecard.cardholders.models import Group, PersonList
from ecard.merchants.models import Allergen, Category, MealPeriod, Outlet, Product

NAME_LENGTH_MAX = 60
DATES_MAX = 12


def name(initial: StrOrPromise) -> forms.CharField:
    """The rule's name, in Chinese."""
    return forms.CharField(
        label=_("Name"), max_length=NAME_LENGTH_MAX, initial=initial, widget=UnfoldAdminTextInputWidget()
    )


def name_en(initial: str) -> forms.CharField:
    """The rule's name in English."""
    return forms.CharField(
        label=_("Name in English"),
        max_length=NAME_LENGTH_MAX,
        initial=initial,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
    )


def sponsor() -> forms.ModelChoiceField[Sponsor]:
    """Who pays; nobody chosen means a new sponsor of the rule's name."""
    return forms.ModelChoiceField(
        label=_("Who pays for it"),
        queryset=Sponsor.objects.all(),
        required=False,
        empty_label=_("a new sponsor of this name"),
        widget=UnfoldAdminSelectWidget(),
    )


def money(label: StrOrPromise, *, required: bool = True, help_text: StrOrPromise = "") -> MoneyField:
    """An amount above zero."""
    return PositiveMoney(label=label, required=required, help_text=help_text)


class PositiveMoney(MoneyField):
    """More than nothing, and no more than a rule can say."""

    def clean(self, value: Any) -> Any:
        amount_minor = super().clean(value)
        if amount_minor is not None and not 0 < amount_minor <= AMOUNT_MAX_MINOR:
            raise ValidationError(_("An amount is more than nothing and at most 100,000."))
        return amount_minor


class ShareOrNone(PercentField):
    """A share, or nothing typed."""

    def to_python(self, value: Any) -> Any:
        return None if value in self.empty_values else super().to_python(value)


def whole(label: StrOrPromise, *, initial: int, least: int = 1, most: int, help_text: StrOrPromise = "") -> Any:
    """A whole number within bounds."""
    return forms.IntegerField(
        label=label,
        initial=initial,
        min_value=least,
        max_value=most,
        help_text=help_text,
        widget=UnfoldAdminIntegerFieldWidget(),
    )


def choice(label: StrOrPromise, choices: Any, *, initial: Any = None) -> forms.ChoiceField:
    """One of several."""
    return forms.ChoiceField(label=label, choices=choices, initial=initial, widget=UnfoldAdminSelectWidget())


def _several(
    label: StrOrPromise, queryset: QuerySet[Any], *, required: bool, help_text: StrOrPromise
) -> forms.ModelMultipleChoiceField[Any]:
    return forms.ModelMultipleChoiceField(
        label=label,
        queryset=queryset,
        required=required,
        help_text=help_text,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )


def groups(*, required: bool = True) -> forms.ModelMultipleChoiceField[Group]:
    """For whom."""
    return _several(_("For whom"), Group.objects.all(), required=required, help_text="")


def person_list() -> forms.ModelChoiceField[PersonList]:
    """Only for the people on a list."""
    return forms.ModelChoiceField(
        label=_("Only people on the list"),
        queryset=PersonList.objects.all(),
        required=False,
        empty_label=_("no list: everybody in these groups"),
        widget=UnfoldAdminSelectWidget(),
    )


def outlets(*, required: bool = False) -> forms.ModelMultipleChoiceField[Outlet]:
    """Where; none chosen means everywhere."""
    help_text = "" if required else _("None chosen: everywhere.")
    open_ones = Outlet.objects.filter(closed_at__isnull=True).select_related("site").order_by("site", "code")
    return _several(_("Where"), open_ones, required=required, help_text=help_text)


def periods(*, required: bool = False) -> forms.ModelMultipleChoiceField[MealPeriod]:
    """At which meals; none chosen means at any time."""
    help_text = "" if required else _("None chosen: at any time.")
    return _several(_("At which meals"), MealPeriod.objects.all(), required=required, help_text=help_text)


def categories(*, required: bool = True) -> forms.ModelMultipleChoiceField[Category]:
    """Product categories."""
    return _several(_("Product categories"), Category.objects.all(), required=required, help_text="")


def products() -> forms.ModelMultipleChoiceField[Product]:
    """Single products."""
    found = Product.objects.filter(active=True)
    return _several(_("Single products"), found, required=False, help_text=_("Beside the categories above."))


def allergens() -> forms.ModelMultipleChoiceField[Allergen]:
    """What people must be warned of."""
    return _several(_("Allergens"), Allergen.objects.all(), required=True, help_text="")


class DatesField(forms.CharField):
    """Several dates in one line: 2026-09-01, 2027-02-20."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": UnfoldAdminTextInputWidget(), "max_length": 200, **kwargs})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            dates = sorted({date.fromisoformat(each) for each in text.replace("，", ",").replace(",", " ").split()})
        except ValueError as wrong:
            raise ValidationError(_("Dates look like 2026-09-01, 2027-02-20.")) from wrong
        if len(dates) > DATES_MAX:
            raise ValidationError(_("At most twelve dates."))
        return dates
