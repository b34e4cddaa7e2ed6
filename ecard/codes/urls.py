from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from ecard.codes.api import CredentialsView, PreSignedView

app_name = "codes"

urlpatterns: list[URLPattern | URLResolver] = [
    path("credentials", CredentialsView.as_view(), name="credentials"),
    path("pre-signed", PreSignedView.as_view(), name="pre-signed"),
]
