"""Tells the database who is at work, for the history it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse

READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class WhoMiddleware:
    """Names the login of a request that may write, on this connection and for this request alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in READING or settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return self.get_response(request)
        if not request.user.is_authenticated:
            return self.get_response(request)
        with acting(request.user.pk):
            return self.get_response(request)


@contextmanager
def acting(user_id: int) -> Iterator[None]:
    """Changes inside are this login's."""
    _name(str(user_id))
    try:
        yield
    finally:
        # A transaction that failed takes the name back with it, and a lost connection forgets it.
        if connection.connection is not None and not connection.needs_rollback and connection.is_usable():
            _name("")


def _name(user_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('ecard.by', %s, false)", [user_id])
