"""Rehearsals: past sales under a draft, and what would have come of them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ecard.benefits.models import PolicyDraft

PARTS_MAX = 40
PROGRAMMES_MAX = 200


class RehearsalState(models.TextChoices):
    RUNNING = "running", _("at work")
    DONE = "done", _("finished")
    STOPPED = "stopped", _("stopped")


class Rehearsal(models.Model):
    """One draft against the sales of some business dates, both included.

    People are divided into `parts` by account, so that each person's sales stay together and in order. `given` is what
    programmes that are new with the draft would have issued: objects with `lot`, `programme`, `amount_minor`,
    `begins_s` and `ends_s`; `altered` are real runs whose programmes issue another amount by now: objects with `run`,
    `was_minor` and `amount_minor`. `results` adds up the parts' totals (`totals.Totals`) once all are done.
    """

    draft = models.ForeignKey(PolicyDraft, on_delete=models.PROTECT, related_name="rehearsals", verbose_name=_("draft"))
    from_date = models.DateField(_("from"))
    to_date = models.DateField(_("until"))
    state = models.CharField(_("state"), max_length=7, choices=RehearsalState.choices, default=RehearsalState.RUNNING)
    sales = models.PositiveIntegerField(_("sales"), default=0)
    parts = models.PositiveSmallIntegerField(default=1, editable=False)
    given = models.JSONField(default=list, editable=False)
    altered = models.JSONField(default=list, editable=False)
    listed = ArrayField(models.SmallIntegerField(), default=list, size=PROGRAMMES_MAX, editable=False)
    results = models.JSONField(null=True, blank=True, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("started by"),
    )
    made_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("rehearsal")
        verbose_name_plural = _("rehearsals")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="settlement_rehearsal_ends_with_its_time",
                condition=Q(state=RehearsalState.RUNNING, ended_at__isnull=True)
                | Q(state=RehearsalState.DONE, ended_at__isnull=False, results__isnull=False)
                | Q(state=RehearsalState.STOPPED, ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="settlement_rehearsal_within_bounds",
                condition=Q(to_date__gte=F("from_date"), parts__range=(1, PARTS_MAX)),
            ),
        )
        indexes = (
            models.Index(name="settlement_rehearsal_running", fields=["id"], condition=Q(state=RehearsalState.RUNNING)),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"


class RehearsalPart(models.Model):
    """A share of the people. A worker holds it by a lease that it renews; a part whose worker died begins anew."""

    rehearsal = models.ForeignKey(Rehearsal, on_delete=models.CASCADE, related_name="shares", db_index=False)
    number = models.PositiveSmallIntegerField()
    lease = models.BigIntegerField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    passed = models.PositiveIntegerField(default=0)
    totals = models.JSONField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(name="settlement_rehearsalpart_once", fields=["rehearsal", "number"]),
            models.CheckConstraint(
                name="settlement_rehearsalpart_done_with_its_totals",
                condition=Q(done_at__isnull=True, totals__isnull=True) | Q(done_at__isnull=False, totals__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.rehearsal_id}.{self.number}"


class RehearsalPerson(models.Model):
    """One person's sales of the stretch. Own parts are of the sales that the draft would have let through.

    `given` are the programmes new with the draft that were issued to them here, `lists` the lists that the draft names
    and the policies of the time did not.
    """

    rehearsal = models.ForeignKey(
        Rehearsal, on_delete=models.CASCADE, related_name="people", verbose_name=_("rehearsal"), db_index=False
    )
    account_ref = models.BigIntegerField(_("account ref"))
    sales = models.PositiveIntegerField(_("sales"))
    changed = models.PositiveIntegerField(_("otherwise"))
    declined = models.PositiveIntegerField(_("not sold"))
    declined_minor = models.BigIntegerField(_("not sold, worth"))
    now_minor = models.BigIntegerField(_("paid"))
    draft_minor = models.BigIntegerField(_("would pay"))
    more_minor = models.BigIntegerField(_("more"))
    given = ArrayField(models.SmallIntegerField(), default=list, size=PROGRAMMES_MAX)
    lists = ArrayField(models.SmallIntegerField(), default=list, size=PROGRAMMES_MAX)

    class Meta:
        verbose_name = _("person of a rehearsal")
        verbose_name_plural = _("people of a rehearsal")
        constraints = (
            models.UniqueConstraint(name="settlement_rehearsalperson_once", fields=["rehearsal", "account_ref"]),
        )
        indexes = (models.Index(name="settlement_rehearsal_by_more", fields=["rehearsal", "more_minor", "id"]),)

    def __str__(self) -> str:
        return f"#{self.pk}"


class Outcome(models.IntegerChoices):
    """What becomes of a sale. The numbers are stored: add, never renumber."""

    DECLINED = 1, _("not sold")
    MORE = 2, _("dearer for the person")
    LESS = 3, _("cheaper for the person")
    OTHERWISE = 4, _("paid otherwise")


class RehearsalSale(models.Model):
    """A sale that would have gone otherwise; of each kind only so many are kept (`totals.KEPT`)."""

    rehearsal = models.ForeignKey(
        Rehearsal, on_delete=models.CASCADE, related_name="differing", verbose_name=_("rehearsal"), db_index=False
    )
    outcome = models.PositiveSmallIntegerField(_("what becomes of it"), choices=Outcome.choices)
    sale_id = models.BigIntegerField(_("sale"))
    account_ref = models.BigIntegerField(_("account ref"))
    taken_at = models.DateTimeField(_("taken at"))
    outlet_id = models.IntegerField(_("outlet"))
    amount_minor = models.IntegerField(_("amount"))
    now_minor = models.IntegerField(_("paid"))
    draft_minor = models.IntegerField(_("would pay"))
    more_minor = models.IntegerField(_("more"))
    why = models.CharField(_("why not sold"), max_length=24, blank=True, default="")

    class Meta:
        verbose_name = _("sale of a rehearsal")
        verbose_name_plural = _("sales of a rehearsal")
        constraints = (
            models.UniqueConstraint(name="settlement_rehearsalsale_once", fields=["rehearsal", "sale_id"]),
            models.CheckConstraint(
                name="settlement_rehearsalsale_declined_for_a_reason",
                condition=Q(outcome=Outcome.DECLINED) & ~Q(why="") | ~Q(outcome=Outcome.DECLINED) & Q(why=""),
            ),
        )
        indexes = (
            models.Index(name="settlement_rehearsalsale_what", fields=["rehearsal", "outcome", "id"]),
            models.Index(name="settlement_rehearsalsale_whose", fields=["rehearsal", "account_ref"]),
        )

    def __str__(self) -> str:
        return f"#{self.sale_id}"
