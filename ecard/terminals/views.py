"""The base of every view that a terminal calls: signed requests only, and every refusal as a `Refusal`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpResponse
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from devices.core.messages import Refusal
from ecard.terminals.authentication import SCHEME, TerminalAuthentication, TerminalRefused
from ecard.terminals.profiles import allows
from ecard.terminals.values import TerminalPrincipal

_WORDS: Mapping[type[exceptions.APIException], str] = {
    exceptions.NotAuthenticated: "signature",
    exceptions.AuthenticationFailed: "signature",
    exceptions.PermissionDenied: "forbidden",
    exceptions.Throttled: "throttled",
    exceptions.MethodNotAllowed: "method",
}


def answer(value: msgspec.Struct, *, status: int = HTTPStatus.OK) -> HttpResponse:
    """A message of `devices.core.messages` as a JSON response that nobody keeps."""
    response = HttpResponse(msgspec.json.encode(value), content_type="application/json", status=status)
    response["Cache-Control"] = "no-store"
    return response


class InProfile(BasePermission):
    """A terminal that signed, on a route of its profile."""

    def has_permission(self, request: Request, view: Any) -> bool:
        route = request.resolver_match.view_name if request.resolver_match else ""
        return isinstance(request.user, TerminalPrincipal) and allows(request.user, route)


class AsIs(BaseContentNegotiation):
    """A terminal takes what there is, whatever its HTTP client writes into Accept."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return None

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type or ""


class RefusingView(APIView):
    """Refuses in the terminals' own form: an HTTP status and a `Refusal`."""

    content_negotiation_class = AsIs
    renderer_classes = (JSONRenderer,)

    def handle_exception(self, exc: Exception) -> Response | HttpResponse:  # type: ignore[override]  # HttpResponse is what DRF passes on
        if isinstance(exc, TerminalRefused):
            response = answer(exc.refusal, status=exc.status_code)
        elif isinstance(exc, exceptions.APIException) and type(exc) in _WORDS:
            status = HTTPStatus.UNAUTHORIZED if isinstance(exc, exceptions.NotAuthenticated) else exc.status_code
            response = answer(Refusal(_WORDS[type(exc)], str(exc.detail)), status=status)
            if wait_s := getattr(exc, "wait", None):
                response["Retry-After"] = str(int(wait_s) + 1)
        else:
            return super().handle_exception(exc)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            response["WWW-Authenticate"] = SCHEME
        return response


class TerminalView(RefusingView):
    """Open to terminals alone, and to them only where `profiles` lists the route."""

    authentication_classes = (TerminalAuthentication,)
    permission_classes = (InProfile,)

    @staticmethod
    def terminal(request: Request) -> TerminalPrincipal:
        """Who is asking. The permission has made sure that it is a terminal."""
        if not isinstance(request.user, TerminalPrincipal):
            raise exceptions.NotAuthenticated
        return request.user


__all__ = ["InProfile", "RefusingView", "TerminalView", "answer"]
