"""Sites, merchants, outlets and meal periods: payee, place and time of day."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ecard.ledger.models import Account
from ecard.merchants.naming import Named
from ecard.merchants.rules import DAY_KINDS, MINUTES_PER_DAY


class Site(Named):
    """A campus: one time zone, one start of the business day (minutes after local midnight)."""

    id = models.SmallAutoField(primary_key=True)
    code = models.SlugField(_("code"), max_length=32, unique=True)
    zone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai")
    day_starts_minute = models.PositiveSmallIntegerField(_("day starts at minute"), default=0)

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(
                name="merchants_site_day_starts_within_a_day",
                condition=Q(day_starts_minute__range=(0, MINUTES_PER_DAY - 1)),
            ),
        )


class Merchant(Named):
    """Who is paid. The account is a busy one of the ledger."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="merchant", verbose_name=_("account"), editable=False
    )

    class Meta:
        verbose_name = _("merchant")
        verbose_name_plural = _("merchants")
        ordering = ("code",)


class Outlet(Named):
    """A place that sells. Its id is small and never used again: policies and sales name it."""

    id = models.SmallAutoField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="outlets", verbose_name=_("site"))
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="outlets", verbose_name=_("merchant"))
    code = models.SlugField(_("code"), max_length=32)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("outlet")
        verbose_name_plural = _("outlets")
        ordering = ("site", "code")
        constraints = (models.UniqueConstraint(name="merchants_outlet_code_once_per_site", fields=["site", "code"]),)


class MealPeriod(Named):
    """A meal of a site, in minutes after local midnight; the end is excluded and may be past midnight.

    Served on `weekdays` (0 = Monday to 6, 7 = holidays), on every day where none is named.
    """

    id = models.SmallAutoField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="meal_periods", verbose_name=_("site"))
    code = models.SlugField(_("code"), max_length=32)
    start_minute = models.PositiveSmallIntegerField(_("from minute"))
    end_minute = models.PositiveSmallIntegerField(_("to minute"))
    weekdays = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("days"), default=list, blank=True)

    class Meta:
        verbose_name = _("meal period")
        verbose_name_plural = _("meal periods")
        ordering = ("site", "start_minute")
        constraints = (
            models.UniqueConstraint(name="merchants_mealperiod_code_once_per_site", fields=["site", "code"]),
            models.CheckConstraint(
                name="merchants_mealperiod_within_a_day_from_its_start",
                condition=Q(start_minute__range=(0, MINUTES_PER_DAY - 1))
                & Q(end_minute__gt=F("start_minute"))
                & Q(end_minute__lte=F("start_minute") + MINUTES_PER_DAY),
            ),
            models.CheckConstraint(
                name="merchants_mealperiod_weekdays_known", condition=Q(weekdays__contained_by=list(DAY_KINDS))
            ),
        )
