"""The history of rules: all of it on one page, and a rule's own behind its page's "History" button."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.utils.translation import gettext

from ecard.adminkit import ReadOnlyAdmin, link, typed_number
from ecard.history import queries
from ecard.history.models import TRACKED, RuleChange, Verb


@admin.register(RuleChange)
class RuleChangeAdmin(ReadOnlyAdmin[RuleChange]):
    list_display = ("at", "by", "label", "key", "field", "verb")
    list_select_related = ("by",)
    ordering = ("-id",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Changes of every rule, newest first; `?kind=`, `?by=` and `?before=` choose."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        kind = request.GET.get("kind", "")
        by = typed_number(request.GET.get("by", ""))
        found = queries.history(
            label=kind if kind in TRACKED else "", by=by, before=typed_number(request.GET.get("before", ""))
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("History of rules"),
            "kinds": queries.kinds(),
            "people": queries.people(),
            "kind": kind,
            "by": by,
            **_shown(found, kind=kind, by=by or ""),
        }
        return TemplateResponse(request, "history/all.html", context)


class WithHistory:
    """A record's "History" page with what became of the rule, field by field."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        own: Any = self
        record = own.get_object(request, object_id)
        if record is None:
            raise Http404
        if not own.has_view_or_change_permission(request, record):
            raise PermissionDenied
        found = queries.history(
            label=record._meta.label_lower, key=record.pk, before=typed_number(request.GET.get("before", ""))
        )
        context = {
            **own.admin_site.each_context(request),
            "opts": own.opts,
            "title": gettext("History of %(name)s") % {"name": record},
            "original": record,
            **_shown(found),
        }
        return TemplateResponse(request, "history/one.html", context)


def _shown(page: queries.EntryPage, **chosen: Any) -> dict[str, Any]:
    tones = {Verb.INSERT: "good", Verb.UPDATE: "info", Verb.DELETE: "bad"}
    entries = [
        {"entry": each, "tone": tones[each.verb], "verb": each.verb.label, "link": _link(each)} for each in page.entries
    ]
    kept = {name: value for name, value in chosen.items() if value}
    older = "" if page.older is None else urlencode({**kept, "before": page.older})
    return {"entries": entries, "older": older}


def _link(entry: queries.Entry) -> Any:
    model = apps.get_model(entry.label)
    if entry.verb == Verb.DELETE or model not in admin.site._registry:
        return entry.name
    return link(model, entry.key, entry.name)
