"""A cardholder's session in the browser: how long it lasts, and the cookie that names the owner of stored keys."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from ecard.portal.shell import NOBODY, OWNER_COOKIE, WELCOME_COOKIE

SESSION_AGE = timedelta(days=60)
OWNER_AGE = timedelta(days=365)
FORGET = '"storage"'
RENEWED_ON = "renewed_on"
DONE = "done"


def begin(request: HttpRequest, user: User) -> None:
    """Sign in, for long enough that a page used at every lunch never asks again."""
    login(request, user)
    request.session.set_expiry(SESSION_AGE)


def prolong(request: HttpRequest, response: HttpResponse, *, today: str) -> None:
    """Once a day of use, count the session's age from now, and that of the owner's name.

    Whoever signed in elsewhere (administrators have a page of their own) is named at once.
    """
    is_due = request.session.get(RENEWED_ON) != today
    if is_due:
        request.session[RENEWED_ON] = today
        request.session.set_expiry(SESSION_AGE)
    if is_due or request.COOKIES.get(OWNER_COOKIE) != _owner(request):
        name_owner(request, response)


def name_owner(request: HttpRequest, response: HttpResponse, *, starts_anew: bool = False) -> None:
    """Tell the page whose its stored keys are. Changes with the password, so that a reported phone starts anew."""
    _set(response, OWNER_COOKIE, _owner(request))
    if starts_anew:
        response.set_cookie(WELCOME_COOKIE, "1", secure=settings.SESSION_COOKIE_SECURE, samesite="Lax")


def end(request: HttpRequest, response: HttpResponse) -> None:
    """Sign out and have the browser forget what the page kept.

    Not every browser knows the header, and no script of ours need have run before: so the cookie says it too, and
    whichever page opens next forgets.
    """
    logout(request)
    _set(response, OWNER_COOKIE, NOBODY)
    response.headers["Clear-Site-Data"] = FORGET


def is_to_forget(request: HttpRequest) -> bool:
    """Whether somebody signed out here last."""
    return request.COOKIES.get(OWNER_COOKIE) == NOBODY


def note_done(request: HttpRequest, what: str) -> None:
    """Have the page that opens next say what was just done: in the session, for an address could be anybody's words."""
    request.session[DONE] = what


def was_done(request: HttpRequest, what: str) -> bool:
    """Whether that was just done; true once."""
    is_so = request.session.get(DONE) == what
    if is_so:
        del request.session[DONE]
    return is_so


def _owner(request: HttpRequest) -> str:
    user = cast(User, request.user)
    owner = salted_hmac("ecard.portal.owner", f"{user.pk} {user.get_session_auth_hash()}", algorithm="sha256")
    return owner.hexdigest()[:32]


def _set(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=OWNER_AGE, secure=settings.SESSION_COOKIE_SECURE, samesite="Lax")
