"""Every address of the server; each app owns its own urls.py."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

urlpatterns = [
    path("admin/", include("ecard.office.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    path("api/terminal/v1/", include("ecard.terminals.urls")),
    path("api/terminal/v1/", include("ecard.settlement.urls")),
    path("api/cardholder/v1/", include("ecard.codes.urls")),
    path("", include("ecard.portal.urls")),
]
