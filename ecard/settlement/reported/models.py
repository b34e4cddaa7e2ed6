"""Passages and notes, each once by its record's number. Posting writes them beside the sales of its group."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ecard.terminals.models import Terminal

WORD_LENGTH_MAX = 64
BY_MAX = 4
FINE = 0


class Way(models.IntegerChoices):
    """Which way somebody passed. The numbers are stored: add, never renumber."""

    IN = 1, _("in")
    OUT = 2, _("out")


class Passage(models.Model):
    """Somebody passed a gate. `finding` is what the check said of the code or card (`rules.Finding`), 0 for fine.

    After `ECARD_PASSAGES_KEEP_DAYS` who it was is forgotten and the row stays: every record of a stream is accounted
    for, and how many passed is no secret. The role that web and worker run as may not delete it.
    """

    id = models.BigIntegerField(primary_key=True)
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, related_name="passages", verbose_name=_("terminal"), db_index=False
    )
    account_ref = models.BigIntegerField(_("account ref"), null=True, blank=True)
    way = models.PositiveSmallIntegerField(_("direction"), choices=Way.choices)
    passed_at = models.DateTimeField(_("passed at"))
    batch = models.ForeignKey(
        "settlement.Batch", on_delete=models.PROTECT, related_name="+", verbose_name=_("batch"), db_index=False
    )
    position = models.SmallIntegerField(_("position in the batch"))
    finding = models.PositiveSmallIntegerField(_("what the check found"), default=FINE)

    class Meta:
        verbose_name = _("passage")
        verbose_name_plural = _("passages")
        ordering = ("-passed_at", "-id")
        constraints = (
            models.CheckConstraint(
                name="settlement_passage_of_somebody_or_forgotten",
                condition=Q(account_ref__isnull=True) | Q(account_ref__gt=0),
            ),
        )
        indexes = (
            models.Index(name="settlement_passage_newest", fields=["passed_at", "id"]),
            models.Index(name="settlement_passage_by_terminal", fields=["terminal", "passed_at"]),
            models.Index(
                name="settlement_passage_by_person",
                fields=["account_ref", "passed_at"],
                condition=Q(account_ref__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"


class TerminalNote(models.Model):
    """A note of a terminal's journal. `names` are the supervisors' as they were called when it was posted."""

    id = models.BigIntegerField(primary_key=True)
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, related_name="notes", verbose_name=_("terminal"), db_index=False
    )
    what = models.CharField(_("word"), max_length=WORD_LENGTH_MAX)
    by = ArrayField(models.CharField(max_length=WORD_LENGTH_MAX), size=BY_MAX, default=list, blank=True)
    names = ArrayField(models.CharField(max_length=WORD_LENGTH_MAX), size=BY_MAX, default=list, blank=True)
    params = models.JSONField(_("numbers"), default=dict, blank=True)
    noted_at = models.DateTimeField(_("noted at"))
    batch = models.ForeignKey(
        "settlement.Batch", on_delete=models.PROTECT, related_name="+", verbose_name=_("batch"), db_index=False
    )
    position = models.SmallIntegerField(_("position in the batch"))

    class Meta:
        verbose_name = _("terminal's note")
        verbose_name_plural = _("terminals' notes")
        ordering = ("-noted_at", "-id")
        indexes = (
            models.Index(name="settlement_note_newest", fields=["noted_at", "id"]),
            models.Index(name="settlement_note_by_terminal", fields=["terminal", "what", "id"]),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"
