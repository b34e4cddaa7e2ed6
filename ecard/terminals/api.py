"""What a terminal calls: enrolment with a one-time code, then signed requests for keys and snapshots."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle

from devices.core.messages import EnrolRequest, Refusal
from devices.core.wire import MALFORMED
from ecard.codes.errors import CodesError
from ecard.terminals import queries, snapshots
from ecard.terminals.errors import EnrolmentRefused, EnrolmentWhy, SnapshotBusy
from ecard.terminals.operations import enrol, heard
from ecard.terminals.snapshots.news import after as anything_after
from ecard.terminals.values import Heartbeat
from ecard.terminals.views import RefusingView, TerminalView, answer

ENROL_BODY_MAX_BYTES: Final = 2_048
SNAPSHOT_HEADER: Final = "X-Ecard-Snapshot"
CURSOR_MAX: Final = 2**63 - 1

_STATUS = {
    EnrolmentWhy.CODE: HTTPStatus.FORBIDDEN,
    EnrolmentWhy.EXPIRED: HTTPStatus.GONE,
    EnrolmentWhy.USED: HTTPStatus.CONFLICT,
    EnrolmentWhy.KEY: HTTPStatus.BAD_REQUEST,
}


class EnrolThrottle(AnonRateThrottle):
    """Beside the limit of wrong guesses at one code: nobody tries many codes from one address."""

    scope = "terminal-enrol"
    rate = "20/min"


class EnrolView(RefusingView):
    """Exchange a one-time code for the binding of the device's own key."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (EnrolThrottle,)

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT}, auth=[])
    def post(self, request: Request) -> HttpResponse:
        """`EnrolRequest` in, `Enrolled` out; refused with 403 code, 410 expired, 409 used or 400 key."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > ENROL_BODY_MAX_BYTES:
            return answer(Refusal("too_large"), status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            asked = msgspec.json.decode(request._request.body, type=EnrolRequest)
            return answer(enrol(request=asked, at=timezone.now()))
        except MALFORMED as error:
            return answer(Refusal("malformed", str(error)), status=HTTPStatus.BAD_REQUEST)
        except EnrolmentRefused as refused:
            return answer(Refusal(refused.why, str(refused)), status=_STATUS[refused.why])


class KeysView(TerminalView):
    """The key list and this terminal's sealing keys."""

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> HttpResponse:
        """`KeysAnswer`; 503 while the root has signed no list."""
        try:
            return answer(queries.keys_answer(terminal=self.terminal(request).terminal, at=timezone.now()))
        except CodesError as error:
            return answer(Refusal("not_ready", str(error)), status=HTTPStatus.SERVICE_UNAVAILABLE)


class SnapshotView(TerminalView):
    """What to know to sell with no network."""

    @extend_schema(
        parameters=[
            OpenApiParameter("generation", OpenApiTypes.INT64, description="Of the snapshot held; absent: a full load"),
            OpenApiParameter("number", OpenApiTypes.INT64, description="The cursor of the snapshot held"),
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> HttpResponse:
        """A sealed snapshot, a delta where the cursor can be continued; 503 means: ask again later."""
        terminal, now = self.terminal(request).terminal, timezone.now()
        try:
            generation, number = (_cursor(request.GET.get(name, "")) for name in ("generation", "number"))
        except ValueError:
            return answer(Refusal("malformed", "the cursor is two whole numbers"), status=HTTPStatus.BAD_REQUEST)
        try:
            made = snapshots.make(terminal=terminal, generation=generation, number=number, at=now)
        except (SnapshotBusy, CodesError) as error:
            response = answer(Refusal("not_ready", str(error)), status=HTTPStatus.SERVICE_UNAVAILABLE)
            response["Retry-After"] = "5"
            return response
        heard(terminal=terminal, heartbeat=Heartbeat(), at=now, snapshot_number=made.number)
        response = HttpResponse(made.data, content_type="application/octet-stream")
        response[SNAPSHOT_HEADER] = made.kind.value
        response["Cache-Control"] = "no-store"
        return response


class NewsView(RefusingView):
    """Whether a snapshot is worth asking for. Unsigned and mostly without the database, so that every terminal may ask
    each second; whoever does not know the generation learns nothing.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        parameters=[
            OpenApiParameter("generation", OpenApiTypes.INT64, description="Of the snapshot held"),
            OpenApiParameter("number", OpenApiTypes.INT64, description="The cursor of the snapshot held"),
        ],
        responses={200: None, 204: None},
        auth=[],
    )
    def get(self, request: Request) -> HttpResponse:
        """204 where nothing changed after the cursor, else 200. A hint only: under load some are told nothing, and find
        out at their next regular snapshot.
        """
        try:
            generation, number = (_cursor(request.GET.get(name, "")) for name in ("generation", "number"))
        except ValueError:
            return answer(Refusal("malformed", "the cursor is two whole numbers"), status=HTTPStatus.BAD_REQUEST)
        there = anything_after(generation=generation, number=number)
        response = HttpResponse(status=HTTPStatus.OK if there else HTTPStatus.NO_CONTENT)
        response["Cache-Control"] = "no-store"
        return response


def _cursor(text: str) -> int:
    """A part of the cursor; 0 where it is absent. Raises ValueError."""
    if not text:
        return 0
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= CURSOR_MAX:
        raise ValueError(text)
    return number
