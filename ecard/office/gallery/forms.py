"""One form a template; a template has a dozen inputs at most (a test counts them)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldBooleanSwitchWidget

from ecard.benefits.admin import PercentField
from ecard.benefits.models import LimitOn, Rounding, RoundTo, Window
from ecard.cardholders.models import PriceClass
from ecard.office.gallery import fields

CLASSES_MAX = 8
EVERY = (("monthly", _("every month")), ("weekly", _("every week")))
LEFT = (("lost", _("is lost at the month's end")), ("rollover", _("goes over to the next month")))


class PlaceForm(forms.Form):
    """So much on given days, to be spent only there."""

    name = fields.name("健身补贴")
    name_en = fields.name_en("Gym allowance")
    sponsor = fields.sponsor()
    groups = fields.groups()
    amount_minor = fields.money(_("Amount each, ¥"))
    outlets = fields.outlets(required=True)
    dates = fields.DatesField(label=_("Issued on"), help_text=_("One date for each year or term, as 2026-09-01."))
    days = fields.whole(_("Valid for days"), initial=365, most=1100)


class AllowanceForm(forms.Form):
    """So much every month for meals."""

    name = fields.name("月度餐补")
    name_en = fields.name_en("Monthly meal allowance")
    sponsor = fields.sponsor()
    groups = fields.groups()
    amount_minor = fields.money(_("Amount each, ¥"))
    periods = fields.periods()
    outlets = fields.outlets()
    day = fields.whole(_("On day of the month"), initial=1, most=31)
    left = fields.choice(_("What is left"), LEFT, initial="lost")
    cap_minor = fields.money(_("At most so much goes over, ¥"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("left") == "rollover" and not cleaned.get("cap_minor") and "cap_minor" not in self.errors:
            self.add_error("cap_minor", _("Say how much may go over to the next month."))
        return cleaned


class ProductsForm(forms.Form):
    """So much for certain products, such as milk."""

    name = fields.name("营养补贴")
    name_en = fields.name_en("Nutrition allowance")
    sponsor = fields.sponsor()
    groups = fields.groups()
    amount_minor = fields.money(_("Amount each, ¥"))
    categories = fields.categories()
    every = fields.choice(_("Issued"), EVERY, initial="monthly")


class FreeMealForm(forms.Form):
    """A meal by identity, paid by the sponsor at an agreed price."""

    name = fields.name("免费早餐")
    name_en = fields.name_en("Free breakfast")
    sponsor = fields.sponsor()
    groups = fields.groups()
    periods = fields.periods(required=True)
    outlets = fields.outlets()
    count = fields.whole(_("So many at each meal"), initial=1, most=20)
    agreed_minor = fields.money(_("Price that the sponsor pays for each, ¥"))
    covers_minor = fields.money(
        _("Covers a price up to, ¥"), required=False, help_text=_("What is above the person pays. Empty: all of it.")
    )


class VoucherForm(forms.Form):
    """So much off from a price on."""

    name = fields.name("加班晚餐券")
    name_en = fields.name_en("Late-shift dinner voucher")
    sponsor = fields.sponsor()
    groups = fields.groups()
    for_list = fields.person_list()
    amount_minor = fields.money(_("Takes off, ¥"))
    threshold_minor = fields.money(_("From a price of, ¥"), required=False)
    periods = fields.periods()
    outlets = fields.outlets()
    every = fields.choice(_("Issued"), EVERY, initial="weekly")
    pieces = fields.whole(_("Pieces each time"), initial=1, most=31)
    alone = forms.BooleanField(
        label=_("Not together with other vouchers"), required=False, widget=UnfoldBooleanSwitchWidget()
    )


class PercentVoucherForm(forms.Form):
    """A share of the price off, up to a cap."""

    name = fields.name("五折券")
    name_en = fields.name_en("Half-price voucher")
    sponsor = fields.sponsor()
    groups = fields.groups()
    percent_bp = PercentField(label=_("Takes off, in percent of the price"), initial=5_000)
    amount_minor = fields.money(_("But at most, ¥"))
    periods = fields.periods()
    outlets = fields.outlets()
    every = fields.choice(_("Issued"), EVERY, initial="monthly")
    pieces = fields.whole(_("Pieces each time"), initial=1, most=31)

    def clean_percent_bp(self) -> int:
        percent_bp: int = self.cleaned_data["percent_bp"]
        if not 0 < percent_bp <= 10_000:
            raise forms.ValidationError(_("A voucher takes off more than nothing and at most 100 %."))
        return percent_bp


class BlockForm(forms.Form):
    """What is not sold to whom."""

    name = fields.name("不卖可乐")
    name_en = fields.name_en("No cola")
    groups = fields.groups()
    categories = fields.categories(required=False)
    products = fields.products()
    outlets = fields.outlets()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("categories") and not cleaned.get("products"):
            self.add_error("categories", _("Choose a product category, or single products."))
        return cleaned


class AllergenForm(forms.Form):
    """What people are warned of."""

    name = fields.name("过敏原提醒")
    name_en = fields.name_en("Allergen warning")
    allergens = fields.allergens()
    avoided_only = forms.BooleanField(
        label=_("Only people who said that they avoid it"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget(),
    )


class LimitForm(forms.Form):
    """How much, how often."""

    name = fields.name("每日限额")
    name_en = fields.name_en("Daily limit")
    groups = fields.groups(required=False)
    window = fields.choice(_("For each"), Window.choices, initial=Window.DAY)
    on = fields.choice(_("Counts"), LimitOn.choices, initial=LimitOn.TOTAL)
    max_minor = fields.money(_("At most, ¥"), required=False)
    max_count = forms.IntegerField(label=_("Sales at most"), required=False, min_value=1, max_value=1000)
    outlets = fields.outlets()
    periods = fields.periods()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        counts = cleaned.get("max_count") and cleaned.get("window") != Window.SALE
        if not cleaned.get("max_minor") and not counts and not self.errors:
            self.add_error("max_minor", _("Say an amount, or how many sales in a longer time."))
        return cleaned


class PricesForm(forms.Form):
    """A share of the list price for each price class; a class without one pays the list price."""

    outlets = fields.outlets()
    round_to_minor = fields.choice(_("Rounded to a multiple of, ¥"), RoundTo.choices, initial=RoundTo.FEN)
    rounding = fields.choice(_("Rounded"), Rounding.choices, initial=Rounding.HALF_UP)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shares = {
            f"class_{each.code}": fields.ShareOrNone(
                label=_("%(name)s: share of the list price, %%") % {"name": each.shown_name}, required=False
            )
            for each in PriceClass.objects.order_by("code")[:CLASSES_MAX]
        }
        self.fields = {**shares, **self.fields}

    def shares(self) -> dict[int, int]:
        """Price class code → share in 1/100 %, where one was given."""
        return {
            int(field.removeprefix("class_")): share
            for field, share in self.cleaned_data.items()
            if field.startswith("class_") and share is not None and share != ""
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not self.shares():
            raise forms.ValidationError(_("Give at least one class its share, such as 80 for staff."))
        return cleaned
