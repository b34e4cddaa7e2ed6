"""What terminals asked the server about, to be looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import NOTHING, GrowingAdmin, chip_column, link, money_column
from ecard.cardholders.models import Cardholder
from ecard.settlement.authorising.models import AuthorisedHold, AuthorisedState
from ecard.settlement.models import Sale

_COLOURS = {"OPEN": "info", "CAPTURED": "success", "RELEASED": "default", "LAPSED": "warning"}


@admin.register(AuthorisedHold)
class AuthorisedHoldAdmin(GrowingAdmin[AuthorisedHold]):
    nothing_yet = _("No terminal has asked about a sale yet.")
    list_display = ("id", "placed_at", "terminal", "person", "amount", "state_chip", "ended_at")
    list_filter = ("state",)
    list_select_related = ("terminal",)
    search_fields = ("terminal__name__startswith",)
    search_help_text = _("How a terminal's name begins")
    ordering = ("-id",)
    fields = (
        ("terminal", "epoch", "seq"),
        ("person", "amount"),
        ("state", "sale"),
        ("placed_at", "expires_at", "ended_at"),
    )
    amount = money_column("amount_minor", _("amount"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuthorisedHold]:
        person = Cardholder.objects.filter(account_ref=OuterRef("account_ref"))
        return (
            super()
            .get_queryset(request)
            .defer("answer")
            .annotate(person_id=Subquery(person.values("id")[:1]), person_name=Subquery(person.values("name")[:1]))
        )

    @admin.display(description=_("cardholder"))
    def person(self, held: Any) -> SafeString:
        return link(Cardholder, held.person_id, held.person_name) if held.person_id else SafeString(NOTHING)

    @admin.display(description=_("sale"))
    def sale(self, held: AuthorisedHold) -> SafeString:
        if held.sale_id is None:
            return SafeString(NOTHING)
        return link(Sale, held.sale_id, format_html("#{}", held.sale_id))

    @chip_column(description=_("state"), ordering="state", colours=_COLOURS)
    def state_chip(self, held: AuthorisedHold) -> tuple[str, str]:
        state = AuthorisedState(held.state)
        return state.name, str(state.label)
