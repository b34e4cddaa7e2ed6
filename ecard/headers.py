"""What is read from a request's headers before any page, and added to every answer's: whose address it is, and
what a browser may do on our pages (the content security and permissions policies)."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# The admin's Alpine expressions are evaluated from attributes, and the schema page starts itself
# from an inline script; both are for people who are signed in as staff or integrators.
TOOLING = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
TOOLING_PATHS = ("/admin/", "/api/docs/")
PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), screen-wake-lock=(self)"


class BrowserPolicyMiddleware:
    """Adds both headers to every answer that does not bring its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        policy = TOOLING if request.path.startswith(TOOLING_PATHS) else STRICT
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


class ClientAddressMiddleware:
    """Behind `ECARD_PROXIES` proxies of our own, whoever counts tries by address counts the client's.

    Each proxy adds to X-Forwarded-For whom it heard; what stands further left a client wrote itself, and is ignored.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.ECARD_PROXIES:
            raise MiddlewareNotUsed
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        heard = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(heard) >= settings.ECARD_PROXIES and _is_address(heard[-settings.ECARD_PROXIES].strip()):
            request.META["REMOTE_ADDR"] = heard[-settings.ECARD_PROXIES].strip()
        return self._get_response(request)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
