"""The office's own pages, inside the admin site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from ecard.office.ask import ask_page

urlpatterns = [path("ask/", admin.site.admin_view(ask_page), name="office-ask")]
