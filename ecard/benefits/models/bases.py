"""What every rule has: a name in two languages, a place and time, and people."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from devices.core.policy import HOLIDAY, Text
from ecard.cardholders.models import Group, PersonList, PriceClass
from ecard.merchants.models import Category, MealPeriod, Outlet, Site

PERCENT_BP_MAX = 100_000
AMOUNT_MAX_MINOR = 100_000_00


class Weekday(models.IntegerChoices):
    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")
    HOLIDAY = HOLIDAY, _("holidays")


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
    """Where, when and on which products a rule is for. Nothing chosen means everywhere, always, everything."""

    sites = models.ManyToManyField(Site, verbose_name=_("sites"), blank=True, related_name="+")
    outlets = models.ManyToManyField(Outlet, verbose_name=_("outlets"), blank=True, related_name="+")
    periods = models.ManyToManyField(MealPeriod, verbose_name=_("meal periods"), blank=True, related_name="+")
    categories = models.ManyToManyField(Category, verbose_name=_("product categories"), blank=True, related_name="+")
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(choices=Weekday.choices),
        verbose_name=_("weekdays"),
        blank=True,
        default=list,
        size=8,
    )
    from_date = models.DateField(_("from"), null=True, blank=True)
    to_date = models.DateField(_("until"), null=True, blank=True)

    class Meta:
        abstract = True


class Addressed(models.Model):
    """Whom a rule is for. Nothing chosen means everybody."""

    classes = models.ManyToManyField(PriceClass, verbose_name=_("price classes"), blank=True, related_name="+")
    groups = models.ManyToManyField(
        Group, verbose_name=pgettext_lazy("of people", "groups"), blank=True, related_name="+"
    )
    lists = models.ManyToManyField(PersonList, verbose_name=_("lists of people"), blank=True, related_name="+")

    class Meta:
        abstract = True
