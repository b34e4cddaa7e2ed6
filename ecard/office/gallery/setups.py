"""The templates: their story, who mostly tells it, their form and what they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ecard.office.gallery import makers
from ecard.office.gallery.forms import (
    AllergenForm,
    AllowanceForm,
    BlockForm,
    FreeMealForm,
    LimitForm,
    PercentVoucherForm,
    PlaceForm,
    PricesForm,
    ProductsForm,
    VoucherForm,
)
from ecard.office.gallery.makers import Given, Made


class Audience(StrEnum):
    """Who mostly tells a story; any template can be used by anybody."""

    UNIVERSITY = "university"
    SCHOOL = "school"
    OFFICE = "office"


AUDIENCES = {
    Audience.UNIVERSITY: _("University"),
    Audience.SCHOOL: _("School"),
    Audience.OFFICE: pgettext_lazy("kind of institution", "Company"),
}


@dataclass(frozen=True, slots=True)
class Setup:
    """`model` is the table of what it makes: whoever may add to it may use the template."""

    key: str
    title: str | Promise
    story: str | Promise
    icon: str
    audiences: tuple[Audience, ...]
    model: str
    form: type[forms.Form]
    make: Callable[[Given], Made]


SETUPS: tuple[Setup, ...] = (
    Setup(
        "place-subsidy",
        _("Allowance for one place"),
        _("“100 yuan a year that only the gym takes.”"),
        "fitness_center",
        (Audience.UNIVERSITY, Audience.OFFICE),
        "programme",
        PlaceForm,
        makers.place_subsidy,
    ),
    Setup(
        "allowance",
        _("Monthly meal allowance"),
        _("“300 on the 1st of each month for meals; up to 100 of it goes over to the next month.”"),
        "calendar_month",
        (Audience.UNIVERSITY, Audience.SCHOOL, Audience.OFFICE),
        "programme",
        AllowanceForm,
        makers.allowance,
    ),
    Setup(
        "product-subsidy",
        _("Allowance for products"),
        _("“20 yuan a month that pays for milk only.”"),
        "nutrition",
        (Audience.SCHOOL,),
        "programme",
        ProductsForm,
        makers.product_subsidy,
    ),
    Setup(
        "free-meal",
        _("Free meal"),
        _("“Breakfast free, lunch self-paid.”"),
        "free_breakfast",
        (Audience.SCHOOL, Audience.OFFICE),
        "entitlement",
        FreeMealForm,
        makers.free_meal,
    ),
    Setup(
        "voucher",
        _("Voucher: so much off"),
        _("“A late-shift voucher that takes 15 off dinner from 20.”"),
        "local_activity",
        (Audience.OFFICE, Audience.UNIVERSITY),
        "programme",
        VoucherForm,
        makers.threshold_voucher,
    ),
    Setup(
        "percent-voucher",
        _("Voucher: a share off"),
        _("“Half price once a month, but no more than 10 off.”"),
        "percent",
        (Audience.UNIVERSITY,),
        "programme",
        PercentVoucherForm,
        makers.percent_voucher,
    ),
    Setup(
        "block",
        _("Not for sale to some"),
        _("“Pupils may not buy cola.”"),
        "do_not_disturb_on",
        (Audience.SCHOOL,),
        "block",
        BlockForm,
        makers.block,
    ),
    Setup(
        "allergen",
        _("Allergen warning"),
        _("“Gluten: warn.”"),
        "warning",
        (Audience.SCHOOL, Audience.UNIVERSITY),
        "block",
        AllergenForm,
        makers.allergen_warning,
    ),
    Setup(
        "prices",
        _("Prices by class"),
        _("“Staff pay 80 %, visitors 130 %.”"),
        "sell",
        (Audience.OFFICE, Audience.UNIVERSITY),
        "pricerule",
        PricesForm,
        makers.prices,
    ),
    Setup(
        "limit",
        _("Spending limit"),
        _("“Pupils spend at most 60 yuan a day.”"),
        "speed",
        (Audience.SCHOOL, Audience.UNIVERSITY, Audience.OFFICE),
        "spendlimit",
        LimitForm,
        makers.limit,
    ),
)
BY_KEY = {setup.key: setup for setup in SETUPS}
