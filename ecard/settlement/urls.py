"""The address terminals upload to; `ecard.terminals.profiles` lists it by name."""

from __future__ import annotations

from django.urls import path

from ecard.settlement.api import AuthoriseView, BatchesView

app_name = "settlement"

urlpatterns = [
    path("authorise", AuthoriseView.as_view(), name="authorise"),
    path("batches", BatchesView.as_view(), name="batches"),
]
