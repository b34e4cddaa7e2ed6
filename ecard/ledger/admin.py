"""The ledger, to be read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import (
    NOTHING,
    GrowingAdmin,
    chip_column,
    link,
    money,
    money_column,
    once_a_page,
    typed_number,
)
from ecard.ledger import queries
from ecard.ledger.models import Account, AccountDelta, CauseKind, Hold, HoldState, Transfer, TransferKind

STATEMENT_LINES = 50
# Where the records that cause transfers have their pages; their apps stand above this one and are not imported.
CAUSE_PAGES = {
    CauseKind.SALE: "settlement_sale",
    CauseKind.TOP_UP: "payments_topup",
    CauseKind.GRANT: "benefits_grant",
    CauseKind.RUN: "benefits_run",
}
_NOTHING = SafeString(NOTHING)
_HOLD_COLOURS = {"OPEN": "info", "CAPTURED": "success", "RELEASED": "default"}


def _link_to(name: str, pk: int, text: str) -> SafeString:
    page = reverse(name, args=[pk])
    return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', page, text)


@admin.register(Account)
class AccountAdmin(GrowingAdmin[Account]):
    list_display = ("shown_label", "kind", "balance", "floor", "id", "closed_at")
    list_filter = ("kind",)
    search_fields = ("label",)
    search_help_text = _("Account number, or how the label begins")
    ordering = ("-id",)
    fields = ("shown_label", "kind", "balance", "held", "available", "floor", "closed_at", "statement")
    floor = money_column("floor_minor", _("floor"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        deltas = (
            AccountDelta.objects.filter(account=OuterRef("pk"))
            .order_by()
            .values("account")
            .annotate(total=Sum("amount_minor"))
        )
        unfolded = Coalesce(Subquery(deltas.values("total")), Value(0))
        return super().get_queryset(request).annotate(whole_minor=F("balance_minor") + unfolded)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Account], search_term: str
    ) -> tuple[QuerySet[Account], bool]:
        if not search_term:
            return queryset, False
        found = Q(label__startswith=search_term)
        number = typed_number(search_term)
        return queryset.filter(found if number is None else found | Q(pk=number)), False

    @admin.display(description=_("label"), ordering="label")
    def shown_label(self, account: Account) -> str:
        return str(account)

    @admin.display(description=_("balance"))
    def balance(self, account: Any) -> str:
        return money(account.whole_minor)

    @admin.display(description=_("held"))
    @once_a_page
    def held(self, account: Account) -> str:
        return money(queries.funds([account.pk])[account.pk].held_minor)

    @admin.display(description=_("available"))
    @once_a_page
    def available(self, account: Account) -> str:
        return money(queries.funds([account.pk])[account.pk].available_minor)

    @admin.display(description=_("newest transfers"))
    @once_a_page
    def statement(self, account: Account) -> SafeString:
        lines = queries.statement(account.pk, limit=STATEMENT_LINES)
        others = Account.objects.in_bulk({line.other_account_id for line in lines})
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            (
                (
                    link(Transfer, line.transfer_id, f"#{line.transfer_id}"),
                    date_format(timezone.localtime(line.posted_at), "SHORT_DATETIME_FORMAT"),
                    TransferKind(line.kind).label,
                    link(Account, line.other_account_id, others[line.other_account_id]),
                    money(line.amount_minor),
                )
                for line in lines
            ),
        )
        return format_html('<table class="office-lines-table"><tbody>{}</tbody></table>', rows) if lines else _NOTHING


@admin.register(Transfer)
class TransferAdmin(GrowingAdmin[Transfer]):
    list_display = ("id", "posted_at", "kind", "payer", "payee", "amount", "cause")
    list_select_related = ("debit_account", "credit_account")
    search_fields = ("id",)
    search_help_text = _("Number of a transfer, or of its cause (a sale, a top-up, a grant)")
    ordering = ("-id",)
    fields = ("id", "posted_at", "kind", "payer", "payee", "amount", "cause", "posting_group", "hold")
    amount = money_column("amount_minor", _("amount"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Transfer], search_term: str
    ) -> tuple[QuerySet[Transfer], bool]:
        if not search_term:
            return queryset, False
        number = typed_number(search_term)
        if number is None:
            return queryset.none(), False
        # Every kind named, so that the index over (kind, number) serves.
        return queryset.filter(Q(pk=number) | Q(cause_kind__in=CauseKind.values, cause_id=number)), False

    @admin.display(description=_("from"))
    def payer(self, transfer: Transfer) -> SafeString:
        return link(Account, transfer.debit_account_id, transfer.debit_account)

    @admin.display(description=_("to"))
    def payee(self, transfer: Transfer) -> SafeString:
        return link(Account, transfer.credit_account_id, transfer.credit_account)

    @admin.display(description=_("cause"))
    def cause(self, transfer: Transfer) -> SafeString | str:
        text = f"{transfer.get_cause_kind_display()} {transfer.cause_id}"
        name = CAUSE_PAGES.get(CauseKind(transfer.cause_kind))
        return text if name is None else _link_to(f"admin:{name}_change", transfer.cause_id, text)


@admin.register(Hold)
class HoldAdmin(GrowingAdmin[Hold]):
    nothing_yet = _("No money has been held for a sale.")
    list_display = ("key", "account", "amount", "state_chip", "placed_at", "expires_at", "ended_at")
    list_filter = ("state",)
    list_select_related = ("account",)
    search_fields = ("key__startswith",)
    ordering = ("-id",)
    fields = ("key", "account", "amount", "state", "placed_at", "expires_at", "ended_at")
    amount = money_column("amount_minor", _("amount"))

    @chip_column(description=_("state"), ordering="state", colours=_HOLD_COLOURS)
    def state_chip(self, hold: Hold) -> tuple[str, str]:
        state = HoldState(hold.state)
        return state.name, str(state.label)
