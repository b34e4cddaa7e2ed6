"""Prices, free meals, limits and restrictions as administrators edit them.

A rule's ids are small and never used again: published policies and sales name them.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.core.policy import MAX_VOUCHERS
from ecard.benefits.models.bases import AMOUNT_MAX_MINOR, PERCENT_BP_MAX, Addressed, Named, Placed
from ecard.benefits.models.programmes import Sponsor
from ecard.cardholders.models import Cardholder
from ecard.merchants.models import Allergen, Category, Product


class Window(models.TextChoices):
    SALE = "sale", _("a sale")
    PERIOD = "period", _("a meal")
    DAY = "day", _("a day")
    WEEK = "week", _("a week")
    MONTH = "month", _("a month")


class Rounding(models.TextChoices):
    HALF_UP = "half_up", _("to the nearest")
    UP = "up", _("up")
    DOWN = "down", _("down")


class RoundTo(models.IntegerChoices):
    FEN = 1, _("0.01")
    JIAO = 10, _("0.10")
    HALF = 50, _("0.50")
    YUAN = 100, _("1.00")


class PriceRule(Named, Placed, Addressed):
    """The price as a share of the list price (10,000 = 100 %) plus an amount; the most specific rule wins."""

    percent_bp = models.PositiveIntegerField(
        _("share of the list price, in 1/100 %"), default=10_000, validators=[MaxValueValidator(PERCENT_BP_MAX)]
    )
    add_minor = models.IntegerField(
        _("plus"),
        default=0,
        validators=[MinValueValidator(-AMOUNT_MAX_MINOR), MaxValueValidator(AMOUNT_MAX_MINOR)],
    )
    round_to_minor = models.PositiveSmallIntegerField(
        _("rounded to a multiple of"), choices=RoundTo.choices, default=RoundTo.FEN
    )
    rounding = models.CharField(_("rounded"), max_length=8, choices=Rounding.choices, default=Rounding.HALF_UP)

    class Meta:
        verbose_name = _("price rule")
        verbose_name_plural = _("price rules")
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                name="benefits_pricerule_within_bounds",
                condition=Q(percent_bp__lte=PERCENT_BP_MAX) & Q(add_minor__range=(-AMOUNT_MAX_MINOR, AMOUNT_MAX_MINOR)),
            ),
            models.CheckConstraint(
                name="benefits_pricerule_rounding_known",
                condition=Q(round_to_minor__in=RoundTo.values) & Q(rounding__in=Rounding.values),
            ),
        )


class Entitlement(Named, Placed, Addressed):
    """Free meals by identity: verified and counted, not charged; the sponsor bears the agreed price for each."""

    sponsor = models.ForeignKey(
        Sponsor, on_delete=models.PROTECT, related_name="entitlements", verbose_name=_("sponsor")
    )
    window = models.CharField(_("for each"), max_length=6, choices=Window.choices, default=Window.PERIOD)
    count = models.PositiveSmallIntegerField(_("times"), default=1, validators=[MinValueValidator(1)])
    agreed_minor = models.PositiveIntegerField(
        _("agreed price"), validators=[MinValueValidator(1), MaxValueValidator(AMOUNT_MAX_MINOR)]
    )
    covers_minor = models.PositiveIntegerField(
        _("covers a price up to"), default=0, help_text=_("What is above is paid otherwise. 0: whatever it is.")
    )
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("free meal")
        verbose_name_plural = _("free meals")
        ordering = ("order", "id")
        constraints = (
            models.CheckConstraint(
                name="benefits_entitlement_counts_something",
                condition=Q(count__gt=0, agreed_minor__range=(1, AMOUNT_MAX_MINOR)) & Q(window__in=Window.values),
            ),
        )


class LimitOn(models.TextChoices):
    TOTAL = "total", _("the whole price")
    PURSE = "purse", _("the purse's part")


class SpendLimit(Named, Placed, Addressed):
    """A ceiling in a window, on the price or on the purse's part, and on the count; a least time between sales."""

    window = models.CharField(_("for each"), max_length=6, choices=Window.choices)
    on = models.CharField(_("counts"), max_length=5, choices=LimitOn.choices, default=LimitOn.TOTAL)
    max_minor = models.PositiveIntegerField(_("at most"), null=True, blank=True)
    max_count = models.PositiveSmallIntegerField(_("sales at most"), null=True, blank=True)
    min_gap_s = models.PositiveIntegerField(_("seconds since the last sale"), default=0)

    class Meta:
        verbose_name = _("spending limit")
        verbose_name_plural = _("spending limits")
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                name="benefits_spendlimit_limits_something",
                condition=Q(max_minor__isnull=False)
                | (Q(max_count__isnull=False) & ~Q(window=Window.SALE))
                | Q(min_gap_s__gt=0),
            ),
            models.CheckConstraint(
                name="benefits_spendlimit_window_known",
                condition=Q(window__in=Window.values) & Q(on__in=LimitOn.values),
            ),
        )


class BlockAction(models.TextChoices):
    REFUSE = "refuse", _("is not sold")
    WARN = "warn", _("is warned of")


class Block(Named, Placed, Addressed):
    """What these people may not buy, or are warned of: categories, products, or what contains an allergen."""

    products = models.ManyToManyField(Product, verbose_name=_("products"), blank=True, related_name="+")
    allergens = models.ManyToManyField(Allergen, verbose_name=_("allergens"), blank=True, related_name="+")
    avoided_only = models.BooleanField(_("only for people who avoid the allergen"), default=False)
    action = models.CharField(_("what happens"), max_length=6, choices=BlockAction.choices, default=BlockAction.REFUSE)

    class Meta:
        verbose_name = _("restriction")
        verbose_name_plural = _("restrictions")
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(name="benefits_block_action_known", condition=Q(action__in=BlockAction.values)),
        )


class AgeStep(models.Model):
    """How much a terminal may sell offline while its people's data is no older than this."""

    id = models.SmallAutoField(primary_key=True)
    up_to_s = models.PositiveIntegerField(_("data no older than, in seconds"), unique=True)
    sale_minor = models.PositiveIntegerField(_("a sale at most"))
    person_minor = models.PositiveIntegerField(_("a person at most"))

    class Meta:
        verbose_name = _("offline step")
        verbose_name_plural = _("offline steps")
        ordering = ("up_to_s",)

    def __str__(self) -> str:
        return f"{self.up_to_s} s"


class FundingSource(models.TextChoices):
    ENTITLEMENT = "entitlement", _("free meals")
    VOUCHER = "voucher", _("vouchers")
    LOTS = "lots", _("subsidies")
    PURSE = "purse", _("the purse")


def default_funding_order() -> list[str]:
    """Free meals, vouchers, subsidies, and the purse last."""
    return [str(each) for each in FundingSource.values]


class PolicySettings(models.Model):
    """What a policy says once: the order of sources, how many vouchers a sale takes, when a balance is low."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    funding_order = ArrayField(
        models.CharField(max_length=11, choices=FundingSource.choices),
        verbose_name=_("order in which a sale is paid"),
        default=default_funding_order,
        size=4,
    )
    max_vouchers = models.PositiveSmallIntegerField(
        _("vouchers in one sale at most"),
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_VOUCHERS)],
    )
    low_balance_minor = models.PositiveIntegerField(
        _("a balance is low below"), default=0, help_text=_("0: nobody is told.")
    )

    class Meta:
        verbose_name = _("order of payment")
        verbose_name_plural = _("order of payment")
        constraints = (
            models.CheckConstraint(
                name="benefits_policysettings_only_one",
                condition=Q(id=1) & Q(max_vouchers__range=(1, MAX_VOUCHERS)),
            ),
        )

    def __str__(self) -> str:
        return str(_("order of payment"))


class GuardianLimit(models.Model):
    """A limit for one person beside those of the policy, so that it can only tighten them; 0 for categories blocks."""

    id = models.AutoField(primary_key=True)
    cardholder = models.ForeignKey(
        Cardholder, on_delete=models.PROTECT, related_name="guardian_limits", verbose_name=_("cardholder")
    )
    window = models.CharField(_("for each"), max_length=6, choices=Window.choices)
    max_minor = models.PositiveIntegerField(_("at most"), null=True, blank=True)
    max_count = models.PositiveSmallIntegerField(_("sales at most"), null=True, blank=True)
    categories = models.ManyToManyField(
        Category,
        verbose_name=_("product categories"),
        blank=True,
        related_name="+",
        help_text=_("Then the amount is for each sale; 0 means that none of these is sold."),
    )
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)

    class Meta:
        verbose_name = _("guardian's limit")
        verbose_name_plural = _("guardians' limits")
        constraints = (
            models.CheckConstraint(
                name="benefits_guardianlimit_limits_something",
                condition=(Q(max_minor__isnull=False) | (Q(max_count__isnull=False) & ~Q(window=Window.SALE)))
                & Q(window__in=Window.values),
            ),
        )
        indexes = (
            models.Index(name="benefits_guardian_in_force", fields=["cardholder"], condition=Q(lifted_at__isnull=True)),
        )

    def __str__(self) -> str:
        return f"{self.cardholder_id} {self.get_window_display()}"
