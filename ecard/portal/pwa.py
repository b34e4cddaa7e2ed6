"""What a browser fetches to install the page and to open it without a network. Nothing here is personal."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ecard.portal.icons import SIZES, icon_png
from ecard.portal.shell import manifest, render_plain, render_shell, worker_script

ICON_AGE_S = 7 * 24 * 3600


@require_safe
@cache_control(no_cache=True)
def shell(request: HttpRequest, language: str) -> HttpResponse:
    """The code page without a person in it, for the service worker to keep."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    return HttpResponse(render_shell(language))


@require_safe
@cache_control(no_cache=True)
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker; it may serve the whole site."""
    return HttpResponse(
        worker_script(), content_type="text/javascript; charset=utf-8", headers={"Service-Worker-Allowed": "/"}
    )


@require_safe
@cache_control(no_cache=True)
def manifest_json(request: HttpRequest) -> HttpResponse:
    """The web app manifest."""
    return JsonResponse(manifest(), content_type="application/manifest+json")


@require_safe
@cache_control(public=True, max_age=ICON_AGE_S)
def icon(request: HttpRequest, size: int, *, maskable: bool = False) -> HttpResponse:
    """One icon in one of the sizes that the manifest names."""
    if size not in SIZES:
        raise Http404
    return HttpResponse(icon_png(size, maskable=maskable), content_type="image/png")


@require_safe
@cache_control(no_cache=True)
def plain(request: HttpRequest) -> HttpResponse:
    """A second host of the code, which shows a pre-signed list."""
    return HttpResponse(render_plain())
