"""Which sites the login of a request is limited to."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ecard.office.models import SiteRight

Sites = frozenset[int]


def sites_of(request: HttpRequest) -> Sites | None:
    """The sites this login is limited to; None for the whole institution. One statement a request."""
    if getattr(request.user, "is_superuser", False):
        return None
    kept: Any = request
    if not hasattr(kept, "_ecard_sites"):
        found = frozenset(SiteRight.objects.filter(user_id=request.user.pk or 0).values_list("site_id", flat=True))
        kept._ecard_sites = found or None
    sites: Sites | None = kept._ecard_sites
    return sites
