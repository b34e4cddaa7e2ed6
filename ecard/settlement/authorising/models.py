"""Holds that terminals asked for: the ledger holds the money, here is for which record and what was said."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.core.journal import MAX_SEQUENCE
from ecard.terminals.models import Terminal

DIGEST_BYTES = 32
LEGS_HELD_MAX = 64


class AuthorisedState(models.IntegerChoices):
    """What became of a hold. The numbers are stored: add, never renumber."""

    OPEN = 0, _("held")
    CAPTURED = 1, _("paid")
    RELEASED = 2, _("released")
    LAPSED = 3, _("lapsed")


class AuthorisedHold(models.Model):
    """The answer to one key (terminal, epoch, sequence): at most one hold is open for it, however often it is asked.

    `digest` is of the question; another question under the key ends the first hold and takes this row over, `rounds`
    counting. `answer` is kept while the hold is open, so that the same question has the same answer; it names a person
    as the server knows them, and is emptied at the end. `sale_id` is the sale that took the money.
    """

    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, related_name="authorised_holds", verbose_name=_("terminal")
    )
    epoch = models.BigIntegerField(_("epoch"))
    seq = models.IntegerField(_("sequence"), validators=[MinValueValidator(1), MaxValueValidator(MAX_SEQUENCE)])
    digest = models.BinaryField(max_length=DIGEST_BYTES, editable=False)
    rounds = models.PositiveIntegerField(default=1, editable=False)
    account_ref = models.BigIntegerField(_("account"))
    code_id = models.BigIntegerField(null=True, blank=True, editable=False)
    presented_s = models.BigIntegerField(default=0, editable=False)
    amount_minor = models.PositiveIntegerField(_("amount"))
    hold_ids = ArrayField(models.BigIntegerField(), size=LEGS_HELD_MAX, default=list, editable=False)
    answer = models.BinaryField(blank=True, default=b"", editable=False)
    state = models.PositiveSmallIntegerField(_("state"), choices=AuthorisedState.choices, default=AuthorisedState.OPEN)
    sale_id = models.BigIntegerField(_("sale"), null=True, blank=True)
    placed_at = models.DateTimeField(_("placed at"))
    expires_at = models.DateTimeField(_("lapses at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("authorised sale")
        verbose_name_plural = _("authorised sales")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(name="settlement_authorised_once_per_key", fields=["terminal", "epoch", "seq"]),
            models.CheckConstraint(
                name="settlement_authorised_ended_unless_open",
                condition=Q(state=AuthorisedState.OPEN, ended_at__isnull=True)
                | (~Q(state=AuthorisedState.OPEN) & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="settlement_authorised_sale_where_captured",
                condition=Q(state=AuthorisedState.CAPTURED, sale_id__isnull=False)
                | (~Q(state=AuthorisedState.CAPTURED) & Q(sale_id__isnull=True)),
            ),
            models.CheckConstraint(
                name="settlement_authorised_key_in_range",
                condition=Q(epoch__gt=0, seq__gt=0, seq__lte=MAX_SEQUENCE, account_ref__gt=0, amount_minor__gt=0),
            ),
        )
        indexes = (
            models.Index(
                name="settlement_authorised_open", fields=["terminal"], condition=Q(state=AuthorisedState.OPEN)
            ),
            models.Index(
                name="settlement_authorised_person", fields=["account_ref"], condition=Q(state=AuthorisedState.OPEN)
            ),
            models.Index(
                name="settlement_authorised_due", fields=["expires_at"], condition=Q(state=AuthorisedState.OPEN)
            ),
            models.Index(name="settlement_authorised_ended", fields=["ended_at"]),
        )

    def __str__(self) -> str:
        return f"{self.terminal_id} / {self.epoch} / {self.seq}"
