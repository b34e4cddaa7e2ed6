"""What the cardholder's page and other hosts of the code ask for. Session sign-in, CSRF, throttled."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from ecard.cardholders.queries import by_user
from ecard.cardholders.values import CardholderView
from ecard.codes.errors import IssueRefused, NoActiveKey, RefusedWhy
from ecard.codes.operations import issue_credentials, issue_pre_signed
from ecard.codes.rules import DAYS_AHEAD, HOURS_AHEAD, SLOT_S, unix_s

RENEW_AFTER = timedelta(hours=6)
STATUS = {
    RefusedWhy.BAD_DAYS: status.HTTP_400_BAD_REQUEST,
    RefusedWhy.TOO_MANY: status.HTTP_429_TOO_MANY_REQUESTS,
}


class IsCardholder(BasePermission):
    """The login belongs to a cardholder."""

    message = _("This login does not belong to a cardholder.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        return by_user(cast(AbstractBaseUser, request.user)) is not None


class IssueThrottle(UserRateThrottle):
    scope = "issue"
    rate = "60/min"


class DaySerializer(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="A local day: today or one of the next seven.")
    public = serializers.RegexField(
        "^[0-9a-f]{64}$", help_text="The phone's Ed25519 public key for that day alone, in hexadecimal."
    )


class CredentialsRequest(serializers.Serializer[Any]):
    days: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=DaySerializer(), min_length=1, max_length=DAYS_AHEAD + 1
    )


class CredentialSerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    credential = serializers.CharField(help_text="132 bytes in base64: the code without its moment.")
    not_before_s = serializers.IntegerField(help_text="Unix seconds.")
    not_after_s = serializers.IntegerField(help_text="Unix seconds; the first at which it is no longer valid.")


class CredentialsAnswer(serializers.Serializer[Any]):
    institution = serializers.CharField(help_text="Two characters; the code's prefix is C1 and these.")
    server_time_ms = serializers.IntegerField()
    credentials = CredentialSerializer(many=True)
    next_renewal_s = serializers.IntegerField(help_text="Unix seconds from which the page should ask anew.")


class PreSignedRequest(serializers.Serializer[Any]):
    hours = serializers.IntegerField(min_value=1, max_value=HOURS_AHEAD)


class PreSignedCodeSerializer(serializers.Serializer[Any]):
    not_before_s = serializers.IntegerField(help_text="Unix seconds at which the slot begins.")
    text = serializers.CharField(help_text="What the QR holds, in alphanumeric mode; spaces are significant.")


class PreSignedAnswer(serializers.Serializer[Any]):
    institution = serializers.CharField()
    server_time_ms = serializers.IntegerField()
    slot_s = serializers.IntegerField(help_text="How long each code is valid.")
    codes = PreSignedCodeSerializer(many=True)


class RefusedSerializer(serializers.Serializer[Any]):
    why = serializers.CharField(help_text="A stable word.")
    detail = serializers.CharField(help_text="A sentence for the person.")


class _IssueView(APIView):
    permission_classes = (IsAuthenticated, IsCardholder)
    throttle_classes = (IssueThrottle,)

    @staticmethod
    def cardholder(request: Request) -> CardholderView:
        found = by_user(cast(AbstractBaseUser, request.user))
        if found is None:
            raise IssueRefused(RefusedWhy.UNKNOWN)
        return found

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, IssueRefused):
            answer = {"why": exc.why.value, "detail": exc.sentence}
            return Response(answer, status=STATUS.get(exc.why, status.HTTP_403_FORBIDDEN))
        if isinstance(exc, NoActiveKey):
            answer = {"why": "not_ready", "detail": str(_("Codes cannot be issued yet. Please try again later."))}
            return Response(answer, status=status.HTTP_503_SERVICE_UNAVAILABLE)
        return super().handle_exception(exc)


_REFUSALS = {
    code: OpenApiResponse(RefusedSerializer, description=text)
    for code, text in (
        (400, "Days that cannot be had."),
        (403, "Not signed in, not a cardholder, or a stopped account."),
        (429, "Too many codes for one day, or too many requests."),
        (503, "No key may sign yet."),
    )
}


class CredentialsView(_IssueView):
    """Device-bound codes: the phone's key of each coming day, signed with limits and funds as they are now."""

    @extend_schema(request=CredentialsRequest, responses={200: CredentialsAnswer, **_REFUSALS})
    def post(self, request: Request) -> Response:
        asked = CredentialsRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        issued = issue_credentials(
            cardholder=self.cardholder(request),
            days=[(day["date"], bytes.fromhex(day["public"])) for day in asked.validated_data["days"]],
            at=now,
        )
        return Response(
            {
                **_stamp(now),
                "credentials": [
                    {
                        "date": each.date.isoformat(),
                        "credential": base64.b64encode(each.credential).decode(),
                        "not_before_s": each.not_before_s,
                        "not_after_s": each.not_after_s,
                    }
                    for each in issued
                ],
                "next_renewal_s": unix_s(now + RENEW_AFTER),
            }
        )


class PreSignedView(_IssueView):
    """Pre-signed codes, one a minute in serving hours, for hosts that cannot sign."""

    @extend_schema(request=PreSignedRequest, responses={200: PreSignedAnswer, **_REFUSALS})
    def post(self, request: Request) -> Response:
        asked = PreSignedRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        issued = issue_pre_signed(
            cardholder=self.cardholder(request), from_=now, hours=asked.validated_data["hours"], at=now
        )
        codes = [{"not_before_s": each.not_before_s, "text": each.text} for each in issued]
        return Response({**_stamp(now), "slot_s": SLOT_S, "codes": codes})


def _stamp(now: datetime) -> dict[str, Any]:
    return {"institution": settings.ECARD_INSTITUTION, "server_time_ms": int(now.timestamp() * 1000)}
