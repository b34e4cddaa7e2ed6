"""Sponsors, what they give, and what each person got of it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from devices.core.policy import Text
from ecard.benefits.models.bases import AMOUNT_MAX_MINOR, Named, Placed
from ecard.cardholders.models import Cardholder, Group, PersonList
from ecard.ledger.models import Account

PERIOD_KEY_LENGTH_MAX = 40
PIECES_MAX = 31
DATES_MAX = 60


class Sponsor(models.Model):
    """Who pays for benefits; its number is that of its ledger account. A budget is for its dates."""

    account = models.OneToOneField(
        Account,
        primary_key=True,
        on_delete=models.PROTECT,
        related_name="sponsor",
        verbose_name=_("account"),
        editable=False,
    )
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60, blank=True, default="")
    cost_centre = models.CharField(_("cost centre"), max_length=32, blank=True, default="")
    budget_minor = models.BigIntegerField(_("budget"), null=True, blank=True)
    budget_from = models.DateField(_("budget from"), null=True, blank=True)
    budget_to = models.DateField(_("budget until"), null=True, blank=True)

    class Meta:
        verbose_name = _("sponsor")
        verbose_name_plural = _("sponsors")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                name="benefits_sponsor_budget_with_its_dates",
                condition=Q(budget_minor__isnull=True, budget_from__isnull=True, budget_to__isnull=True)
                | Q(budget_minor__gt=0, budget_from__isnull=False, budget_to__gte=F("budget_from")),
            ),
        )

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """The name in the reader's language."""
        return Text(self.name, self.name_en).in_language(get_language() or "en")


class ProgrammeKind(models.TextChoices):
    SUBSIDY = "subsidy", _("subsidy")
    VOUCHER = "voucher", _("vouchers")


class Schedule(models.TextChoices):
    """When a programme is issued."""

    BY_HAND = "hand", _("by hand")
    ONCE = "once", _("once")
    WEEKLY = "weekly", _("every week")
    MONTHLY = "monthly", _("every month")
    DATES = "dates", _("on given dates (each term)")


class Ends(models.TextChoices):
    """What becomes of what is left."""

    PERIOD = "period", _("ends with the period for which it was issued")
    DAYS = "days", _("ends after some days")
    DATE = "date", _("ends on a date")
    ROLLOVER = "rollover", _("ends with the period; up to a cap goes over to the next")


class Programme(Named, Placed):
    """A source of grants or vouchers, who pays for them, who gets how much of them and when.

    `order` breaks ties between grants that expire together. A voucher is worth a fixed amount, or `percent_bp` of the
    price but no more than the amount, from `threshold_minor` on.
    """

    kind = models.CharField(_("kind"), max_length=8, choices=ProgrammeKind.choices, default=ProgrammeKind.SUBSIDY)
    sponsor = models.ForeignKey(Sponsor, on_delete=models.PROTECT, related_name="programmes", verbose_name=_("sponsor"))
    part_payment = models.BooleanField(
        _("may pay a part"), default=True, help_text=_("When unticked, a grant pays the whole of the rest or nothing.")
    )
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    most_minor = models.PositiveIntegerField(_("a sale at most"), default=0, help_text=_("0: no such limit."))
    threshold_minor = models.PositiveIntegerField(_("from a price of"), default=0)
    percent_bp = models.PositiveSmallIntegerField(
        _("share of the price, in 1/100 %"), default=0, validators=[MaxValueValidator(10_000)]
    )
    alone = models.BooleanField(_("not together with any other voucher"), default=False)
    excludes = models.ManyToManyField(
        "self", verbose_name=_("not together with"), blank=True, symmetrical=False, related_name="+"
    )
    transferable = models.BooleanField(_("may be given to somebody else"), default=False)

    # Who gets it, how much and when.
    amount_minor = models.PositiveIntegerField(
        _("amount"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(AMOUNT_MAX_MINOR)]
    )
    pieces = models.PositiveSmallIntegerField(
        _("pieces each"), default=1, validators=[MinValueValidator(1), MaxValueValidator(PIECES_MAX)]
    )
    for_groups = models.ManyToManyField(
        Group, verbose_name=pgettext_lazy("of people", "for groups"), blank=True, related_name="+"
    )
    for_attributes = models.JSONField(
        _("for attributes"),
        default=dict,
        blank=True,
        help_text=_('As {"grade": ["1", "2"]}; empty: whatever they are.'),
    )
    for_list = models.ForeignKey(
        PersonList,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("for the list"),
    )
    schedule = models.CharField(_("issued"), max_length=8, choices=Schedule.choices, default=Schedule.BY_HAND)
    schedule_day = models.PositiveSmallIntegerField(
        _("on day"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("Of the month, or 1 = Monday of the week. A month that is shorter: its last day."),
    )
    schedule_dates = ArrayField(
        models.DateField(), verbose_name=_("on the dates"), blank=True, default=list, size=DATES_MAX
    )
    ends = models.CharField(_("what is left"), max_length=8, choices=Ends.choices, default=Ends.PERIOD)
    ends_days = models.PositiveSmallIntegerField(_("days"), null=True, blank=True, validators=[MinValueValidator(1)])
    ends_on = models.DateField(_("on"), null=True, blank=True)
    rollover_cap_minor = models.PositiveIntegerField(_("goes over at most"), null=True, blank=True)

    class Meta:
        verbose_name = _("subsidy programme")
        verbose_name_plural = _("subsidy programmes")
        ordering = ("order", "id")
        constraints = (
            models.CheckConstraint(
                name="benefits_programme_ends_with_its_terms",
                condition=~Q(ends=Ends.DAYS, ends_days__isnull=True)
                & ~Q(ends=Ends.DATE, ends_on__isnull=True)
                & ~Q(ends=Ends.ROLLOVER, rollover_cap_minor__isnull=True),
            ),
            models.CheckConstraint(
                name="benefits_programme_scheduled_with_an_amount",
                condition=Q(schedule=Schedule.BY_HAND) | Q(amount_minor__isnull=False, amount_minor__gt=0),
            ),
            models.CheckConstraint(
                name="benefits_programme_within_bounds",
                condition=Q(percent_bp__lte=10_000)
                & Q(pieces__range=(1, PIECES_MAX))
                & Q(schedule_day__range=(1, 31))
                & Q(kind__in=ProgrammeKind.values),
            ),
        )


class Grant(models.Model):
    """One person's share of a programme for one period; its account holds what is left. Never issued twice.

    A voucher given to somebody else is a new grant; its `origin` is the one that the programme issued, through however
    many hands it went since.
    Every index and reference is paid for 50,000 times by a run: `programme` leads the unique key, and `run` is kept by
    the role, which may not delete runs, and not by a constraint.
    """

    programme = models.ForeignKey(
        Programme,
        on_delete=models.PROTECT,
        related_name="grants",
        verbose_name=_("subsidy programme"),
        db_index=False,
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
    rolled_at = models.DateTimeField(_("rest gone over at"), null=True, blank=True)
    run = models.ForeignKey(
        "benefits.Run",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="grants",
        verbose_name=pgettext_lazy("that creates money", "run"),
        db_index=False,
        db_constraint=False,
    )
    origin = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="hands",
        verbose_name=_("issued as"),
        editable=False,
        db_index=False,
    )

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
            models.Index(name="benefits_grant_given_on", fields=["origin"], condition=Q(origin__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.period_key} #{self.pk}"
