"""Uploads as they came, and what is kept apart until a person has looked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from ecard.adminkit import (
    BaseDialogForm,
    GrowingAdmin,
    ReadOnlyAdmin,
    back_to,
    chip_column,
    dialog_action,
    signed_in,
)
from ecard.settlement import operations
from ecard.settlement.models import NOTE_LENGTH_MAX, Batch, QuarantinedBatch
from ecard.settlement.sentences import not_admissible_sentence


class NoteForm(BaseDialogForm):
    """A dialog that asks what was found and done."""

    note = forms.CharField(
        label=_("What was found and done"),
        max_length=NOTE_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )


@admin.register(Batch)
class BatchAdmin(GrowingAdmin[Batch]):
    nothing_yet = _("No terminal has uploaded yet.")
    list_display = ("id", "terminal", "records", "received_at", "state_chip", "posted_at")
    list_select_related = ("terminal",)
    list_filter = (("posted_at", admin.EmptyFieldListFilter),)
    search_fields = ("terminal__name__startswith",)
    search_help_text = _("How a terminal's name begins")
    ordering = ("-id",)
    fields = (
        ("terminal", "stream"),
        ("first_seq", "last_seq"),
        ("received_at", "evidence_checked_at"),
        ("posted_at", "posting_group"),
        "size",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        return super().get_queryset(request).defer("raw", "evidence")

    @admin.display(description=_("records"))
    def records(self, batch: Batch) -> str:
        return f"{batch.first_seq}–{batch.last_seq}"

    @admin.display(description=_("bytes"))
    def size(self, batch: Batch) -> int:
        return len(batch.raw)

    @chip_column(description=_("state"), colours={"posted": "success", "checked": "info", "received": "warning"})
    def state_chip(self, batch: Batch) -> tuple[str, str]:
        if batch.posted_at is not None:
            return "posted", gettext("posted")
        checked = batch.evidence_checked_at is not None
        return ("checked", gettext("checked")) if checked else ("received", gettext("received"))


@admin.register(QuarantinedBatch)
class QuarantinedBatchAdmin(ReadOnlyAdmin[QuarantinedBatch]):
    nothing_yet = _("Nothing is kept apart.")
    list_display = ("id", "terminal", "kind", "received_at", "times", "state_chip")
    list_select_related = ("terminal",)
    list_filter = ("kind", ("resolved_at", admin.EmptyFieldListFilter))
    search_fields = ("terminal__name__startswith",)
    search_help_text = _("How a terminal's name begins")
    fields = (
        ("terminal", "kind"),
        "detail",
        ("epoch", "first_seq"),
        ("received_at", "times"),
        ("resolved_at", "resolved_by"),
        "note",
    )
    actions_detail = ("admit", "resolve")

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuarantinedBatch]:
        return super().get_queryset(request).defer("raw")

    @chip_column(description=_("state"), colours={"open": "danger", "resolved": "default"})
    def state_chip(self, batch: QuarantinedBatch) -> tuple[str, str]:
        return ("open", gettext("open")) if batch.resolved_at is None else ("resolved", gettext("resolved"))

    def has_resolve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """The record itself is read-only; resolving adds a note."""
        return request.user.has_perm("settlement.change_quarantinedbatch")

    @dialog_action(
        description=_("Resolve with a note"),
        explanation=_("The upload stays as it is and is never posted. The note stays with it."),
        submit=_("Resolve"),
        form=NoteForm,
        icon="task_alt",
        permissions=("resolve",),
    )
    def resolve(self, request: HttpRequest, form: NoteForm, object_id: str) -> HttpResponse:
        batch = QuarantinedBatch.objects.get(pk=object_id)
        note = form.cleaned_data["note"]
        if not operations.resolve_quarantined(batch=batch, by=signed_in(request), note=note, at=timezone.now()):
            messages.warning(request, _("Somebody resolved it before."))
        return back_to(batch)

    @dialog_action(
        description=_("Post it after all"),
        explanation=_(
            "Its sales are taken as facts and posted like any others; what is held already stays as it is. For what a "
            "revoked terminal handed in, and for a journal that goes on after other content."
        ),
        submit=_("Take it in"),
        form=NoteForm,
        icon="input",
        permissions=("resolve",),
    )
    def admit(self, request: HttpRequest, form: NoteForm, object_id: str) -> HttpResponse:
        batch = QuarantinedBatch.objects.get(pk=object_id)
        try:
            operations.admit_quarantined(
                batch=batch, by=signed_in(request), note=form.cleaned_data["note"], at=timezone.now()
            )
        except operations.NotAdmissible as refused:
            messages.error(request, not_admissible_sentence(refused.why))
        else:
            messages.success(request, _("It was taken in and will be posted in a moment."))
        return back_to(batch)
