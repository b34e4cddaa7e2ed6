"""Importing a file in three steps (choose, look, import), undoing it, and exporting."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget

from ecard.adminkit import ReadOnlyAdmin, back_to, chip_column, dialog_action, page_action, signed_in
from ecard.imports import operations, queries
from ecard.imports.errors import CannotApply, FileRefused, MovedOn, NotReady
from ecard.imports.kinds import KINDS
from ecard.imports.models import BatchState, ImportBatch, Outcome
from ecard.imports.reading import MAX_BYTES, MAX_ROWS
from ecard.imports.sentences import file_sentence, problem_sentence
from ecard.imports.writing import csv_bytes, excel_bytes

_QUICKER = _("Somebody else was quicker: this is how the import stands now.")
EXCEL_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ImportForm(forms.Form):
    """A file, and what it is about."""

    kind = forms.ChoiceField(label=_("What the file holds"), widget=UnfoldAdminSelectWidget)
    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".xlsx,.csv,.txt"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = gettext("Excel (.xlsx) or CSV in UTF-8 or GB18030; at most %(rows)s rows and %(size)s MB.")
        self.fields["file"].help_text = told % {"rows": f"{MAX_ROWS:,}", "size": MAX_BYTES // 1024 // 1024}

    def clean_file(self) -> Any:
        given: Any = self.cleaned_data["file"]
        if (given.size or 0) > MAX_BYTES:
            raise forms.ValidationError(file_sentence(FileRefused("bytes", MAX_BYTES // 1024 // 1024)))
        return given


class ExportForm(forms.Form):
    """What to write, and how."""

    kind = forms.ChoiceField(label=_("What to export"), widget=UnfoldAdminSelectWidget)
    form = forms.ChoiceField(
        label=_("As"),
        choices=(("xlsx", _("Excel (.xlsx)")), ("csv", _("CSV (UTF-8)"))),
        initial="xlsx",
        widget=UnfoldAdminRadioSelectWidget,
    )


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnlyAdmin[ImportBatch]):
    nothing_yet = _("A file is read, looked at, and then imported; what it changed can be undone here.")
    list_display = (
        "shown_file",
        "what",
        "state_chip",
        "added",
        "changed",
        "unchanged",
        "refused",
        "read_by",
        "read_at",
    )
    list_display_links = ("shown_file",)
    list_select_related = ("read_by",)
    list_filter = ("state",)
    ordering = ("-id",)
    fields = (
        ("what", "file_name", "state_text"),
        "counted",
        ("read_by", "read_at"),
        ("applied_by", "applied_at"),
        ("undone_by", "undone_at"),
    )
    readonly_fields = ("what", "state_text", "counted")
    actions_list = ("begin", "export")
    actions_detail = ("apply", "apply_good", "undo")
    change_form_outer_after_template = "imports/rows.html"

    @admin.display(description=_("file"), ordering="id")
    def shown_file(self, batch: ImportBatch) -> str:
        return str(batch)

    @admin.display(description=_("what"))
    def what(self, batch: ImportBatch) -> str:
        return str(KINDS[batch.kind].title)

    @chip_column(
        description=_("state"), ordering="state", colours={"READ": "warning", "APPLIED": "success", "UNDONE": "default"}
    )
    def state_chip(self, batch: ImportBatch) -> tuple[str, str]:
        state = BatchState(batch.state)
        return state.name, str(state.label)

    @admin.display(description=_("state"))
    def state_text(self, batch: ImportBatch) -> str:
        return self.state_chip(batch)[1]

    @admin.display(description=_("rows"))
    def counted(self, batch: ImportBatch) -> str:
        """How many rows there are of each kind."""
        said = gettext("%(added)s new · %(changed)s changed · %(unchanged)s unchanged · %(refused)s wrong")
        counts = {name: number_format(getattr(batch, name)) for name in ("added", "changed", "unchanged", "refused")}
        left = gettext(" · %(left)s not undone") % {"left": number_format(batch.left)} if batch.left else ""
        return said % counts + left

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is in a file is shown to whoever may see such records."""
        may = super().has_view_permission(request, obj) or request.user.has_perm("imports.import_records")
        if obj is None or not may:
            return may
        meta = KINDS[obj.kind].model._meta
        return request.user.has_perm(f"{meta.app_label}.view_{meta.model_name}")

    def has_begin_permission(self, request: HttpRequest) -> bool:
        return any(queries.may_import(request.user, kind) for kind in KINDS.values())

    def has_export_permission(self, request: HttpRequest) -> bool:
        return any(queries.may_export(request.user, kind) for kind in KINDS.values())

    def has_apply_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, state=BatchState.READ, refused=0)

    def has_apply_good_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, state=BatchState.READ, refused__gt=0)

    def has_undo_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        batch = ImportBatch.objects.filter(pk=object_id).first() if object_id else None
        return self._may(request, object_id) and batch is not None and operations.may_undo(batch)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        batch = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if batch is not None and self.has_view_permission(request, batch):
            only = request.GET.get("only", "")
            page = queries.shown_rows(batch, only=only, page=request.GET.get("p", "1"))
            shown = {
                "batch": batch,
                "page": page,
                "rows": queries.in_words(batch, page),
                "only": only,
                "tabs": self._tabs(batch),
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    @page_action(description=_("Import a file"), url_path="begin", icon="upload_file", permissions=("begin",))
    def begin(self, request: HttpRequest) -> HttpResponse:
        """Takes a file and leads to what it would change."""
        form = ImportForm(request.POST or None, request.FILES or None, initial={"kind": request.GET.get("kind")})
        allowed = {name: kind for name, kind in KINDS.items() if queries.may_import(request.user, kind)}
        _offer(form, allowed)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data["file"]
            try:
                batch = operations.read_file(
                    kind=form.cleaned_data["kind"],
                    data=given.read(),
                    name=str(given.name),
                    by=signed_in(request),
                    at=timezone.now(),
                )
            except FileRefused as refused:
                form.add_error("file", file_sentence(refused))
            else:
                return HttpResponseRedirect(reverse("admin:imports_importbatch_change", args=[batch.pk]))
        kinds = [{"title": kind.title, "columns": kind.columns()} for kind in allowed.values()]
        context = {**self._page(request, gettext("Import a file")), "form": form, "kinds": kinds}
        return TemplateResponse(request, "imports/begin.html", context)

    @page_action(description=_("Export"), url_path="export", icon="download", permissions=("export",))
    def export(self, request: HttpRequest) -> HttpResponse:
        """Gives all records of a kind as a file that imports again."""
        form = ExportForm(request.POST or None, initial={"kind": request.GET.get("kind"), "form": "xlsx"})
        _offer(form, {name: kind for name, kind in KINDS.items() if queries.may_export(request.user, kind)})
        if request.method == "POST" and form.is_valid():
            return _file(form.cleaned_data["kind"], form.cleaned_data["form"])
        return TemplateResponse(
            request, "imports/export.html", {**self._page(request, gettext("Export")), "form": form}
        )

    @dialog_action(
        description=_("Import"),
        explanation=_("Every row shown as new or changed is written. It can be undone afterwards."),
        submit=_("Import"),
        icon="check",
        permissions=("apply",),
    )
    def apply(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._apply(request, object_id, only_good=False)

    @dialog_action(
        description=_("Import the good rows"),
        explanation=_("Rows that are wrong are left out; the others are written. It can be undone afterwards."),
        submit=_("Import the good rows"),
        icon="rule",
        permissions=("apply_good",),
    )
    def apply_good(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._apply(request, object_id, only_good=True)

    @dialog_action(
        description=_("Undo this import"),
        explanation=_("What it changed comes back, where nobody changed it since; what stays is listed here."),
        submit=_("Undo"),
        icon="undo",
        permissions=("undo",),
    )
    def undo(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        batch = ImportBatch.objects.get(pk=object_id)
        try:
            undone = operations.undo_batch(batch=batch, by=signed_in(request), at=timezone.now())
        except NotReady:
            messages.warning(request, _QUICKER)
            return back_to(batch)
        except CannotApply as together:
            messages.error(request, problem_sentence(together.args[0], {}))
            return back_to(batch)
        if undone.left:
            said = ngettext(
                "%(count)s row stays as it is: see below.", "%(count)s rows stay as they are: see below.", undone.left
            )
            messages.warning(request, said % {"count": undone.left})
        else:
            messages.success(request, _("Everything is as it was before."))
        self.log_change(request, undone, [{"changed": {"fields": ["state"]}}])
        return back_to(undone)

    def _apply(self, request: HttpRequest, object_id: str, *, only_good: bool) -> HttpResponse:
        batch = ImportBatch.objects.get(pk=object_id)
        try:
            operations.apply_batch(batch=batch, only_good=only_good, by=signed_in(request), at=timezone.now())
        except CannotApply as together:
            messages.error(request, problem_sentence(together.args[0], {}))
        except NotReady:
            messages.warning(request, _QUICKER)
        except MovedOn:
            messages.warning(request, _("Some records were changed since: this is what the file would change now."))
        else:
            said = gettext("Imported: %(added)s new, %(changed)s changed.")
            messages.success(request, said % {"added": batch.added, "changed": batch.changed})
            self.log_change(request, batch, [{"changed": {"fields": ["state"]}}])
        return back_to(batch)

    def _may(self, request: HttpRequest, object_id: Any, **state: Any) -> bool:
        batch = ImportBatch.objects.filter(pk=object_id, **state).first() if object_id else None
        return batch is not None and queries.may_import(request.user, KINDS[batch.kind])

    def _page(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title}

    def _tabs(self, batch: ImportBatch) -> list[dict[str, Any]]:
        counts = {Outcome.WRONG: batch.refused, Outcome.NEW: batch.added, Outcome.CHANGED: batch.changed}
        tabs = [
            {"only": str(outcome.value), "title": outcome.label, "count": count}
            for outcome, count in counts.items()
            if count
        ]
        left = {"only": queries.LEFT, "title": gettext("not undone"), "count": batch.left}
        return [*([left] if batch.left else []), *tabs]


def _offer(form: forms.Form, kinds: dict[str, Any]) -> None:
    choice: Any = form.fields["kind"]
    choice.choices = [(name, capfirst(str(kind.title))) for name, kind in kinds.items()]


def _file(kind: str, form: str) -> HttpResponse:
    table, title = operations.table_of(kind), str(KINDS[kind].title)
    name = f"{kind}-{timezone.localdate().isoformat()}.{form}"
    if form == "csv":
        response = HttpResponse(csv_bytes(table.header, table.rows), content_type="text/csv; charset=utf-8")
    else:
        response = HttpResponse(excel_bytes(table.header, table.rows, title=title), content_type=EXCEL_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
