"""Changes of rules, as triggers write them (migration 0002); no role of the server may add, edit or delete one."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

TRACKED = (
    "benefits.programme",
    "benefits.pricerule",
    "benefits.entitlement",
    "benefits.spendlimit",
    "benefits.block",
    "benefits.agestep",
    "benefits.policysettings",
    "benefits.sponsor",
    "benefits.guardianlimit",
    "merchants.product",
    "merchants.placement",
    "merchants.category",
    "merchants.allergen",
    "merchants.mealperiod",
    "merchants.calendarday",
    "merchants.site",
    "merchants.outlet",
    "cardholders.group",
    "cardholders.priceclass",
    "cardholders.personlist",
)
"""Models whose changes are kept. A new one, or a new relation of one, needs triggers: a test says so."""


class Verb(models.TextChoices):
    """The database's own words."""

    INSERT = "INSERT", _("made")
    UPDATE = "UPDATE", _("changed")
    DELETE = "DELETE", _("removed")


class RuleChange(models.Model):
    """One row's change. `before` and `after` hold columns: those that differ, or all of a row made or removed.

    `label` and `key` name the rule; `field` is "" for the rule's own row, else the relation a row was added to or taken
    from. Rows of one `transaction` about one rule are one change to a reader.
    """

    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("by"),
    )
    transaction = models.BigIntegerField(_("transaction"))
    label = models.CharField(_("kind"), max_length=60)
    key = models.BigIntegerField(_("number"))
    field = models.CharField(_("field"), max_length=60, blank=True)
    verb = models.CharField(_("what happened"), max_length=6, choices=Verb.choices)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        verbose_name = _("change of a rule")
        verbose_name_plural = _("history of rules")
        ordering = ("-id",)
        default_permissions = ("view",)
        indexes = (
            models.Index(name="history_of_a_rule", fields=["label", "key", "-id"]),
            models.Index(name="history_by_somebody", fields=["by", "-id"]),
        )

    def __str__(self) -> str:
        return f"{self.label} {self.key}"
