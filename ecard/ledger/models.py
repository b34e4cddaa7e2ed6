"""Accounts, transfers, delta rows and holds. Balance = credits - debits; over all accounts the sum is zero.

Other apps may hold a foreign key to `Account`; they write through `operations` and `bulk` only.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

LABEL_LENGTH_MAX = 80


class AccountKind(models.IntegerChoices):
    """Whose money an account counts. The numbers are stored: add, never renumber."""

    PURSE = 1, _("purse")
    GRANT = 2, _("grant")
    MERCHANT = 3, _("merchant")
    SPONSOR = 4, _("sponsor")
    OFFLINE_LOSS = 5, _("offline loss")
    CASH_DESK = 6, _("cash desk")
    SUSPENSE = 7, _("suspense")
    BANK = 8, _("bank")


HOUSE_KINDS = (AccountKind.OFFLINE_LOSS, AccountKind.CASH_DESK, AccountKind.SUSPENSE, AccountKind.BANK)
"""Kinds of which the institution has one account per label (`operations.house_account`)."""


def house_label(kind: AccountKind, label: str) -> str:
    """The label of a house account; the first of its kind is called after the kind."""
    return label or kind.name.lower().replace("_", " ")


class TransferKind(models.IntegerChoices):
    """What a transfer did. The numbers are stored: add, never renumber."""

    SALE_PURSE = 1, _("sale from the purse")
    SALE_GRANT = 2, _("sale from a grant")
    TOP_UP = 3, _("top-up")
    GRANT_ISSUE = 4, _("grant issued")
    GRANT_EXPIRE = 5, _("grant expired")
    REVERSAL = 6, _("reversal")
    REFUND = 7, _("refund")
    CORRECTION = 8, _("correction")
    LOSS = 9, _("offline loss")
    HOLD_CAPTURE = 10, _("hold captured")
    SALE_SPONSOR = 11, _("sale paid by the sponsor")
    SALE_SUSPENSE = 12, _("sale in suspense")
    PAYOUT = 13, _("payout to a merchant")
    CREDIT = 14, _("credit")
    TAKEN_BACK = 15, _("taken back with its run")
    ROLLOVER = 16, _("gone over to the next period")
    SALE_VOUCHER = 17, _("sale from a voucher")
    VOUCHER_REST = 18, _("rest of a voucher returned")
    VOUCHER_RESTORED = 19, _("rest of a voucher restored")
    SALE_ENTITLEMENT = 20, _("free meal paid by the sponsor")
    VOUCHER_GIVEN = 21, _("voucher given to somebody else")


class CauseKind(models.IntegerChoices):
    """Which table `cause_id` points into. The numbers are stored: add, never renumber."""

    SALE = 1, _("sale")
    TOP_UP = 2, _("top-up")
    GRANT = 3, _("grant")
    REFUND = 4, _("refund")
    CORRECTION = 5, _("correction")
    EXCEPTION = 6, _("exception")
    ORDER = 7, pgettext_lazy("something ordered", "order")
    PAYOUT = 8, _("payout")
    RUN = 9, pgettext_lazy("that creates money", "run")


class HoldState(models.IntegerChoices):
    OPEN = 1, pgettext_lazy("of a hold", "open")
    CAPTURED = 2, _("captured")
    RELEASED = 3, _("released")


class Account(models.Model):
    """One account. With a floor, `balance_minor` is the truth; without, it is what has been folded so far.

    `floor_minor` is the least balance allowed (below zero: a debt is allowed); null marks a busy
    account, whose newer movements are still in `AccountDelta`. An account is closed, never deleted.
    """

    kind = models.PositiveSmallIntegerField(_("kind"), choices=AccountKind.choices)
    label = models.CharField(_("label"), max_length=LABEL_LENGTH_MAX, db_index=True)
    floor_minor = models.BigIntegerField(_("floor"), null=True, blank=True)
    balance_minor = models.BigIntegerField(_("balance"), default=0)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = (
            models.CheckConstraint(
                name="ledger_account_balance_not_below_floor",
                condition=Q(floor_minor__isnull=True) | Q(balance_minor__gte=F("floor_minor")),
            ),
            models.CheckConstraint(
                name="ledger_account_floor_not_above_zero",
                condition=Q(floor_minor__isnull=True) | Q(floor_minor__lte=0),
            ),
            models.UniqueConstraint(
                name="ledger_account_one_house_account_per_label",
                fields=["kind", "label"],
                condition=Q(kind__in=[int(kind) for kind in HOUSE_KINDS]),
            ),
        )

    def __str__(self) -> str:
        """The label, with the kind's word in the reader's language."""
        word = house_label(AccountKind(self.kind), "")
        rest = self.label.removeprefix(word)
        if rest == self.label or rest[:1] not in ("", " "):
            return self.label
        return f"{self.get_kind_display()}{rest}"


class Hold(models.Model):
    """Money set aside on a floored account. Capturing it adds a transfer that names it."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="holds", verbose_name=_("account"), db_index=False
    )
    amount_minor = models.BigIntegerField(_("amount"))
    key = models.CharField(pgettext_lazy("of a request", "key"), max_length=64, unique=True)
    state = models.PositiveSmallIntegerField(_("state"), choices=HoldState.choices, default=HoldState.OPEN)
    placed_at = models.DateTimeField(_("placed at"))
    expires_at = models.DateTimeField(_("expires at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = (
            models.CheckConstraint(name="ledger_hold_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="ledger_hold_ended_unless_open",
                condition=Q(state=HoldState.OPEN, ended_at__isnull=True)
                | (~Q(state=HoldState.OPEN) & Q(ended_at__isnull=False)),
            ),
        )
        indexes = (
            models.Index(name="ledger_hold_account", fields=["account", "state"]),
            models.Index(name="ledger_hold_open_expiry", fields=["expires_at"], condition=Q(state=HoldState.OPEN)),
        )

    def __str__(self) -> str:
        return self.key


class Transfer(models.Model):
    """Moves `amount_minor` from the debit account to the credit account, once, for ever.

    The references carry no database constraint: ADR 0001 says why, and what checks them instead.
    """

    debit_account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="debits",
        verbose_name=_("from"),
        db_constraint=False,
        db_index=False,
    )
    credit_account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="credits",
        verbose_name=_("to"),
        db_constraint=False,
        db_index=False,
    )
    amount_minor = models.BigIntegerField(_("amount"))
    kind = models.PositiveSmallIntegerField(_("kind"), choices=TransferKind.choices)
    cause_kind = models.PositiveSmallIntegerField(_("cause"), choices=CauseKind.choices)
    cause_id = models.BigIntegerField(_("cause number"))
    posting_group = models.BigIntegerField(_("posting group"))
    hold = models.ForeignKey(
        Hold,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="captures",
        verbose_name=_("hold"),
        db_constraint=False,
        db_index=False,
    )
    posted_at = models.DateTimeField(_("posted at"))

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        constraints = (
            models.CheckConstraint(name="ledger_transfer_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="ledger_transfer_two_accounts", condition=~Q(debit_account=F("credit_account"))
            ),
            models.UniqueConstraint(
                name="ledger_transfer_one_capture_per_hold",
                fields=["hold"],
                condition=Q(hold__isnull=False),
            ),
        )
        indexes = (
            models.Index(name="ledger_transfer_debit", fields=["debit_account", "id"]),
            models.Index(name="ledger_transfer_credit", fields=["credit_account", "id"]),
            models.Index(name="ledger_transfer_cause", fields=["cause_kind", "cause_id"]),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refused: a transfer is written by `operations.post` or `bulk.post_group`."""
        raise TypeError("a transfer is posted, never saved")


class AccountDelta(models.Model):
    """What one posting group moved on one busy account, until `operations.fold_deltas` folds it."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="deltas", db_constraint=False)
    posting_group = models.BigIntegerField()
    amount_minor = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(name="ledger_accountdelta_once_per_group", fields=["account", "posting_group"]),
        )

    def __str__(self) -> str:
        return f"{self.account_id} / {self.posting_group}"
