"""What someone sees who has guessed too often: the page of the side they came from."""

from __future__ import annotations

from typing import Any

from axes.helpers import get_failure_limit
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

STATUS = 429


def locked_out(
    request: HttpRequest, _response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """axes' callable."""
    context: dict[str, Any] = {"failure_limit": get_failure_limit(request, credentials)}
    if not request.path.startswith(reverse("admin:index")):
        return render(request, "portal/locked_out.html", context, status=STATUS)
    return render(request, "admin/locked_out.html", {**admin.site.each_context(request), **context}, status=STATUS)
