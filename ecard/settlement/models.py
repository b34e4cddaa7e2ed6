"""What terminals uploaded, the sales posted from it, and what a person has to look at.

A sale's id is its stream's id * 2**24 + its sequence (`rules.record_id`): the same record can never become two sales.
Sales and reversals are written once by posting and never changed; the runtime role may not.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from devices.core.journal import MAX_SEQUENCE
from devices.core.messages import MAX_BATCH_BYTES, MAX_BATCH_RECORDS
from ecard.merchants.models import Merchant, Outlet
from ecard.settlement.authorising.models import AuthorisedHold, AuthorisedState
from ecard.settlement.rehearsal.models import (
    Outcome,
    Rehearsal,
    RehearsalPart,
    RehearsalPerson,
    RehearsalSale,
    RehearsalState,
)
from ecard.settlement.reported.models import Passage, TerminalNote, Way
from ecard.terminals.models import HEAD_BYTES, Stream, Terminal

__all__ = [
    "DETAIL_LENGTH_MAX",
    "DIGEST_BYTES",
    "NOTE_LENGTH_MAX",
    "AuthorisedHold",
    "AuthorisedState",
    "Batch",
    "ExceptionKind",
    "ExceptionState",
    "Outcome",
    "Passage",
    "QuarantineKind",
    "QuarantinedBatch",
    "Rehearsal",
    "RehearsalPart",
    "RehearsalPerson",
    "RehearsalSale",
    "RehearsalState",
    "Sale",
    "SaleException",
    "SaleReversal",
    "TerminalNote",
    "Way",
]

DIGEST_BYTES = 32
DETAIL_LENGTH_MAX = 200
NOTE_LENGTH_MAX = 500


class Batch(models.Model):
    """One accepted upload, kept byte for byte. Its first `skip` lines were held already; `first_seq` is the next one's.

    `evidence` is what the check found, one entry a record (`rules.EVIDENCE`); posting needs it, and then writes
    `posted_at` in the transaction that writes the transfers.
    """

    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="batches", verbose_name=_("stream"))
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, related_name="batches", verbose_name=_("terminal"), db_index=False
    )
    first_seq = models.PositiveIntegerField(_("first sequence"))
    last_seq = models.PositiveIntegerField(_("last sequence"))
    skip = models.PositiveSmallIntegerField(_("lines already held"), default=0)
    raw = models.BinaryField(_("as received"), max_length=MAX_BATCH_BYTES)
    head_after = models.BinaryField(_("head after"), max_length=HEAD_BYTES)
    received_at = models.DateTimeField(_("received at"))
    evidence = models.BinaryField(_("evidence"), null=True, blank=True)
    evidence_checked_at = models.DateTimeField(_("evidence checked at"), null=True, blank=True)
    posted_at = models.DateTimeField(_("posted at"), null=True, blank=True)
    posting_group = models.BigIntegerField(_("posting group"), null=True, blank=True)

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        constraints = (
            models.UniqueConstraint(name="settlement_batch_once_per_sequence", fields=["stream", "first_seq"]),
            models.CheckConstraint(
                name="settlement_batch_run_within_bounds",
                condition=Q(first_seq__gte=1)
                & Q(last_seq__gte=F("first_seq"))
                & Q(last_seq__lt=F("first_seq") + MAX_BATCH_RECORDS)
                & Q(last_seq__lte=MAX_SEQUENCE),
            ),
            models.CheckConstraint(
                name="settlement_batch_checked_with_its_evidence",
                condition=Q(evidence_checked_at__isnull=True, evidence__isnull=True)
                | Q(evidence_checked_at__isnull=False, evidence__isnull=False),
            ),
            models.CheckConstraint(
                name="settlement_batch_posted_after_its_check",
                condition=Q(posted_at__isnull=True, posting_group__isnull=True)
                | Q(posted_at__isnull=False, posting_group__isnull=False, evidence_checked_at__isnull=False),
            ),
        )
        indexes = (
            models.Index(
                name="settlement_batch_to_check", fields=["id"], condition=Q(evidence_checked_at__isnull=True)
            ),
            models.Index(
                name="settlement_batch_to_post", fields=["terminal", "id"], condition=Q(posted_at__isnull=True)
            ),
            models.Index(name="settlement_batch_by_terminal", fields=["terminal", "id"]),
        )

    def __str__(self) -> str:
        return f"{self.stream_id}: {self.first_seq}-{self.last_seq}"


class ForAPerson(models.Model):
    """What waits until somebody has looked and said so in a note."""

    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("resolved by"),
    )
    note = models.CharField(_("note"), max_length=NOTE_LENGTH_MAX, blank=True, default="")

    class Meta:
        abstract = True


class QuarantineKind(models.IntegerChoices):
    """Why an upload is kept apart. The numbers are stored: add, never renumber."""

    REVOKED = 1, _("from a revoked terminal")
    MALFORMED = 2, _("signed, but not in the form of a batch")
    OTHER_TERMINAL = 3, _("signed, but in another terminal's name")
    BROKEN_CHAIN = 4, _("the records do not follow from one another")
    OTHER_CONTENT = 5, _("other content under a sequence already held")
    BAD_EPOCH = 6, _("the epoch does not begin with its own record")


class QuarantinedBatch(ForAPerson):
    """An upload of which nothing posts until a person has looked; the same bytes are kept once."""

    terminal = models.ForeignKey(
        Terminal,
        on_delete=models.PROTECT,
        related_name="quarantined",
        verbose_name=_("terminal"),
    )
    kind = models.PositiveSmallIntegerField(_("kind"), choices=QuarantineKind.choices)
    detail = models.CharField(_("detail"), max_length=DETAIL_LENGTH_MAX, blank=True, default="")
    epoch = models.BigIntegerField(_("epoch"), null=True, blank=True)
    first_seq = models.PositiveIntegerField(_("first sequence"), null=True, blank=True)
    digest = models.BinaryField(max_length=DIGEST_BYTES)
    raw = models.BinaryField(_("as received"), max_length=MAX_BATCH_BYTES)
    received_at = models.DateTimeField(_("received at"))
    times = models.PositiveIntegerField(_("times received"), default=1)

    class Meta:
        verbose_name = _("quarantined batch")
        verbose_name_plural = _("quarantined batches")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(name="settlement_quarantine_same_bytes_once", fields=["terminal", "digest"]),
        )
        indexes = (
            models.Index(
                name="settlement_quarantine_open", fields=["terminal", "id"], condition=Q(resolved_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.terminal_id}: {self.get_kind_display()}"


class Sale(models.Model):
    """One posted sale: who paid what part of `amount_minor`, in minor units. Written once, never changed.

    `purse_minor` and `grant_minor` are what the person's own accounts paid, vouchers among them; `sponsor_minor` is
    what sponsors paid for free meals and for legs that failed, `loss_minor` what the house lost, `suspense_minor` the
    whole of a sale that a person must look at. `code_id` and `presented_s` name the presentation; `attempt` counts the
    times the same code was taken again after a reversal,
    `period` is the meal period (0: none), `counted` what it added to counters, where its amounts do not say so.
    The references carry no database constraint: ADR 0002 says why, and what checks them instead.
    """

    id = models.BigIntegerField(primary_key=True)
    account_ref = models.BigIntegerField(_("account ref"))
    code_id = models.BigIntegerField(_("code id"), null=True, blank=True)
    presented_s = models.BigIntegerField(_("presented"))
    taken_at = models.DateTimeField(_("taken at"))
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="sales",
        verbose_name=_("batch"),
        db_constraint=False,
        db_index=False,
    )
    terminal = models.ForeignKey(
        Terminal,
        on_delete=models.PROTECT,
        related_name="sales",
        verbose_name=_("terminal"),
        db_constraint=False,
        db_index=False,
    )
    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.PROTECT,
        related_name="sales",
        verbose_name=_("merchant"),
        db_constraint=False,
        db_index=False,
    )
    amount_minor = models.IntegerField(_("amount"))
    purse_minor = models.IntegerField(_("from the purse"))
    grant_minor = models.IntegerField(_("from grants"))
    sponsor_minor = models.IntegerField(_("from sponsors"))
    loss_minor = models.IntegerField(_("offline loss"))
    suspense_minor = models.IntegerField(_("in suspense"))
    policy = models.IntegerField(_("policy"))
    business_date = models.DateField(_("business date"))
    outlet = models.ForeignKey(
        Outlet,
        on_delete=models.PROTECT,
        related_name="sales",
        verbose_name=_("outlet"),
        db_constraint=False,
        db_index=False,
    )
    evaluator = models.SmallIntegerField(_("evaluator"))
    position = models.SmallIntegerField(_("position in the batch"))
    attempt = models.SmallIntegerField(_("attempt"), default=0)
    period = models.SmallIntegerField(_("meal period"), default=0)
    counted = models.BinaryField(default=b"", editable=False)

    class Meta:
        verbose_name = _("sale")
        verbose_name_plural = _("sales")
        constraints = (
            models.CheckConstraint(
                name="settlement_sale_parts_make_the_amount",
                condition=Q(
                    amount_minor=F("purse_minor")
                    + F("grant_minor")
                    + F("sponsor_minor")
                    + F("loss_minor")
                    + F("suspense_minor")
                )
                & Q(amount_minor__gt=0)
                & Q(purse_minor__gte=0)
                & Q(grant_minor__gte=0)
                & Q(sponsor_minor__gte=0)
                & Q(loss_minor__gte=0)
                & Q(suspense_minor__gte=0),
            ),
            models.UniqueConstraint(
                name="settlement_sale_one_per_presentation",
                fields=["presented_s", "code_id", "account_ref", "attempt"],
                condition=Q(suspense_minor=0),
            ),
        )
        indexes = (
            models.Index(name="settlement_sale_by_person", fields=["account_ref", "taken_at", "id"]),
            models.Index(name="settlement_sale_by_day", fields=["business_date", "taken_at"]),
            models.Index(name="settlement_sale_by_outlet", fields=["outlet", "business_date", "taken_at"]),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"


class SaleReversal(models.Model):
    """A posted reversal, whole, of one sale. Its id is made like a sale's, from its own record."""

    id = models.BigIntegerField(primary_key=True)
    sale = models.OneToOneField(
        Sale, on_delete=models.PROTECT, related_name="reversal", verbose_name=_("sale"), db_constraint=False
    )
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="reversals", verbose_name=_("batch"), db_index=False
    )
    position = models.SmallIntegerField(_("position in the batch"))
    amount_minor = models.IntegerField(_("amount"))
    taken_at = models.DateTimeField(_("reversed at"))
    reason = models.CharField(_("reason"), max_length=DETAIL_LENGTH_MAX)

    class Meta:
        verbose_name = _("reversal")
        verbose_name_plural = _("reversals")
        indexes = (models.Index(name="settlement_reversal_newest", fields=["batch", "id"]),)

    def __str__(self) -> str:
        return f"#{self.pk}"


class ExceptionKind(models.IntegerChoices):
    """What finance has to know of. The numbers are stored: add, never renumber."""

    PURSE_SHORT = 1, _("purse could not pay")
    LOT_MISSING = 2, _("benefit not known")
    LOT_EXPIRED = 3, _("benefit expired")
    LOT_SHORT = 4, _("benefit could not pay")
    ACCOUNT_CLOSED = 5, _("account closed")
    ACCOUNT_UNKNOWN = 6, _("account not known")
    EVIDENCE_BAD = 7, _("code does not hold")
    PRESENTED_TWICE = 8, _("code taken twice")
    RECORD_UNREADABLE = 9, _("record cannot be read")
    RECORD_INCONSISTENT = 10, _("record contradicts itself")
    REVERSAL_UNKNOWN = 11, _("reversal of nothing")
    REVERSAL_AGAIN = 12, _("reversed twice")
    STREAM_FORKED = 13, _("journal forked")
    STREAM_RESTARTED = 14, _("journal began anew")
    AUDIT_DIFFERS = 15, _("price not reproduced")
    OUTLET_UNKNOWN = 16, _("outlet not known")
    OVER_LIMIT = 17, _("over a limit")
    REVERSAL_CLOSED = 18, _("account closed before a reversal")
    VOUCHER_TWICE = 19, _("voucher taken twice")
    VOUCHER_MOVED = 20, _("voucher somebody else's")
    LOT_RETURNED = 21, _("benefit returned before")
    ENTITLEMENT_UNKNOWN = 22, _("free meal not known")
    ENTITLEMENT_OVERUSED = 23, _("free meal taken too often")
    OVER_GUARD = 24, _("over a guardian's limit")
    CARD_STOPPED = 25, _("stopped card taken")
    TOO_SOON = 26, _("too soon after the last sale")
    OVER_SALE = 27, _("over the limit for one sale")


class ExceptionState(models.IntegerChoices):
    OPEN = 1, _("open")
    RESOLVED = 2, _("resolved")


class SaleException(ForAPerson):
    """One matter for a person. `record_id` is the sale's, the reversal's or the bad record's (`rules.record_id`)."""

    record_id = models.BigIntegerField(_("record"))
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, related_name="sale_exceptions", verbose_name=_("terminal")
    )
    kind = models.PositiveSmallIntegerField(_("kind"), choices=ExceptionKind.choices)
    params = models.JSONField(_("particulars"), default=dict)
    amount_minor = models.IntegerField(_("amount"), default=0)
    made_at = models.DateTimeField(_("made at"))
    state = models.PositiveSmallIntegerField(_("state"), choices=ExceptionState.choices, default=ExceptionState.OPEN)

    class Meta:
        verbose_name = _("exception")
        verbose_name_plural = _("exceptions")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(name="settlement_exception_once_per_record", fields=["record_id", "kind"]),
            models.CheckConstraint(
                name="settlement_exception_resolved_with_its_note",
                condition=Q(state=ExceptionState.OPEN, resolved_at__isnull=True)
                | (Q(state=ExceptionState.RESOLVED, resolved_at__isnull=False) & ~Q(note="")),
            ),
        )
        indexes = (
            models.Index(name="settlement_exception_open", fields=["id"], condition=Q(state=ExceptionState.OPEN)),
        )

    def __str__(self) -> str:
        return f"#{self.pk}: {self.get_kind_display()}"
