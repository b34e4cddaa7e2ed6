"""Whose address a request counts for."""

from __future__ import annotations

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from ecard.headers import ClientAddressMiddleware

PROXY = "10.0.0.1"


def address(settings: Settings, *, proxies: int, forwarded: str | None) -> str:
    """What the views behind the middleware take for the client's address."""
    settings.ECARD_PROXIES = proxies
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    ClientAddressMiddleware(view)(RequestFactory(REMOTE_ADDR=PROXY).get("/", headers=headers))
    return seen[0]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", PROXY),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "'; DROP TABLE", PROXY),
        (1, "", PROXY),
        (1, None, PROXY),
    ],
)
def test_the_address_is_the_one_our_own_proxy_heard(
    settings: Settings, proxies: int, forwarded: str | None, found: str
) -> None:
    assert address(settings, proxies=proxies, forwarded=forwarded) == found


def test_without_a_proxy_nobody_is_believed_about_an_address(settings: Settings) -> None:
    with pytest.raises(MiddlewareNotUsed):
        address(settings, proxies=0, forwarded="203.0.113.9")
