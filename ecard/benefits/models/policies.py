"""Policies as they were published."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class PublishedPolicy(models.Model):
    """A compiled, signed policy. Kept for ever: sales name its number."""

    number = models.PositiveIntegerField(_("number"), primary_key=True)
    body = models.BinaryField(_("content"))
    key_id = models.PositiveSmallIntegerField(_("signed with key"))
    signature = models.BinaryField(_("signature"))
    starts_at = models.DateTimeField(_("starts at"))
    published_at = models.DateTimeField(_("published at"))
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("published by"),
    )

    class Meta:
        verbose_name = _("published policy")
        verbose_name_plural = _("published policies")
        ordering = ("-number",)
        permissions = (("publish_policy", _("Can publish policies")),)
        constraints = (
            models.CheckConstraint(name="benefits_publishedpolicy_number_positive", condition=Q(number__gt=0)),
            models.CheckConstraint(
                name="benefits_publishedpolicy_starts_after_publishing", condition=Q(starts_at__gte=F("published_at"))
            ),
        )

    def __str__(self) -> str:
        return f"#{self.number}"
