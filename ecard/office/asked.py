"""The theme's search and Django's suggestions, for addresses as people mistype them: never a fault."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse, QueryDict


def search_page(request: HttpRequest) -> HttpResponse:
    """The search behind Ctrl+K; a page that there is not is the first."""
    site: Any = admin.site
    try:
        found: HttpResponse = site.search(request)
    except InvalidPage:
        rest = request.GET.copy()
        del rest["page"]
        request.GET = QueryDict(rest.urlencode())
        found = site.search(request)
    return found


class Suggestions(AutocompleteJsonView):
    """What a field offers while somebody types."""

    def process_request(self, request: HttpRequest) -> Any:
        term, model_admin, field, name = super().process_request(request)
        if "\0" in term or not field.concrete:
            raise Http404  # what no database takes, or the other end of a relation, which no form asks for
        return term, model_admin, field, name
