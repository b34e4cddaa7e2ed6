"""Ask: what would this person pay here, now or then, for this? Nothing is changed, so the address says it all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import get_language, gettext, pgettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextInputWidget

from devices.core.catalogue import MAX_BASKET_LINES, MAX_QUANTITY, Catalogue, line_of
from devices.core.money import format_minor
from devices.core.quote import Line
from devices.core.sentences import decline_sentence, quote_sentences
from ecard.adminkit import MoneyField
from ecard.benefits.compiler import names
from ecard.benefits.models import Weekday
from ecard.benefits.sentences import price_sentence
from ecard.cardholders.queries import search
from ecard.cardholders.values import CardholderView
from ecard.merchants.models import Outlet
from ecard.merchants.queries import catalogue_of
from ecard.settlement.asking import Answer, CannotAsk, ask

PERMISSION = "cardholders.view_cardholder"
PEOPLE_SHOWN = 10
ASKED_WITHIN = timedelta(days=3_653)

_CANNOT = {
    "person": _("Nobody has this number any more."),
    "outlet": _("This outlet is not there any more."),
    "policy": _("No policy was in force at that moment."),
}


class AskForm(forms.Form):
    """Who, where, when and how much; products are asked for once the outlet is known."""

    person = forms.CharField(
        label=_("Person"),
        max_length=60,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("A number, or how a name begins"),
    )
    outlet = forms.ModelChoiceField(
        label=_("Outlet"),
        queryset=Outlet.objects.filter(closed_at__isnull=True).select_related("site").order_by("site", "code"),
        widget=UnfoldAdminSelectWidget(),
    )
    amount_minor = MoneyField(label=_("Amount, ¥"), required=False)
    at = forms.SplitDateTimeField(
        label=_("When"),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget(),
        help_text=_("Empty: now. A moment to come is answered with what is known today."),
    )

    def clean_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["at"]
        if at is not None and abs(at - timezone.now()) > ASKED_WITHIN:
            raise ValidationError(_("Ask about a moment within ten years of now."))
        return at


@dataclass(frozen=True, slots=True)
class Row:
    """One product and how many of it are in the basket."""

    product_id: int
    name: str
    price: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Part:
    """Who pays which part."""

    name: str
    amount: str
    own: bool


def ask_page(request: HttpRequest) -> HttpResponse:
    """The question and, once it is complete, its answer."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    asked = bool(request.GET)
    form = AskForm(request.GET if asked else None)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": pgettext("what somebody would pay", "Ask"),
        "form": form,
    }
    if asked and form.is_valid():
        context |= _answered(request, form.cleaned_data)
    response = TemplateResponse(request, "office/ask.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _answered(request: HttpRequest, given: dict[str, Any]) -> dict[str, Any]:
    catalogue = catalogue_of(given["outlet"].pk)
    quantities = _quantities(request, catalogue)
    shown: dict[str, Any] = {"rows": _rows(catalogue, quantities)}
    people = _people(given["person"])
    if len(people) != 1:
        return shown | {"people": people[:PEOPLE_SHOWN], "nobody": not people, "query": _without_person(request)}
    now = timezone.now()
    basket = _basket(catalogue, quantities, given["amount_minor"])
    at: datetime = given["at"] or now
    try:
        answer = ask(account_ref=people[0].account_ref, outlet_id=given["outlet"].pk, basket=basket, at=at, now=now)
    except CannotAsk as cannot:
        return shown | {"cannot": _CANNOT[str(cannot)]}
    return shown | _said(answer, at=at)


def _said(answer: Answer, *, at: datetime) -> dict[str, Any]:
    language, quote = get_language() or "en", answer.quote
    tap, called = answer.tap, names()
    period = called.periods.get(tap.period)
    decline = quote.decline if quote is not None else answer.stopped
    steps = []
    if quote is not None:
        steps = quote_sentences(quote, policy=answer.policy, language=language, catalogue=answer.catalogue)
    return {
        "answer": answer,
        "at": at,
        "weekday": Weekday(tap.weekday).label,
        "period": period.in_language(language) if period is not None else gettext("outside meal periods"),
        "declined": decline
        and decline_sentence(decline, policy=answer.policy, language=language, catalogue=answer.catalogue),
        "steps": steps,
        "parts": _parts(answer, language) if quote is not None else (),
        "own": format_minor(quote.leg_minor("purse")) if quote is not None else "",
        "amount": format_minor(quote.amount_minor) if quote is not None else "",
        "prices": [price_sentence(rule, called) for rule in answer.prices],
    }


def _parts(answer: Answer, language: str) -> tuple[Part, ...]:
    policy = answer.policy
    programmes = {each.id: each.name for each in policy.programmes}
    entitlements = {each.id: each.name for each in policy.entitlements}
    parts = []
    for leg in answer.quote.legs if answer.quote is not None else ():
        if leg.source == "purse":
            name = gettext("From the purse")
        else:
            named = entitlements.get(leg.ref) if leg.source == "entitlement" else programmes.get(leg.programme)
            name = named.in_language(language) if named is not None else f"#{leg.ref}"
        parts.append(Part(name, format_minor(leg.amount_minor), leg.source == "purse"))
    return tuple(parts)


def _people(text: str) -> list[CardholderView]:
    """Who is meant: the one with exactly this number, or those whom a search finds."""
    found = search(text.strip(), limit=PEOPLE_SHOWN + 1)
    exact = [person for person in found if person.number == text.strip()]
    return exact or found


def _quantities(request: HttpRequest, catalogue: Catalogue) -> dict[int, int]:
    quantities: dict[int, int] = {}
    for product in catalogue.products:
        typed = request.GET.get(f"product-{product.id}", "").strip()
        if typed.isascii() and typed.isdigit() and 0 < int(typed[:4]) <= MAX_QUANTITY:
            quantities[product.id] = int(typed[:4])
    return dict(list(quantities.items())[:MAX_BASKET_LINES])


def _rows(catalogue: Catalogue, quantities: dict[int, int]) -> list[Row]:
    language = get_language() or "en"
    return [
        Row(each.id, each.name.in_language(language), format_minor(each.price_minor), quantities.get(each.id, 0))
        for each in catalogue.products
    ]


def _basket(catalogue: Catalogue, quantities: dict[int, int], amount_minor: int | None) -> tuple[Line, ...]:
    lines = [line_of(each, quantity=quantities[each.id]) for each in catalogue.products if each.id in quantities]
    if amount_minor and amount_minor > 0:
        lines.append(Line(amount_minor))
    return tuple(lines)


def _without_person(request: HttpRequest) -> str:
    rest = request.GET.copy()
    rest.pop("person", None)
    return rest.urlencode()
