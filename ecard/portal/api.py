"""What the code page fetches to keep: balance, benefits and recent sales."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from ecard.cardholders.queries import by_user
from ecard.portal import sessions
from ecard.portal.queries import summary_of
from ecard.portal.values import Benefit, SaleShown, Summary


class SummaryThrottle(UserRateThrottle):
    scope = "summary"
    rate = "120/min"


class BenefitSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    remaining_minor = serializers.IntegerField()
    remaining = serializers.CharField(help_text="The same as text, such as ¥6.00.")
    expires_at_ms = serializers.IntegerField(help_text="Unix milliseconds.")


class RecentSaleSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Digits; too long for a JavaScript number.")
    taken_at_ms = serializers.IntegerField(help_text="Unix milliseconds, by the terminal's clock.")
    outlet = serializers.CharField()
    amount_minor = serializers.IntegerField()
    amount = serializers.CharField(help_text="The same as text.")
    reversed = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField(), help_text="Why it cost what it did, in sentences.")
    url = serializers.CharField(help_text="The page of this sale.")


class SummarySerializer(serializers.Serializer[Any]):
    server_time_ms = serializers.IntegerField()
    institution = serializers.CharField(help_text="Two characters.")
    name = serializers.CharField()
    number = serializers.CharField()
    group = serializers.CharField()
    balance_minor = serializers.IntegerField(help_text="The purse; negative where it is in debt.")
    balance = serializers.CharField(help_text="The same as text.")
    funds_minor = serializers.IntegerField(help_text="The balance without what is held; more than before is a top-up.")
    benefits = BenefitSerializer(many=True)
    sales = RecentSaleSerializer(many=True, help_text="At most 10, newest first.")


@method_decorator([never_cache, ensure_csrf_cookie], name="dispatch")
class SummaryView(APIView):
    """Balance, benefits and the newest sales with their reasons, in the language asked for."""

    throttle_classes = (SummaryThrottle,)

    @extend_schema(responses={200: SummarySerializer})
    def get(self, request: Request) -> Response:
        cardholder = by_user(cast(AbstractBaseUser, request.user))
        if cardholder is None:
            answer = {"why": "no_card", "detail": _("This login does not belong to a cardholder.")}
            return Response(answer, status=status.HTTP_403_FORBIDDEN)
        now = timezone.now()
        summary = summary_of(cardholder, language=get_language() or "en", at=now)
        response = Response(
            {"server_time_ms": int(now.timestamp() * 1000), "institution": settings.ECARD_INSTITUTION, **_json(summary)}
        )
        sessions.prolong(request._request, response, today=now.date().isoformat())
        return response


def _json(summary: Summary) -> dict[str, Any]:
    return {
        "name": summary.name,
        "number": summary.number,
        "group": summary.group,
        "balance_minor": summary.purse.balance_minor,
        "balance": summary.purse.balance,
        "funds_minor": summary.purse.funds_minor,
        "benefits": [_benefit(each) for each in summary.purse.benefits],
        "sales": [_sale(each) for each in summary.sales],
    }


def _benefit(benefit: Benefit) -> dict[str, Any]:
    return {
        "name": benefit.name,
        "remaining_minor": benefit.remaining_minor,
        "remaining": benefit.remaining,
        "expires_at_ms": int(benefit.expires_at.timestamp() * 1000),
    }


def _sale(sale: SaleShown) -> dict[str, Any]:
    return {
        "id": str(sale.id),
        "taken_at_ms": int(sale.taken_at.timestamp() * 1000),
        "outlet": sale.outlet,
        "amount_minor": sale.amount_minor,
        "amount": sale.amount,
        "reversed": sale.reversed_at is not None,
        "reasons": list(sale.reasons),
        "url": reverse("portal:sale", args=[sale.id]),
    }
