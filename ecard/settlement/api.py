"""Where terminals upload."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from devices.core.messages import Ack
from ecard.settlement.operations import receive
from ecard.settlement.tasks import nudge
from ecard.terminals.views import TerminalView, answer

_STATUS: Mapping[str, HTTPStatus] = {
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "revoked": HTTPStatus.FORBIDDEN,
    "other_terminal": HTTPStatus.FORBIDDEN,
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
