"""Where terminals upload."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from devices.core.messages import MAX_AUTHORISE_BYTES, Ack, Authorise, Refusal, seal_authorised
from devices.core.wire import MALFORMED
from ecard.codes.errors import CodesError
from ecard.settlement.authorising.lately import lately
from ecard.settlement.operations import authorise, receive
from ecard.settlement.tasks import nudge
from ecard.terminals.views import TerminalView, answer

_STATUS: Mapping[str, HTTPStatus] = {
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "revoked": HTTPStatus.FORBIDDEN,
    "other_terminal": HTTPStatus.FORBIDDEN,
    "policy": HTTPStatus.CONFLICT,
    "late": HTTPStatus.CONFLICT,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many": HTTPStatus.TOO_MANY_REQUESTS,
}


class BatchesView(TerminalView):
    """A run of journal records, sealed by the terminal; the answer says what the server durably holds."""

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={200: OpenApiTypes.OBJECT, 400: OpenApiTypes.OBJECT, 403: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> HttpResponse:
        """`Ack` with 200, or a `Refusal`. The signature's check has bounded the body by MAX_BATCH_BYTES."""
        terminal = self.terminal(request).terminal
        said = receive(terminal=terminal, data=request._request.body, at=timezone.now())
        if not isinstance(said, Ack):
            return answer(said, status=_STATUS.get(said.error, HTTPStatus.BAD_REQUEST))
        if said.status == "accepted":
            nudge()
        return answer(said)


class AuthoriseView(TerminalView):
    """May this presentation pay for this basket? What is approved is held for the record that will say so."""

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 409: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> HttpResponse:
        """`Authorise` in, a sealed `Authorised` out, also where it declines; or a `Refusal`, and nothing is held."""
        body = request._request.body
        if len(body) > MAX_AUTHORISE_BYTES:
            return answer(Refusal("too_large"), status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            asked = msgspec.json.decode(body, type=Authorise)
        except MALFORMED as error:
            return answer(Refusal("malformed", str(error)), status=HTTPStatus.BAD_REQUEST)
        now = timezone.now()
        try:
            key = lately(now).signer
        except CodesError as error:
            return answer(Refusal("not_ready", str(error)), status=HTTPStatus.SERVICE_UNAVAILABLE)
        said = authorise(terminal=self.terminal(request).terminal, asked=asked, body=body, at=now)
        if isinstance(said, Refusal):
            return answer(said, status=_STATUS.get(said.error, HTTPStatus.BAD_REQUEST))
        sealed = seal_authorised(said, asked=body, key_id=key.key_id, signer=key.signer)
        response = HttpResponse(sealed, content_type="application/octet-stream")
        response["Cache-Control"] = "no-store"
        return response
