"""What terminals were told, to be read."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ecard.adminkit import (
    GrowingAdmin,
    ReadOnlyAdmin,
)
from ecard.changes.models import Change, Generation

REFS_SHOWN = 2


@admin.register(Change)
class ChangeAdmin(GrowingAdmin[Change]):
    list_display = ("id", "number", "topic", "concerns", "made_at", "numbered_at")
    list_filter = ("topic",)
    ordering = ("-id",)
    fields = ("number", "topic", "concerns", "made_at", "numbered_at")

    @admin.display(description=_("concerns"))
    def concerns(self, change: Change) -> str:
        shown = ", ".join(f"{ref:x}" for ref in change.refs[:REFS_SHOWN])
        more = len(change.refs) - REFS_SHOWN
        if more <= 0:
            return shown
        return ngettext("%(shown)s and %(more)d more", "%(shown)s and %(more)d more", more) % {
            "shown": shown,
            "more": more,
        }


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin[Generation]):
    list_display = ("__str__", "began_at", "last_number", "pruned_upto")
    fields = ("generation_id", "began_at", "last_number", "pruned_upto")
