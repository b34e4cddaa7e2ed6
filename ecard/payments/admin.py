"""The cash desk: money is taken on a cardholder's own page, in two steps and with a receipt."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from devices.core.money import format_minor
from ecard.adminkit import (
    GrowingAdmin,
    MoneyField,
    link,
    money_column,
    page_action,
    signed_in,
)
from ecard.cardholders.models import Cardholder
from ecard.media.admin import CardsCardholderAdmin
from ecard.payments import operations, queries
from ecard.payments.errors import AmountRefused, KeyReused, PurseClosed, PurseFull, TopUpRefused
from ecard.payments.models import KEY_LENGTH_MAX, Tender, TopUp

admin.site.unregister(Cardholder)


class CashForm(forms.Form):
    """What was counted on the desk. `key` is drawn with the page: whatever is sent twice counts once."""

    amount_minor = MoneyField(label=_("Amount in cash, ¥"))
    key = forms.CharField(max_length=KEY_LENGTH_MAX, widget=forms.HiddenInput)


@admin.register(Cardholder)
class DeskCardholderAdmin(CardsCardholderAdmin):
    """The cardholder's page, with the button of the cash desk."""

    actions_detail: Any = ("take_cash", *CardsCardholderAdmin.actions_detail)

    def has_take_cash_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Taking money is a right of its own."""
        return request.user.has_perm("payments.take_cash")

    @page_action(description=_("Top up by cash"), url_path="top-up", icon="payments", permissions=("take_cash",))
    def take_cash(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Amount, then name and new balance to be confirmed, then the receipt."""
        cardholder = get_object_or_404(Cardholder.objects.select_related("group"), pk=object_id)
        form = CashForm(request.POST if request.method == "POST" else None, initial={"key": secrets.token_hex(16)})
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": cardholder,
            "title": gettext("Top up by cash: %(name)s") % {"name": cardholder.name},
            "form": form,
            "balance": format_minor(cardholder.purse.balance_minor),
        }
        if request.method == "POST" and form.is_valid():
            amount_minor, key = form.cleaned_data["amount_minor"], form.cleaned_data["key"]
            try:
                if "confirmed" in request.POST:
                    made = operations.top_up(
                        cardholder=cardholder,
                        amount_minor=amount_minor,
                        by=signed_in(request),
                        at=timezone.now(),
                        key=key,
                    )
                    return HttpResponseRedirect(reverse("admin:payments_topup_receipt", args=[made.pk]))
                shown = queries.preview(cardholder, amount_minor=amount_minor)
                context |= {"amount": format_minor(amount_minor), "after": format_minor(shown.after_minor)}
            except TopUpRefused as refused:
                form.add_error("amount_minor", _sentence(refused))
        response = TemplateResponse(request, "payments/desk.html", context)
        response["Cache-Control"] = "no-store"
        return response


@admin.register(TopUp)
class TopUpAdmin(GrowingAdmin[TopUp]):
    list_display = ("id", "made_at", "payee", "amount", "tender", "made_by")
    list_select_related = ("cardholder", "made_by")
    list_filter = ("made_at",)
    search_fields = ("cardholder__number__startswith", "cardholder__name__startswith")
    search_help_text = _("How a number or a name begins")
    ordering = ("-id",)
    fields = ("id", "made_at", "payee", "amount", "tender", "made_by")
    actions_detail = ("receipt",)
    amount = money_column("amount_minor", _("amount"))

    @admin.display(description=_("cardholder"))
    def payee(self, top_up: TopUp) -> SafeString:
        return link(Cardholder, top_up.cardholder_id, top_up.cardholder)

    @page_action(description=_("Receipt"), url_path="receipt", icon="receipt_long", permissions=("view",))
    def receipt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The receipt, to be printed or shown; opening it again changes nothing."""
        top_up = get_object_or_404(TopUp.objects.select_related("cardholder__purse", "made_by"), pk=object_id)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": top_up,
            "title": gettext("Receipt %(number)s") % {"number": top_up.pk},
            "amount": format_minor(top_up.amount_minor),
            "tender": Tender(top_up.tender).label,
            "balance": format_minor(top_up.cardholder.purse.balance_minor),
        }
        return TemplateResponse(request, "payments/receipt.html", context)


def _sentence(refused: TopUpRefused) -> str:
    limit = {"limit": format_minor(refused.limit_minor)}
    if isinstance(refused, AmountRefused):
        return gettext("One top-up is more than nothing and at most %(limit)s.") % limit
    if isinstance(refused, PurseFull):
        return gettext("A purse holds at most %(limit)s.") % limit
    if isinstance(refused, PurseClosed):
        return gettext("This account is closed.")
    if isinstance(refused, KeyReused):
        return gettext("This page was used for another amount. Open it again to take more money.")
    return str(refused)
