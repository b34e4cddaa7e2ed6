"""Subsidy programmes, price rules and limits as administrators edit them, and the policies compiled from them.

A rule's ids are small and never used again: published policies and sales name them.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from devices.core.policy import Text
from ecard.cardholders.models import Cardholder, Group, PriceClass
from ecard.ledger.models import Account
from ecard.merchants.models import MealPeriod, Outlet, Site

PERCENT_BP_MAX = 100_000
AMOUNT_MAX_MINOR = 100_000_00
PERIOD_KEY_LENGTH_MAX = 40


class Weekday(models.IntegerChoices):
    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class Named(models.Model):
    """A name, and its English form where there is one."""

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60, blank=True, default="")
    active = models.BooleanField(_("in use"), default=True, help_text=_("Left out of the next policy when unticked."))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """The name in the reader's language."""
        return Text(self.name, self.name_en).in_language(get_language() or "en")


class Placed(models.Model):
    """Where and when a rule is for. Nothing chosen means everywhere, always."""

    sites = models.ManyToManyField(Site, verbose_name=_("sites"), blank=True, related_name="+")
    outlets = models.ManyToManyField(Outlet, verbose_name=_("outlets"), blank=True, related_name="+")
    periods = models.ManyToManyField(MealPeriod, verbose_name=_("meal periods"), blank=True, related_name="+")
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(choices=Weekday.choices),
        verbose_name=_("weekdays"),
        blank=True,
        default=list,
        size=7,
    )

    class Meta:
        abstract = True


class Addressed(models.Model):
    """Whom a rule is for. Nothing chosen means everybody."""

    classes = models.ManyToManyField(PriceClass, verbose_name=_("price classes"), blank=True, related_name="+")
    groups = models.ManyToManyField(
        Group, verbose_name=pgettext_lazy("of people", "groups"), blank=True, related_name="+"
    )

    class Meta:
        abstract = True


class Programme(Named, Placed):
    """A source of grants and who pays for them. `order` breaks ties between grants that expire together."""

    sponsor = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="programmes", verbose_name=_("sponsor"), editable=False
    )
    part_payment = models.BooleanField(
        _("may pay a part"), default=True, help_text=_("When unticked, a grant pays the whole of the rest or nothing.")
    )
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("subsidy programme")
        verbose_name_plural = _("subsidy programmes")
        ordering = ("order", "id")


class Grant(models.Model):
    """One person's share of a programme for one period; its account holds what is left. Never issued twice."""

    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="grants", verbose_name=_("subsidy programme")
    )
    cardholder = models.ForeignKey(
        Cardholder, on_delete=models.PROTECT, related_name="grants", verbose_name=_("cardholder")
    )
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="grant", verbose_name=_("account"), editable=False
    )
    period_key = models.CharField(_("for the period"), max_length=PERIOD_KEY_LENGTH_MAX)
    amount_minor = models.PositiveIntegerField(_("amount"))
    issued_at = models.DateTimeField(_("issued at"))
    expires_at = models.DateTimeField(_("expires at"))
    ended_at = models.DateTimeField(_("rest returned at"), null=True, blank=True)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = (
            models.UniqueConstraint(
                name="benefits_grant_once_per_period", fields=["programme", "period_key", "cardholder"]
            ),
            models.CheckConstraint(name="benefits_grant_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="benefits_grant_expires_after_issue", condition=Q(expires_at__gt=F("issued_at"))
            ),
        )
        indexes = (
            models.Index(name="benefits_grant_running", fields=["expires_at"], condition=Q(ended_at__isnull=True)),
        )

    def __str__(self) -> str:
        return f"{self.period_key} #{self.pk}"


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

    class Meta:
        verbose_name = _("price rule")
        verbose_name_plural = _("price rules")
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                name="benefits_pricerule_within_bounds",
                condition=Q(percent_bp__lte=PERCENT_BP_MAX) & Q(add_minor__range=(-AMOUNT_MAX_MINOR, AMOUNT_MAX_MINOR)),
            ),
        )


class Window(models.TextChoices):
    SALE = "sale", _("a sale")
    DAY = "day", _("a day")


class LimitOn(models.TextChoices):
    TOTAL = "total", _("the whole price")
    PURSE = "purse", _("the purse's part")


class SpendLimit(Named, Placed, Addressed):
    """A ceiling per sale or per business day, on the whole price or on the purse's part, and on the count."""

    window = models.CharField(_("for each"), max_length=4, choices=Window.choices)
    on = models.CharField(_("counts"), max_length=5, choices=LimitOn.choices, default=LimitOn.TOTAL)
    max_minor = models.PositiveIntegerField(_("at most"), null=True, blank=True)
    max_count = models.PositiveSmallIntegerField(_("sales at most"), null=True, blank=True)

    class Meta:
        verbose_name = _("spending limit")
        verbose_name_plural = _("spending limits")
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                name="benefits_spendlimit_limits_something",
                condition=Q(max_minor__isnull=False) | Q(max_count__isnull=False, window=Window.DAY),
            ),
            models.CheckConstraint(
                name="benefits_spendlimit_window_known",
                condition=Q(window__in=Window.values) & Q(on__in=LimitOn.values),
            ),
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


class UsageCounter(models.Model):
    """What was spent on one business date, for limits per day. Written beside the posting that caused it.

    No check against negative numbers: a reversal is added like a sale, and such a check would be
    made on the row proposed, before it is known to meet one that exists.
    """

    pk = models.CompositePrimaryKey("account_ref", "business_date")
    account_ref = models.BigIntegerField()
    business_date = models.DateField(db_index=True)
    total_minor = models.BigIntegerField()
    purse_minor = models.BigIntegerField()
    count = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.account_ref} {self.business_date}"


class PublishedPolicy(models.Model):
    """A compiled, signed policy. Kept for ever: sales name its number."""

    number = models.PositiveIntegerField(_("number"), primary_key=True)
    body = models.BinaryField(_("content"))
    key_id = models.PositiveSmallIntegerField(_("signed with key"))
    signature = models.BinaryField(_("signature"))
    starts_at = models.DateTimeField(_("starts at"))
    published_at = models.DateTimeField(_("published at"))
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("published by"),
    )

    class Meta:
        verbose_name = _("published policy")
        verbose_name_plural = _("published policies")
        ordering = ("-number",)
        permissions = (("publish_policy", _("Can publish policies")),)
        constraints = (
            models.CheckConstraint(name="benefits_publishedpolicy_number_positive", condition=Q(number__gt=0)),
            models.CheckConstraint(
                name="benefits_publishedpolicy_starts_after_publishing", condition=Q(starts_at__gte=F("published_at"))
            ),
        )

    def __str__(self) -> str:
        return f"#{self.number}"
