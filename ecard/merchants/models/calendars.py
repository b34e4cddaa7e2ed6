"""Days of a site that are not what their weekday says, and the imports that brought them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ecard.merchants.models.places import Site
from ecard.merchants.naming import in_readers_language
from ecard.merchants.rules import DAY_KINDS


class DayActsAs(models.IntegerChoices):
    """What a day is to the rules: one of the weekdays, or a holiday, which is none of them."""

    MONDAY = 0, _("like Monday")
    TUESDAY = 1, _("like Tuesday")
    WEDNESDAY = 2, _("like Wednesday")
    THURSDAY = 3, _("like Thursday")
    FRIDAY = 4, _("like Friday")
    SATURDAY = 5, _("like Saturday")
    SUNDAY = 6, _("like Sunday")
    HOLIDAY = 7, _("holiday")


class CalendarDay(models.Model):
    """A holiday or a make-up working day. It counts from the next policy that is published."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="calendar_days", verbose_name=_("site"))
    date = models.DateField(_("date"))
    acts_as = models.PositiveSmallIntegerField(_("acts as"), choices=DayActsAs.choices, default=DayActsAs.HOLIDAY)
    name = models.CharField(_("name"), max_length=80, blank=True, default="")
    name_en = models.CharField(_("name in English"), max_length=80, blank=True, default="")

    class Meta:
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")
        ordering = ("-date", "site")
        constraints = (
            models.UniqueConstraint(name="merchants_calendarday_once_per_site", fields=["site", "date"]),
            models.CheckConstraint(
                name="merchants_calendarday_acts_as_known", condition=Q(acts_as__in=list(DAY_KINDS))
            ),
        )
        indexes = (models.Index(name="merchants_calendarday_by_date", fields=["date"]),)

    def __str__(self) -> str:
        return f"{self.date.isoformat()} {self.shown_name}".rstrip()

    @property
    def shown_name(self) -> str:
        """The name in the reader's language; "" where it has none."""
        return in_readers_language(self.name, self.name_en)


class CalendarImport(models.Model):
    """One import: for each day what stood there before and what stands there since, so that it can be undone.

    `days` is a list of {"date", "before", "after"}, each side {"acts_as", "name", "name_en"} or null for a usual day.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="calendar_imports", verbose_name=_("site"))
    source = models.CharField(_("from"), max_length=120, blank=True, default="")
    made_at = models.DateTimeField(_("imported at"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("imported by"),
    )
    days = models.JSONField(_("days"))
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("undone by"),
    )

    class Meta:
        verbose_name = _("calendar import")
        verbose_name_plural = _("calendar imports")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"#{self.pk}"
