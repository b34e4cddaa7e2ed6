"""The desk for cards: bound on a cardholder's own page by a tap, stopped and replaced on the card's.

Any reader that types as a keyboard does will do. What it types is read, hashed and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from ecard.adminkit import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    ReasonForm,
    back_to,
    chip_column,
    dialog_action,
    link,
    page_action,
    signed_in,
)
from ecard.cardholders.admin import CardholderAdmin
from ecard.cardholders.models import Cardholder
from ecard.media import operations, queries
from ecard.media.errors import CardInUse, CardReplaced, HolderClosed, MediaError, NotACardNumber, TooManyCards
from ecard.media.forms import CardForm, ReplacementForm
from ecard.media.models import Card, CardState
from ecard.media.rules import CARDS_MOST, Order

ORDER_KEPT = "card_order"
COLOURS = {"ACTIVE": "success", "STOPPED": "danger", "REPLACED": "default"}

admin.site.unregister(Cardholder)


class CardInline(ReadOnlyInline):
    model = Card
    fields = ("page_link", "state", "bound_at", "bound_by", "stopped_at", "reason")
    ordering = ("state", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Card]:
        return super().get_queryset(request).select_related("bound_by", "cardholder")


@admin.register(Cardholder)
class CardsCardholderAdmin(CardholderAdmin):
    """The cardholder's page, with their cards and the button that binds one."""

    inlines: ClassVar[Any] = (CardInline, *CardholderAdmin.inlines)
    actions_detail: Any = ("bind_card", *CardholderAdmin.actions_detail)

    def has_bind_card_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Binding a card is a right of its own."""
        return request.user.has_perm("media.bind_card")

    @page_action(description=_("Bind a card"), url_path="bind-card", icon="contactless", permissions=("bind_card",))
    @method_decorator(sensitive_post_parameters("uid"))
    def bind_card(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One tap on the desk's reader, and back to the person."""
        cardholder = get_object_or_404(Cardholder.objects.select_related("group"), pk=object_id)

        def bind(form: CardForm) -> HttpResponse:
            card = operations.bind_card(
                cardholder=cardholder, uid=form.cleaned_data["uid"], by=signed_in(request), at=timezone.now()
            )
            self.log_change(request, cardholder, [{"added": {"name": "card", "object": str(card)}}])
            said = gettext("%(card)s is bound to %(name)s. Terminals in contact know it within seconds.")
            messages.success(request, said % {"card": card, "name": cardholder.name})
            return HttpResponseRedirect(reverse("admin:cardholders_cardholder_change", args=[cardholder.pk]))

        context = {
            "opts": self.opts,
            "original": cardholder,
            "title": gettext("Bind a card: %(name)s") % {"name": cardholder.name},
            "holder": cardholder,
            "submit": gettext("Bind this card"),
            "back": reverse("admin:cardholders_cardholder_change", args=[cardholder.pk]),
        }
        return desk(request, CardForm, bind, context=context, admin_site=self.admin_site)


@admin.register(Card)
class CardAdmin(ReadOnlyAdmin[Card]):
    nothing_yet = _("No card was ever bound. It is done on the cardholder's page.")
    list_display = ("shown", "holder", "state_chip", "bound_at", "bound_by", "stopped_at", "reason")
    list_filter = ("state",)
    search_fields = ("cardholder__number__startswith", "cardholder__name__startswith")
    search_help_text = _("How a number or a name begins")
    ordering = ("-id",)
    fields = (
        ("holder", "state_text"),
        ("bound_at", "bound_by"),
        ("stopped_at", "stopped_by"),
        "reason",
        ("successor", "predecessor"),
    )
    actions_list = ("whose",)
    actions_detail = ("replace", "stop")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Card]:
        return super().get_queryset(request).select_related("cardholder", "bound_by", "stopped_by", "replaces")

    @admin.display(description=_("card"), ordering="id")
    def shown(self, card: Card) -> str:
        return str(card)

    @admin.display(description=_("cardholder"))
    def holder(self, card: Card) -> SafeString:
        return link(Cardholder, card.cardholder_id, card.cardholder)

    @chip_column(description=_("state"), ordering="state", colours=COLOURS)
    def state_chip(self, card: Card) -> tuple[str, str]:
        state = CardState(card.state)
        return state.name, str(state.label)

    @admin.display(description=_("state"))
    def state_text(self, card: Card) -> str:
        return str(CardState(card.state).label)

    @admin.display(description=_("replaced by"))
    def successor(self, card: Card) -> SafeString | None:
        return link(Card, card.replaced_by_id, card.replaced_by) if card.replaced_by_id else None

    @admin.display(description=_("in place of"))
    def predecessor(self, card: Card) -> SafeString | None:
        old = getattr(card, "replaces", None)
        return link(Card, old.pk, old) if old is not None else None

    def has_bind_card_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Replacing a card binds one."""
        return request.user.has_perm("media.bind_card")

    def has_stop_card_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """The record itself is read-only; stopping it adds a mark."""
        return request.user.has_perm("media.stop_card")

    @dialog_action(
        description=_("Stop this card"),
        explanation=_("For good. The person's phone and other cards go on. Terminals in contact refuse it in seconds."),
        submit=_("Stop this card"),
        form=ReasonForm,
        icon="credit_card_off",
        permissions=("stop_card",),
    )
    def stop(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        card, reason = _card(object_id), form.cleaned_data["reason"]
        if operations.stop_card(card=card, reason=reason, by=signed_in(request), at=timezone.now()):
            self.log_change(request, card, [{"added": {"name": "stop", "object": reason}}])
            messages.success(request, _("The card is stopped."))
        else:
            messages.info(request, _("The card was out of use already."))
        return back_to(card)

    @page_action(
        description=_("Replace"), url_path="replace", icon="published_with_changes", permissions=("bind_card",)
    )
    @method_decorator(sensitive_post_parameters("uid"))
    def replace(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A new card for this one, by a tap on the desk's reader."""
        card = _card(object_id)

        def swap(form: CardForm) -> HttpResponse:
            new = operations.replace_card(
                card=card,
                uid=form.cleaned_data["uid"],
                reason=form.cleaned_data["reason"],
                by=signed_in(request),
                at=timezone.now(),
            )
            self.log_change(request, card, [{"changed": {"fields": ["replaced by"]}}])
            said = gettext("%(new)s is bound in place of %(old)s, which is out of use.")
            messages.success(request, said % {"new": new, "old": card})
            return HttpResponseRedirect(reverse("admin:media_card_change", args=[new.pk]))

        context = {
            "opts": self.opts,
            "original": card,
            "title": gettext("Replace %(card)s") % {"card": card},
            "holder": card.cardholder,
            "submit": gettext("Bind the new card"),
            "back": reverse("admin:media_card_change", args=[card.pk]),
        }
        return desk(request, ReplacementForm, swap, context=context, admin_site=self.admin_site)

    @page_action(description=_("Whose card is this?"), url_path="whose", icon="contactless", permissions=("bind_card",))
    @method_decorator(sensitive_post_parameters("uid"))
    def whose(self, request: HttpRequest) -> HttpResponse:
        """A card that was found, laid on the reader; sent in the body, so that no address and no log has its number."""

        def find(form: CardForm) -> HttpResponse:
            name = operations.card_name(form.cleaned_data["uid"], at=timezone.now())
            card = queries.card_in_use(name)
            if card is None:
                form.add_error("uid", _("This card is nobody's."))
                return _page(request, form, context=context, admin_site=self.admin_site)
            return HttpResponseRedirect(reverse("admin:media_card_change", args=[card.pk]))

        context = {
            "opts": self.opts,
            "title": gettext("Whose card is this?"),
            "submit": gettext("Look it up"),
            "back": reverse("admin:media_card_changelist"),
        }
        return desk(request, CardForm, find, context=context, admin_site=self.admin_site)


def desk(
    request: HttpRequest,
    kind: type[CardForm],
    act: Callable[[CardForm], HttpResponse],
    *,
    context: dict[str, Any],
    admin_site: admin.AdminSite,
) -> HttpResponse:
    """The page with the field a reader types into; `act` is called with the valid form and may raise MediaError."""
    order = request.session.get(ORDER_KEPT, Order.AS_READ.value)
    form = kind(request.POST if request.method == "POST" else None, initial={"order": order})
    if request.method == "POST":
        if request.POST.get("order") in set(Order):
            request.session[ORDER_KEPT] = request.POST["order"]
        if form.is_valid():
            try:
                return act(form)
            except MediaError as refused:
                form.add_error("uid", _sentence(refused))
    return _page(request, form, context=context, admin_site=admin_site)


def _page(
    request: HttpRequest, form: CardForm, *, context: dict[str, Any], admin_site: admin.AdminSite
) -> HttpResponse:
    response = TemplateResponse(
        request, "media/desk.html", {**admin_site.each_context(request), **context, "form": form}
    )
    response["Cache-Control"] = "no-store"
    return response


def _card(object_id: str) -> Card:
    return get_object_or_404(Card.objects.select_related("cardholder__group"), pk=object_id)


def _sentence(refused: MediaError) -> str:
    if isinstance(refused, CardInUse):
        holder = {"card": refused.card, "name": refused.card.cardholder.name, "number": refused.card.cardholder.number}
        return gettext("This is %(card)s, in use by %(name)s (%(number)s). It must be stopped there first.") % holder
    if isinstance(refused, TooManyCards):
        return gettext("One person has at most %(count)d cards in use: stop or replace one.") % {"count": CARDS_MOST}
    if isinstance(refused, HolderClosed):
        return gettext("This account is closed.")
    if isinstance(refused, CardReplaced):
        return gettext("This card was replaced before. Replace its successor.")
    if isinstance(refused, NotACardNumber):
        return gettext("This is no card number.")
    return str(refused)
