"""A cardholder's session in the browser: how long it lasts, and the cookie that names the owner of stored keys."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from ecard.portal.shell import OWNER_COOKIE

SESSION_AGE = timedelta(days=60)
OWNER_AGE = timedelta(days=365)
RENEWED_ON = "renewed_on"


def begin(request: HttpRequest, user: User) -> None:
    """Sign in, for long enough that a page used at every lunch never asks again."""
    login(request, user)
    request.session.set_expiry(SESSION_AGE)


def prolong(request: HttpRequest, *, today: str) -> None:
    """Once a day of use, count the session's age from now."""
    if request.session.get(RENEWED_ON) != today:
        request.session[RENEWED_ON] = today
        request.session.set_expiry(SESSION_AGE)


def name_owner(request: HttpRequest, response: HttpResponse) -> None:
    """Tell the page whose its stored keys are. Changes with the password, so that a reported phone starts anew."""
    user = cast(User, request.user)
    owner = salted_hmac("ecard.portal.owner", f"{user.pk} {user.get_session_auth_hash()}", algorithm="sha256")
    response.set_cookie(
        OWNER_COOKIE,
        owner.hexdigest()[:32],
        max_age=OWNER_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def end(request: HttpRequest, response: HttpResponse) -> None:
    """Sign out and have the browser forget what the page kept."""
    logout(request)
    response.delete_cookie(OWNER_COOKIE, samesite="Lax")
    response.headers["Clear-Site-Data"] = '"storage"'
