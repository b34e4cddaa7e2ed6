"""The office's own pages, inside the admin site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from ecard.office.ask import ask_page
from ecard.office.asked import Suggestions, search_page
from ecard.office.budgets import budgets_page
from ecard.office.gallery.pages import gallery_page, setup_page
from ecard.office.scoping import whole_institution

urlpatterns = [
    # In place of the theme's and Django's own, at their addresses.
    path("search/", admin.site.admin_view(search_page), name="search"),
    path("autocomplete/", admin.site.admin_view(Suggestions.as_view(admin_site=admin.site)), name="autocomplete"),
    path("ask/", admin.site.admin_view(whole_institution(ask_page)), name="office-ask"),
    path("budgets/", admin.site.admin_view(whole_institution(budgets_page)), name="office-budgets"),
    path("templates/", admin.site.admin_view(whole_institution(gallery_page)), name="office-gallery"),
    path("templates/<slug:key>/", admin.site.admin_view(whole_institution(setup_page)), name="office-setup"),
]
