"""How Django admin looks. The colours are those of devices/design/tokens.css; a test holds them together."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


def _stylesheet(_request: HttpRequest) -> str:
    return static("office/admin.css")


def _icon(_request: HttpRequest) -> str:
    return reverse("portal:icon", args=[192])


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("e-card administration"),
    "SITE_HEADER": _("e-card"),
    "SITE_SUBHEADER": _("administration"),
    "SITE_SYMBOL": "contactless",
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "sizes": "192x192", "type": "image/png", "href": _icon}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SHOW_LANGUAGES": True,
    "BORDER_RADIUS": "8px",
    "STYLES": [_stylesheet],
    "DASHBOARD_CALLBACK": "ecard.office.dashboard.dashboard",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "ecard.office.navigation.sidebar",
    },
    "COLORS": {
        # ground, line, ink-soft, dark line, dark paper and dark ground, with steps between
        "base": {
            "50": "#f3f6f4",
            "100": "#e9eeeb",
            "200": "#dce4e0",
            "300": "#cfd9d4",
            "400": "#93a39b",
            "500": "#64746d",
            "600": "#4a5a53",
            "700": "#33423b",
            "800": "#22302a",
            "900": "#17211d",
            "950": "#0e1512",
        },
        # brand-soft, dark brand, brand and brand-strong, with steps between
        "primary": {
            "50": "#eef7f3",
            "100": "#dcefe7",
            "200": "#b9dfd0",
            "300": "#a5e6cc",
            "400": "#6fd3ac",
            "500": "#6fd3ac",
            "600": "#0b6b4f",
            "700": "#084c39",
            "800": "#073c2e",
            "900": "#062f24",
            "950": "#041c16",
        },
    },
}
