"""One file each: what it would change, what it changed, and what is needed to undo that."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

FILE_NAME_LENGTH_MAX = 120
KEY_LENGTH_MAX = 100


class BatchState(models.IntegerChoices):
    """The numbers are stored: add, never renumber."""

    READ = 1, _("to be looked at")
    APPLIED = 2, _("imported")
    UNDONE = 3, _("undone")


class ImportBatch(models.Model):
    """A file as it was read. `columns` are those the file has: what it does not have is left alone."""

    kind = models.CharField(_("what"), max_length=20)
    file_name = models.CharField(_("file"), max_length=FILE_NAME_LENGTH_MAX)
    columns = models.JSONField(_("columns"), default=list)
    state = models.PositiveSmallIntegerField(_("state"), choices=BatchState.choices, default=BatchState.READ)
    added = models.PositiveIntegerField(_("new"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    refused = models.PositiveIntegerField(_("wrong"), default=0)
    left = models.PositiveIntegerField(_("not undone"), default=0)
    read_at = models.DateTimeField(_("read at"), db_index=True)
    read_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("read by")
    )
    applied_at = models.DateTimeField(_("imported at"), null=True, blank=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("imported by"),
    )
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
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ("-id",)
        permissions = (
            ("import_records", _("Can import from files")),
            ("export_records", _("Can export to files")),
        )
        constraints = (
            models.CheckConstraint(
                name="imports_importbatch_state_goes_with_its_times",
                condition=Q(state=BatchState.READ, applied_at__isnull=True, undone_at__isnull=True)
                | Q(state=BatchState.APPLIED, applied_at__isnull=False, undone_at__isnull=True)
                | Q(state=BatchState.UNDONE, applied_at__isnull=False, undone_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"#{self.pk} {self.file_name}"


class Outcome(models.IntegerChoices):
    """What a row does. The numbers are stored: add, never renumber."""

    WRONG = 1, _("wrong")
    NEW = 2, _("new")
    CHANGED = 3, _("changed")


class ImportRow(models.Model):
    """A row that changes something or is wrong; rows that change nothing are only counted.

    `before` (None: there was nothing) and `after` hold cells by column, as the file has them. `problems` are objects
    with a `kind` and particulars; `left` says in the same form what undoing could not take back.
    """

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows", verbose_name=_("import"))
    number = models.PositiveIntegerField(_("row"))
    key = models.CharField(_("about"), max_length=KEY_LENGTH_MAX)
    outcome = models.PositiveSmallIntegerField(_("outcome"), choices=Outcome.choices)
    before = models.JSONField(null=True)
    after = models.JSONField(default=dict)
    problems = models.JSONField(default=list)
    left = models.JSONField(default=list)

    class Meta:
        verbose_name = _("row of an import")
        verbose_name_plural = _("rows of an import")
        ordering = ("batch", "number")
        constraints = (models.UniqueConstraint(name="imports_row_once", fields=["batch", "number"]),)
        indexes = (models.Index(name="imports_row_by_outcome", fields=["batch", "outcome", "number"]),)

    def __str__(self) -> str:
        return f"{self.number}: {self.key}"
