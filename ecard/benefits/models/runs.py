"""Runs that create money: who is to get how much, who let it go ahead, and what became of each line."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ecard.benefits.models.programmes import PIECES_MAX, Programme, Sponsor
from ecard.cardholders.models import Cardholder

RUN_PERIOD_KEY_LENGTH_MAX = 20
"""Shorter than a grant's: the pieces of a run, and what was overruled as a duplicate, get keys made from it."""
REASON_LENGTH_MAX = 200


class RunKind(models.TextChoices):
    SUBSIDY = "subsidy", _("subsidy")
    VOUCHER = "voucher", _("vouchers")
    CREDIT = "credit", _("credit to purses")


class RunState(models.TextChoices):
    DRAFT = "draft", _("draft")
    LISTED = "listed", _("listed")
    ASKED = "asked", _("approval asked")
    POSTING = "posting", _("being paid out")
    POSTED = "posted", _("paid out")
    REVERSING = "reversing", _("being reversed")
    REVERSED = "reversed", _("reversed")
    CANCELLED = "cancelled", _("cancelled")


AT_WORK = (RunState.POSTING, RunState.REVERSING)
"""States in which a worker goes on with a run until it is through."""


class Run(models.Model):
    """One payment to many people out of a sponsor's account.

    `selection` says whom it is for (`runs.people.Selection`), or `uploaded` names them line by line. Lines are worked
    off in the order of their ids: `done_upto` is the last line dealt with in this state, written in the transaction
    that deals with it, so that whoever goes on after a crash begins behind it and nobody is paid twice.
    """

    kind = models.CharField(_("kind"), max_length=8, choices=RunKind.choices)
    programme = models.ForeignKey(
        Programme,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="runs",
        verbose_name=_("subsidy programme"),
    )
    sponsor = models.ForeignKey(Sponsor, on_delete=models.PROTECT, related_name="runs", verbose_name=_("sponsor"))
    period_key = models.CharField(
        _("for the period"), max_length=RUN_PERIOD_KEY_LENGTH_MAX, blank=True, default="", help_text=_("As 2026-11.")
    )
    amount_minor = models.PositiveIntegerField(_("amount each"))
    pieces = models.PositiveSmallIntegerField(_("pieces each"), default=1)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    rollover_cap_minor = models.PositiveIntegerField(_("goes over at most"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=REASON_LENGTH_MAX)
    selection = models.JSONField(_("for whom"), default=dict, blank=True)
    uploaded = models.TextField(blank=True, default="", editable=False)
    scheduled = models.BooleanField(_("by schedule"), default=False, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=RunState.choices, default=RunState.DRAFT)

    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("made by"),
    )
    made_at = models.DateTimeField(_("made at"))
    listed_at = models.DateTimeField(_("listed at"), null=True, blank=True)
    people = models.PositiveIntegerField(_("people"), default=0)
    total_minor = models.BigIntegerField(_("total"), default=0)
    left_out = models.PositiveIntegerField(_("left out"), default=0)
    duplicates = models.PositiveIntegerField(_("possible duplicates"), default=0)
    duplicates_overruled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("duplicates overruled by"),
    )
    duplicates_overruled_at = models.DateTimeField(_("duplicates overruled at"), null=True, blank=True)
    digest = models.BinaryField(_("digest"), null=True, blank=True, editable=False)

    posting_at = models.DateTimeField(_("paid out from"), null=True, blank=True)
    posted_at = models.DateTimeField(_("paid out at"), null=True, blank=True)
    done_upto = models.BigIntegerField(default=0, editable=False)
    done_lines = models.PositiveIntegerField(_("lines done"), default=0, editable=False)
    rolled_minor = models.BigIntegerField(_("gone over from the last period"), default=0)
    reversed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("reversed by"),
    )
    reversing_at = models.DateTimeField(_("reversed from"), null=True, blank=True)
    reversed_at = models.DateTimeField(_("reversed at"), null=True, blank=True)
    reverse_reason = models.CharField(_("why reversed"), max_length=REASON_LENGTH_MAX, blank=True, default="")
    returned_minor = models.BigIntegerField(_("taken back"), default=0)
    spent_minor = models.BigIntegerField(_("spent before"), default=0)

    class Meta:
        verbose_name = pgettext_lazy("that creates money", "run")
        verbose_name_plural = pgettext_lazy("that create money", "runs")
        permissions = (
            ("post_run", _("Can pay out approved runs")),
            ("reverse_run", _("Can reverse runs")),
        )
        constraints = (
            models.CheckConstraint(
                name="benefits_run_words_known",
                condition=Q(kind__in=RunKind.values, state__in=RunState.values, pieces__range=(1, PIECES_MAX)),
            ),
            models.CheckConstraint(
                name="benefits_run_credit_has_no_programme",
                condition=Q(kind=RunKind.CREDIT, programme__isnull=True, expires_at__isnull=True, pieces=1)
                | (~Q(kind=RunKind.CREDIT) & Q(programme__isnull=False, expires_at__isnull=False) & ~Q(period_key="")),
            ),
            models.CheckConstraint(name="benefits_run_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="benefits_run_paid_with_its_time",
                condition=~Q(state__in=[RunState.POSTED, RunState.REVERSING, RunState.REVERSED])
                | Q(posting_at__isnull=False, posted_at__gte=F("posting_at")),
            ),
            models.CheckConstraint(
                name="benefits_run_overruled_with_its_time",
                condition=Q(duplicates_overruled_by__isnull=True, duplicates_overruled_at__isnull=True)
                | Q(duplicates_overruled_by__isnull=False, duplicates_overruled_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="benefits_run_scheduled_once_per_period",
                fields=["programme", "period_key"],
                condition=Q(scheduled=True),
            ),
        )
        indexes = (
            models.Index(name="benefits_run_at_work", fields=["id"], condition=Q(state__in=["posting", "reversing"])),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_at_work(self) -> bool:
        """Whether a worker is to go on with it."""
        return self.state in AT_WORK


class LeftOut(models.IntegerChoices):
    """Why a line is not paid. The numbers are stored: add, never renumber."""

    NO = 0, _("is paid")
    UNKNOWN = 1, _("nobody has this number")
    CLOSED = 2, _("the account is closed")
    DUPLICATE = 3, _("left out as a duplicate")


class Duplicate(models.IntegerChoices):
    """Why a line may be a payment made already. The numbers are stored: add, never renumber."""

    NO = 0, _("none")
    SAME_PERIOD = 1, _("got this programme for this period already")
    SAME_AMOUNT = 2, _("got the same amount from another run within days")


class RunLine(models.Model):
    """One person of a run. What is to be paid is never changed, only whether it is, and what came back of it."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="lines", verbose_name=_("run"), db_index=False)
    cardholder = models.ForeignKey(
        Cardholder,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="run_lines",
        verbose_name=_("cardholder"),
    )
    number = models.CharField(_("number"), max_length=32)
    amount_minor = models.PositiveIntegerField(_("amount each"))
    left_out = models.PositiveSmallIntegerField(_("left out"), choices=LeftOut.choices, default=LeftOut.NO)
    duplicate = models.PositiveSmallIntegerField(_("duplicate"), choices=Duplicate.choices, default=Duplicate.NO)
    returned_minor = models.BigIntegerField(_("taken back"), null=True, blank=True)
    spent_minor = models.BigIntegerField(_("spent before"), null=True, blank=True)

    class Meta:
        verbose_name = _("line of a run")
        verbose_name_plural = _("lines of a run")
        constraints = (
            models.UniqueConstraint(name="benefits_runline_once_per_run", fields=["run", "cardholder"]),
            models.CheckConstraint(name="benefits_runline_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="benefits_runline_somebody_is_paid",
                condition=Q(left_out=LeftOut.UNKNOWN, cardholder__isnull=True)
                | (~Q(left_out=LeftOut.UNKNOWN) & Q(cardholder__isnull=False)),
            ),
        )
        indexes = (
            models.Index(name="benefits_runline_in_order", fields=["run", "id"]),
            models.Index(name="benefits_runline_spent", fields=["run", "id"], condition=Q(spent_minor__gt=0)),
        )

    def __str__(self) -> str:
        return f"{self.run_id} {self.number}"


class ActiveSchedule(models.Model):
    """A programme's schedule as it was approved. `digest` is over its terms: changed terms need another approval."""

    programme = models.OneToOneField(
        Programme,
        primary_key=True,
        on_delete=models.PROTECT,
        related_name="active_schedule",
        verbose_name=_("subsidy programme"),
    )
    digest = models.BinaryField(_("digest"))
    activated_at = models.DateTimeField(_("activated at"))
    approval_id = models.BigIntegerField(_("approval"))

    class Meta:
        verbose_name = _("active schedule")
        verbose_name_plural = _("active schedules")

    def __str__(self) -> str:
        return f"{self.programme_id}"
