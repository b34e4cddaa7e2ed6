"""What terminals must hear of: one row per change, numbered after it has been committed."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

MAX_REFS_PER_CHANGE = 1_000


class Topic(models.IntegerChoices):
    """What changed, and what `refs` hold. The numbers are stored: add, never renumber."""

    CARDHOLDER = 1, _("cardholders")
    """Account refs."""
    POLICY = 2, _("policy")
    """Policy numbers."""
    DENY = 3, _("deny list")
    """Account refs."""
    KEYS = 4, _("keys")
    """Key list numbers."""
    PARAMETERS = 5, _("parameters")
    """Parameter set ids; of what they are about, the owner says."""
    SITE = 6, _("site")
    """Site ids: outlets and meal periods."""
    RELEASE = 7, _("release")
    """Release ids."""
    CATALOGUE = 8, _("products")
    """Outlet ids: what they sell."""


class Change(models.Model):
    """Written beside the change itself, in its transaction; `number` comes later (`number_committed`)."""

    number = models.BigIntegerField(_("number"), null=True, blank=True, unique=True)
    topic = models.PositiveSmallIntegerField(_("topic"), choices=Topic.choices)
    refs = ArrayField(models.BigIntegerField(), verbose_name=_("concerns"), size=MAX_REFS_PER_CHANGE)
    made_at = models.DateTimeField(_("made at"))
    numbered_at = models.DateTimeField(_("numbered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        constraints = (
            models.CheckConstraint(
                name="changes_change_numbered_with_its_time",
                condition=Q(number__isnull=True, numbered_at__isnull=True) | Q(number__gt=0, numbered_at__isnull=False),
            ),
        )
        indexes = (models.Index(name="changes_change_unnumbered", fields=["id"], condition=Q(number__isnull=True)),)

    def __str__(self) -> str:
        return f"#{self.number or '-'} {self.get_topic_display()}"


class Generation(models.Model):
    """The one row that says which life of the database this is, and how far numbering and pruning came.

    A restore must draw a new `generation_id`: numbers given after the backup were heard by terminals
    and would otherwise be given again to other changes.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    generation_id = models.BigIntegerField(_("generation"))
    began_at = models.DateTimeField(_("began at"))
    last_number = models.BigIntegerField(_("last number given"), default=0)
    pruned_upto = models.BigIntegerField(_("pruned up to"), default=0)

    class Meta:
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        constraints = (
            models.CheckConstraint(name="changes_generation_single_row", condition=Q(id=1)),
            models.CheckConstraint(
                name="changes_generation_pruned_within_numbered",
                condition=Q(pruned_upto__gte=0, pruned_upto__lte=models.F("last_number")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.generation_id:016x}"
