"""The cardholder's pages. Thin: each asks one query or makes one domain call, and renders."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from ecard.benefits.errors import CannotGive
from ecard.benefits.operations import transfer_voucher
from ecard.cardholders.models import Cardholder
from ecard.cardholders.queries import by_user, codes_stopped_at
from ecard.cardholders.values import CardholderView
from ecard.media.models import CardState
from ecard.media.operations import stop_card
from ecard.media.queries import cards_of_holder, own_card
from ecard.portal import queries, sessions
from ecard.portal.forms import GiveForm, PasswordForm, SignInForm
from ecard.portal.operations import report_phone_lost
from ecard.portal.received import received_page
from ecard.portal.shell import render_shell
from ecard.portal.vouchers import given_to, was_given_to

DATABASE_ID_MAX = 2**63

PersonalView = Callable[..., HttpResponse]


def for_cardholders(view: PersonalView) -> PersonalView:
    """Sign-in required; the view receives its cardholder, and nobody else's can be named."""

    @never_cache
    @login_required
    @wraps(view)
    def personal(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        cardholder = by_user(cast(User, request.user))
        if cardholder is None:
            return render(request, "portal/no_card.html", status=403)
        return view(request, *args, cardholder=cardholder, **kwargs)

    return personal


@require_safe
@for_cardholders
def home(request: HttpRequest, *, cardholder: CardholderView) -> HttpResponse:
    """The code. The service worker answers in this view's place from the second visit on."""
    response = HttpResponse(render_shell(get_language() or "en"))
    sessions.name_owner(request, response)
    return response


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Number and password; axes locks out whoever guesses."""
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = authenticate(request, username=form.cleaned_data["number"], password=form.cleaned_data["password"])
        if user is not None:
            sessions.begin(request, user)
            response = redirect(_after_sign_in(request))
            sessions.name_owner(request, response, starts_anew=True)
            return response
        form.add_error(None, _("The number or the password is not right."))
    context = {
        "form": form,
        "why": request.GET.get("why", ""),
        "next": request.GET.get("next", ""),
        "is_to_forget": sessions.is_to_forget(request),
    }
    return render(request, "portal/sign_in.html", context)


def _after_sign_in(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if own else reverse("portal:home")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, and have the browser forget."""
    response = HttpResponseRedirect(reverse("portal:sign-in"))
    sessions.end(request, response)
    return response


def _done(request: HttpRequest, what: str, *, to: str) -> HttpResponse:
    sessions.note_done(request, what)
    return redirect(to)


@require_safe
@for_cardholders
def sales(request: HttpRequest, *, cardholder: CardholderView) -> HttpResponse:
    """The purse and what was bought, newest first, a page at a time."""
    page = queries.sales_page(
        cardholder, before=request.GET.get("before", ""), language=get_language() or "en", at=timezone.now()
    )
    return render(request, "portal/sales.html", {"page": page})


@require_safe
@for_cardholders
def sale(request: HttpRequest, sale_id: int, *, cardholder: CardholderView) -> HttpResponse:
    """One sale with its reasons. Another's sale is as unknown as one that never was."""
    detail = queries.sale_detail(cardholder, sale_id=sale_id, language=get_language() or "en")
    if detail is None:
        raise Http404
    return render(request, "portal/sale.html", {"detail": detail, "sale": detail.sale})


@require_safe
@for_cardholders
def benefits(request: HttpRequest, *, cardholder: CardholderView) -> HttpResponse:
    """Vouchers and subsidies, each with where and when it may be spent."""
    given = given_to(cardholder, at=timezone.now())
    was_given, is_gone = (sessions.was_done(request, what) for what in ("given", "gone"))
    context = {"given": given, "was_given": was_given, "is_gone": is_gone}
    return render(request, "portal/benefits.html", context)


@require_safe
@for_cardholders
def received(request: HttpRequest, *, cardholder: CardholderView) -> HttpResponse:
    """Top-ups, credits, subsidies and vouchers that came in, and what was taken back, a page at a time."""
    page = received_page(cardholder, before=request.GET.get("before", ""), at=timezone.now())
    return render(request, "portal/received.html", {"page": page})


@for_cardholders
def give_voucher(request: HttpRequest, grant_id: int, *, cardholder: CardholderView) -> HttpResponse:
    """Give one voucher to somebody else. Another's voucher is as unknown as one that never was.

    One's own that is gone may well have been given just now, and the answer lost on the way.
    """
    at = timezone.now()
    if grant_id >= DATABASE_ID_MAX:
        raise Http404
    voucher = next(iter(given_to(cardholder, at=at, grant_id=grant_id)), None)
    if voucher is None and was_given_to(cardholder, grant_id=grant_id):
        return _done(request, "gone", to="portal:benefits")
    if voucher is None or not voucher.may_be_given:
        raise Http404
    form = GiveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            transfer_voucher(grant_id=voucher.id, to=form.cleaned_data["number"], by=cardholder.id, at=at)
        except CannotGive as refused:
            if was_given_to(cardholder, grant_id=grant_id):  # by a second press, meanwhile
                return _done(request, "gone", to="portal:benefits")
            form.add_error("number", refused.sentence)
        else:
            return _done(request, "given", to="portal:benefits")
    return render(request, "portal/give_voucher.html", {"form": form, "voucher": voucher})


@require_safe
@for_cardholders
def settings_page(request: HttpRequest, *, cardholder: CardholderView) -> HttpResponse:
    """Cards, language, sign-out, and the way to report a phone lost."""
    cards = cards_of_holder(cardholder.id)
    context = {"cardholder": cardholder, "cards": cards, "was_stopped": sessions.was_done(request, "stopped")}
    return render(request, "portal/settings.html", context)


@sensitive_post_parameters("password")
@for_cardholders
def stop_own_card(request: HttpRequest, card_id: int, *, cardholder: CardholderView) -> HttpResponse:
    """Stop a lost card, after the password. Another's card is as unknown as one that never was.

    One's own that is out of use may well have been stopped just now, and the answer lost on the way.
    """
    card = own_card(cardholder.id, card_id) if card_id < DATABASE_ID_MAX else None
    if card is None:
        raise Http404
    if card.state != CardState.ACTIVE:
        return _done(request, "stopped", to="portal:settings")
    user = cast(User, request.user)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if authenticate(request, username=user.get_username(), password=form.cleaned_data["password"]) == user:
            stop_card(card=card, reason=_("The cardholder reported the card lost."), by=user, at=timezone.now())
            return _done(request, "stopped", to="portal:settings")
        form.add_error("password", _("The password is not right."))
    return render(request, "portal/stop_card.html", {"form": form, "card": card})


@sensitive_post_parameters("password")
@for_cardholders
def lost_phone(request: HttpRequest, *, cardholder: CardholderView) -> HttpResponse:
    """Stop the codes of a lost phone, after the password."""
    user = cast(User, request.user)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        password = form.cleaned_data["password"]
        if authenticate(request, username=user.get_username(), password=password) == user:
            own = Cardholder.objects.get(pk=cardholder.id)
            report_phone_lost(cardholder=own, user=user, password=password, at=timezone.now())
            update_session_auth_hash(request, user)
            response = redirect("portal:lost-phone-done")
            sessions.name_owner(request, response, starts_anew=True)
            return response
        form.add_error("password", _("The password is not right."))
    return render(request, "portal/lost_phone.html", {"form": form})


@require_safe
@for_cardholders
def lost_phone_done(request: HttpRequest, *, cardholder: CardholderView) -> HttpResponse:
    """What was stopped, and when; opened by whoever stopped nothing, the page that does it."""
    stopped_at = codes_stopped_at(cardholder.id, by=cast(User, request.user))
    if stopped_at is None:
        return redirect("portal:lost-phone")
    return render(request, "portal/lost_phone_done.html", {"stopped_at": stopped_at})


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """How to scan, and what to do when it does not work."""
    return render(request, "portal/help.html")
