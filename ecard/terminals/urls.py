"""The addresses a terminal calls; `profiles` lists them by name."""

from __future__ import annotations

from django.urls import path

from ecard.terminals.api import EnrolView, KeysView, NewsView, SnapshotView

app_name = "terminals"

urlpatterns = [
    path("enrol", EnrolView.as_view(), name="enrol"),
    path("keys", KeysView.as_view(), name="keys"),
    path("news", NewsView.as_view(), name="news"),
    path("snapshot", SnapshotView.as_view(), name="snapshot"),
]
