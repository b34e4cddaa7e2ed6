"""What a cardholder is known by besides a phone's codes: so far, cards known by their number alone.

A card's number is never kept. Its `name` is a hash of it under the institution's card key (`devices.core.card`).
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from devices.core.card import NAME_CHARACTERS
from ecard.cardholders.models import Cardholder

REASON_LENGTH_MAX = 200


class CardState(models.IntegerChoices):
    """What became of a card. The numbers are stored: add, never renumber."""

    ACTIVE = 1, pgettext_lazy("of a card", "in use")
    STOPPED = 2, pgettext_lazy("of a card", "stopped")
    REPLACED = 3, pgettext_lazy("of a card", "replaced")


class Card(models.Model):
    """One card in one person's hands, from `bound_at` to `stopped_at`. Never deleted, never given back into use: a card
    that is bound again, to whomever, is another row.
    """

    cardholder = models.ForeignKey(
        Cardholder, on_delete=models.PROTECT, related_name="cards", verbose_name=_("cardholder")
    )
    name = models.CharField(max_length=NAME_CHARACTERS, editable=False, db_index=True)
    state = models.PositiveSmallIntegerField(_("state"), choices=CardState.choices, default=CardState.ACTIVE)
    bound_at = models.DateTimeField(_("bound at"))
    bound_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("bound by"),
    )
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("stopped by"),
    )
    reason = models.CharField(_("reason"), max_length=REASON_LENGTH_MAX, blank=True, default="")
    replaced_by = models.OneToOneField(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="replaces",
        verbose_name=_("replaced by"),
    )

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")
        ordering = ("-id",)
        permissions = (
            ("bind_card", _("Can bind cards to people, and replace them")),
            ("stop_card", _("Can stop cards")),
        )
        constraints = (
            models.UniqueConstraint(
                name="media_card_in_use_once", fields=["name"], condition=Q(state=CardState.ACTIVE)
            ),
            models.CheckConstraint(
                name="media_card_ended_with_its_time",
                condition=Q(state=CardState.ACTIVE, stopped_at__isnull=True, replaced_by__isnull=True)
                | Q(state=CardState.STOPPED, stopped_at__isnull=False, replaced_by__isnull=True)
                | Q(state=CardState.REPLACED, stopped_at__isnull=False, replaced_by__isnull=False),
            ),
            models.CheckConstraint(
                name="media_card_ends_after_it_began",
                condition=Q(stopped_at__isnull=True) | Q(stopped_at__gte=F("bound_at")),
            ),
            models.CheckConstraint(
                name="media_card_named_by_a_hash", condition=Q(name__regex=rf"^[A-Za-z0-9_-]{{{NAME_CHARACTERS}}}$")
            ),
            models.CheckConstraint(
                name="media_card_never_replaces_itself",
                condition=Q(replaced_by__isnull=True) | ~Q(replaced_by=F("id")),
            ),
        )
        indexes = (
            models.Index(name="media_card_in_use_of", fields=["cardholder"], condition=Q(state=CardState.ACTIVE)),
        )

    def __str__(self) -> str:
        return gettext("Card %(number)s") % {"number": self.pk}
