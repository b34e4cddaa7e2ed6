"""The installable page: its shell (nothing personal in it), its service worker and its manifest."""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from ecard.codes.queries import issuing_zone
from ecard.codes.rules import DAYS_AHEAD
from ecard.portal.icons import SIZES
from ecard.portal.texts import page_texts

OWNER_COOKIE = "ecard_owner"
"""Tells the page's script whose the stored keys are; readable by it, and of no use to anybody else."""
NOBODY = "nobody"
"""In the owner's place after signing out: whatever is still stored here is to be forgotten."""
WELCOME_COOKIE = "ecard_welcome"
"""Tells the page's script, once, that an empty storage is no loss: its owner has just signed in or starts anew."""
ASSETS = ("design/tokens.css", "portal/portal.css", "portal/app.js", "portal/page.js", "portal/plain.js")
WORKER = "portal/sw.js"
THEME = "#084c39"
GROUND = "#f3f6f4"


class NotBuilt(Exception):
    """The scripts were not bundled; whoever installs the server must run `make build`."""


def render_shell(language: str) -> str:
    """The code page in one language. Everything personal is filled in by its script."""
    with translation.override(language):
        return render_to_string("portal/shell.html", {"config": _config(language), "texts": page_texts()})


def render_plain() -> str:
    """The second host's page, in the reader's language."""
    context = {"owner_cookie": OWNER_COOKIE, "csrf_cookie": settings.CSRF_COOKIE_NAME}
    return render_to_string("hosts/plain.html", context)


def _config(language: str) -> dict[str, Any]:
    return {
        "language": language,
        "zone": issuing_zone(),
        "daysAhead": DAYS_AHEAD + 1,
        "ownerCookie": OWNER_COOKIE,
        "nobody": NOBODY,
        "welcomeCookie": WELCOME_COOKIE,
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "urls": {
            "summary": reverse("portal:summary"),
            "credentials": reverse("codes:credentials"),
            "signIn": reverse("portal:sign-in"),
            "worker": reverse("portal:worker"),
        },
    }


def worker_script() -> str:
    """The service worker with the build it serves in front: a new build is a new script. Raises NotBuilt."""
    return _worker_script(zone=issuing_zone())


@lru_cache(maxsize=1)
def _worker_script(*, zone: str) -> str:
    shells = {language: reverse("portal:shell", args=[language]) for language, _name in settings.LANGUAGES}
    build = {
        "version": _version(zone),
        "shells": shells,
        "pages": [reverse("portal:plain")],
        "assets": [static(name) for name in ASSETS],
    }
    return f"const BUILD = {json.dumps(build)};\n{_source(WORKER).decode()}"


def _version(zone: str) -> str:
    digest = sha256(zone.encode())
    for name in (*ASSETS, WORKER):
        digest.update(_source(name))
    for language, _name in settings.LANGUAGES:
        digest.update(render_shell(language).encode())
    digest.update(render_plain().encode())
    return digest.hexdigest()[:16]


def _source(name: str) -> bytes:
    found = finders.find(name)
    if not isinstance(found, str):
        raise NotBuilt(f"{name} is missing: run `make build`")
    return Path(found).read_bytes()


def manifest() -> dict[str, Any]:
    """The web app manifest in the reader's language."""
    icons = [
        {"src": reverse("portal:icon", args=[size]), "sizes": f"{size}x{size}", "type": "image/png"} for size in SIZES
    ]
    maskable = {
        "src": reverse("portal:icon-maskable", args=[SIZES[-1]]),
        "sizes": f"{SIZES[-1]}x{SIZES[-1]}",
        "type": "image/png",
        "purpose": "maskable",
    }
    return {
        "id": "/",
        "name": _("e-card"),
        "short_name": _("e-card"),
        "description": _("Your payment code, which works without a network."),
        "lang": translation.get_language(),
        "start_url": reverse("portal:home"),
        "scope": "/",
        "display": "standalone",
        "orientation": "portrait",
        "theme_color": THEME,
        "background_color": GROUND,
        "icons": [*icons, maskable],
    }
