"""Runs that create money: made, looked through, approved, paid out and reversed, each by a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from devices.core.money import format_minor
from ecard.adminkit import (
    GrowingAdmin,
    ReasonForm,
    back_to,
    chip_column,
    dialog_action,
    link,
    money_column,
    once_a_page,
    page_action,
    signed_in,
)
from ecard.approvals.errors import ApprovalError
from ecard.approvals.models import Approval, Kind
from ecard.approvals.queries import newest
from ecard.benefits import runs
from ecard.benefits.admin_run_lines import approval_told, lines_table
from ecard.benefits.forms_runs import NewRunForm, OverruleForm
from ecard.benefits.models import Run, RunState
from ecard.benefits.models.runs import AT_WORK
from ecard.benefits.runs.errors import RunError
from ecard.benefits.runs.sentences import run_summary
from ecard.benefits.tasks import nudge

LINES_SHOWN = 10
_COLOURS = {
    "draft": "default",
    "listed": "info",
    "asked": "warning",
    "posting": "warning",
    "posted": "success",
    "reversing": "warning",
    "reversed": "danger",
    "cancelled": "default",
}
_BUTTONS: dict[str, tuple[str, ...]] = {
    "draft": ("list_people", "cancel"),
    "listed": ("ask", "leave_out", "overrule", "list_people", "cancel"),
    "asked": ("pay_out", "take_back"),
    "posted": ("reverse",),
}
_ONLY_WITH_DUPLICATES = ("leave_out", "overrule")


@admin.register(Run)
class RunAdmin(GrowingAdmin[Run]):
    nothing_yet = _("Nothing was issued by a run yet.")
    change_form_template = "benefits/run_change.html"
    list_display = ("id", "state_chip", "what", "period_key", "people", "total", "made_by", "made_at")
    list_select_related = ("programme", "sponsor", "made_by")
    list_filter = ("state", "kind", "scheduled")
    search_fields = ("period_key__startswith", "programme__name__startswith")
    search_help_text = _("How a period or a programme's name begins")
    ordering = ("-id",)
    actions_list = ("new",)
    actions_detail: Any = (
        "ask",
        "pay_out",
        "take_back",
        {
            "title": _("The list"),
            "icon": "checklist",
            "items": ("leave_out", "overrule", "list_people", "cancel"),
        },
        "reverse",
    )
    total = money_column("total_minor", _("total"))
    rolled = money_column("rolled_minor", _("gone over from the last period"))

    def get_fields(self, request: HttpRequest, obj: Run | None = None) -> Any:
        """What there is to say by now."""
        begun = obj is not None and obj.posting_at is not None
        undone = obj is not None and obj.reversing_at is not None
        rolls = obj is not None and bool(obj.rollover_cap_minor)
        return (
            "said",
            "state_text",
            "approval",
            ("people", "total"),
            ("left_out_shown", "duplicates_shown"),
            *(("reversed_text", "spent_shown") if undone else ()),
            "lines_shown",
            ("made_by", "made_at"),
            *((("posting_at", "posted_at"),) if begun else ()),
            *(("rolled",) if begun and rolls else ()),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Run | None = None) -> Any:
        return tuple(
            name for row in self.get_fields(request, obj) for name in ((row,) if isinstance(row, str) else row)
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The buttons that fit the state; one pressed on a page left open is answered in words."""
        run = Run.objects.filter(pk=object_id).first()
        if run is None:
            return []
        fit = set(_BUTTONS.get(run.state, ()))
        if not run.duplicates or run.duplicates_overruled_by_id is not None:
            fit.difference_update(_ONLY_WITH_DUPLICATES)
        own: Any = super()
        return [each for each in own.get_actions_detail(request, object_id) if _name(each) in fit]

    def has_make_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("benefits.add_run")

    def has_pay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("benefits.post_run")

    def has_reverse_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("benefits.reverse_run")

    @chip_column(description=_("state"), colours=_COLOURS)
    def state_chip(self, run: Run) -> tuple[str, str]:
        return run.state, str(RunState(run.state).label)

    @admin.display(description=_("what"))
    def what(self, run: Run) -> str:
        return run.programme.shown_name if run.programme else gettext("credit to purses")

    @admin.display(description=_("in words"))
    @once_a_page
    def said(self, run: Run) -> SafeString:
        return format_html('<div style="white-space: pre-line">{}</div>', run_summary(run))

    @admin.display(description=_("state"))
    def state_text(self, run: Run) -> SafeString | str:
        label = str(RunState(run.state).label)
        if run.state not in AT_WORK:
            return label
        told = gettext("%(done)d of %(all)d lines") % {"done": run.done_lines, "all": run.people}
        look = "width: 16rem; accent-color: #0b6b4f"
        bar = '{} <progress max="{}" value="{}" aria-label="{}" style="{}"></progress> {}'
        return format_html(bar, label, max(run.people, 1), run.done_lines, label, look, told)

    @admin.display(description=_("approval"))
    @once_a_page
    def approval(self, run: Run) -> SafeString | str:
        found = newest(kind=Kind.RUN, subject_id=run.pk)
        if found is None:
            return gettext("not asked for yet")
        return format_html("{} {}", link(Approval, found.pk, f"#{found.pk}"), approval_told(found))

    @admin.display(description=_("left out"))
    def left_out_shown(self, run: Run) -> SafeString | str:
        return self._lines_link(run, str(run.left_out), left_out__gt=0) if run.left_out else "0"

    @admin.display(description=_("possible duplicates"))
    def duplicates_shown(self, run: Run) -> SafeString | str:
        if not run.duplicates:
            return "0"
        shown = self._lines_link(run, str(run.duplicates), duplicate__gt=0)
        if run.duplicates_overruled_by_id is None:
            return format_html("{} {}", shown, gettext("to be left out, or overruled by name"))
        return format_html("{} {}", shown, gettext("overruled by %(who)s") % {"who": run.duplicates_overruled_by})

    @admin.display(description=pgettext_lazy("of a run", "the list"))
    @once_a_page
    def lines_shown(self, run: Run) -> SafeString | str:
        lines = list(run.lines.select_related("cardholder").order_by("pk")[:LINES_SHOWN])
        if not lines:
            return "–"
        return format_html(
            "{}{}", lines_table(lines, spent=False), self._lines_link(run, gettext("Look through all lines"))
        )

    @admin.display(description=_("spent before it was taken back"))
    @once_a_page
    def spent_shown(self, run: Run) -> SafeString | str:
        spent = list(run.lines.filter(spent_minor__gt=0).select_related("cardholder").order_by("pk")[:LINES_SHOWN])
        if not spent:
            return gettext("nothing")
        everything = self._lines_link(run, gettext("Look through all of them"), spent_minor__gt=0)
        return format_html("{}{}", lines_table(spent, spent=True), everything)

    @admin.display(description=_("reversed"))
    def reversed_text(self, run: Run) -> str:
        return gettext("%(back)s taken back, %(spent)s spent before; by %(who)s: %(why)s") % {
            "back": format_minor(run.returned_minor),
            "spent": format_minor(run.spent_minor),
            "who": run.reversed_by,
            "why": run.reverse_reason,
        }

    def _lines_link(self, run: Run, text: str, **asked: int) -> SafeString:
        query = "".join(f"&{name}={value}" for name, value in asked.items())
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}?run__id__exact={}{}">{}</a>',
            reverse("admin:benefits_runline_changelist"),
            run.pk,
            query,
            text,
        )

    @page_action(description=_("New run"), url_path="new", icon="add", permissions=("make",))
    def new(self, request: HttpRequest) -> HttpResponse:
        """Takes the terms and lists the people at once; nothing moves."""
        posted = request.method == "POST"
        form = NewRunForm(request.POST if posted else None, request.FILES if posted else None)
        if posted and form.is_valid():
            at = timezone.now()
            try:
                made = runs.new_run(**form.terms(at=at), by=signed_in(request), at=at)
                runs.dry_run(run_id=made.pk, at=at)
            except RunError as refused:
                form.add_error(None, refused.sentence)
            else:
                self.log_addition(request, made, run_summary(made))
                return HttpResponseRedirect(reverse("admin:benefits_run_change", args=[made.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("New run"),
            "form": form,
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "benefits/new_run.html", context)

    @dialog_action(
        description=_("List again"),
        explanation=_("The list is made anew from the people as they are now. Nothing moves."),
        submit=_("List again"),
        icon="refresh",
        permissions=("make",),
    )
    def list_people(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._step(request, object_id, lambda: runs.dry_run(run_id=int(object_id), at=timezone.now()))

    @dialog_action(
        description=_("Leave the duplicates out"),
        explanation=_("Nobody who may have been paid already is paid by this run."),
        submit=_("Leave out"),
        icon="person_remove",
        permissions=("make",),
    )
    def leave_out(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._step(request, object_id, lambda: runs.leave_out_duplicates(run_id=int(object_id)))

    @dialog_action(
        description=_("Overrule the duplicates"),
        explanation=_("These people are paid although they may have been paid already. Put your name to it."),
        submit=_("Overrule"),
        form=OverruleForm,
        icon="signature",
        permissions=("make",),
    )
    def overrule(self, request: HttpRequest, form: OverruleForm, object_id: str) -> HttpResponse:
        name = form.cleaned_data["typed_name"]
        by, at = signed_in(request), timezone.now()
        return self._step(
            request,
            object_id,
            lambda: runs.overrule_duplicates(run_id=int(object_id), typed_name=name, by=by, at=at),
        )

    @dialog_action(
        description=_("Ask for approval"),
        explanation=_("A second person sees this list and its total. After that it cannot be changed."),
        submit=_("Ask"),
        icon="approval",
        permissions=("make",),
    )
    def ask(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        by, at = signed_in(request), timezone.now()
        return self._step(request, object_id, lambda: runs.ask(run_id=int(object_id), by=by, at=at))

    @dialog_action(
        description=_("Back to the list"),
        explanation=_("The request for approval ends; the list can be changed and asked for again."),
        submit=_("Back to the list"),
        icon="undo",
        permissions=("make",),
    )
    def take_back(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        by, at = signed_in(request), timezone.now()
        return self._step(request, object_id, lambda: runs.take_back_request(run_id=int(object_id), by=by, at=at))

    @dialog_action(
        description=_("Cancel the run"),
        explanation=_("Nothing is paid; the run stays here to be read."),
        submit=_("Cancel the run"),
        icon="close",
        permissions=("make",),
    )
    def cancel(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._step(request, object_id, lambda: runs.cancel(run_id=int(object_id)))

    @dialog_action(
        description=_("Pay out"),
        explanation=_("What was approved is paid now, to everybody on the list, once."),
        submit=_("Pay out"),
        icon="payments",
        permissions=("pay",),
    )
    def pay_out(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._step(
            request, object_id, lambda: runs.start(run_id=int(object_id), at=timezone.now()), at_work=True
        )

    @dialog_action(
        description=_("Reverse the run"),
        explanation=_(
            "What is unspent goes back to the sponsor from everybody at once. What is spent stays spent and is listed"
            " here. Everybody concerned can read your reason."
        ),
        submit=_("Reverse the run"),
        form=ReasonForm,
        icon="undo",
        permissions=("reverse",),
    )
    def reverse(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        by, reason, at = signed_in(request), form.cleaned_data["reason"], timezone.now()
        return self._step(
            request,
            object_id,
            lambda: runs.reverse_run(run_id=int(object_id), by=by, reason=reason, at=at),
            at_work=True,
        )

    def _step(
        self, request: HttpRequest, object_id: str, step: Callable[[], object], *, at_work: bool = False
    ) -> HttpResponse:
        run = Run.objects.get(pk=object_id)
        before = run.state
        try:
            step()
        except (RunError, ApprovalError) as refused:
            messages.error(request, refused.sentence)
            return back_to(run)
        run.refresh_from_db()
        self.log_change(request, run, f"{RunState(before).label} → {RunState(run.state).label}")
        if at_work:
            nudge()
        return back_to(run)


def _name(action: Any) -> str:
    return str(action.method.original_function_name)
