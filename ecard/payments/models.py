"""Money that comes in: top-ups, each posted with its transfer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ecard.cardholders.models import Cardholder

KEY_LENGTH_MAX = 64


class Tender(models.IntegerChoices):
    """What paid for a top-up. The numbers are stored: add, never renumber."""

    CASH = 1, _("cash")


class TopUp(models.Model):
    """Money put into a purse. `key` is drawn where the money is taken: sent twice, it counts once."""

    cardholder = models.ForeignKey(
        Cardholder, on_delete=models.PROTECT, related_name="top_ups", verbose_name=_("cardholder")
    )
    amount_minor = models.PositiveIntegerField(_("amount"))
    tender = models.PositiveSmallIntegerField(_("paid by"), choices=Tender.choices)
    key = models.CharField(pgettext_lazy("of a request", "key"), max_length=KEY_LENGTH_MAX, unique=True)
    made_at = models.DateTimeField(_("made at"), db_index=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("made by"),
    )

    class Meta:
        verbose_name = _("top-up")
        verbose_name_plural = _("top-ups")
        constraints = (
            models.CheckConstraint(name="payments_topup_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(name="payments_topup_tender_known", condition=Q(tender__in=Tender.values)),
        )
        permissions = (("take_cash", _("Can top up a purse by cash")),)

    def __str__(self) -> str:
        return f"#{self.pk}"
