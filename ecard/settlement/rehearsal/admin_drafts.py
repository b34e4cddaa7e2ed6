"""Drafts of policies: read, checked, rehearsed, approved by somebody else, published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import (
    ReadOnlyAdmin,
    back_to,
    chip_column,
    dialog_action,
    once_a_page,
    page_action,
    signed_in,
)
from ecard.approvals.errors import ApprovalError
from ecard.approvals.models import Kind
from ecard.approvals.queries import newest
from ecard.benefits import drafts, operations
from ecard.benefits.boundaries import next_boundaries
from ecard.benefits.drafts import Stage
from ecard.benefits.errors import DraftError, PolicyRefused
from ecard.benefits.models import DraftState, PolicyDraft, PublishedPolicy
from ecard.benefits.sentences import problem_sentence
from ecard.codes.errors import NoActiveKey
from ecard.settlement.rehearsal import draft_telling, work
from ecard.settlement.rehearsal.errors import BadStretch
from ecard.settlement.rehearsal.forms import NewDraftForm, PublishForm, StretchForm
from ecard.settlement.tasks import nudge_rehearsal
from ecard.terminals import operations as terminals

_COLOURS = {
    "draft": "default",
    "asked": "warning",
    "approved": "info",
    "refused": "danger",
    "published": "success",
    "withdrawn": "default",
}
_BUTTONS: dict[Stage, tuple[str, ...]] = {
    Stage.DRAFT: ("rehearse", "ask", "withdraw"),
    Stage.ASKED: ("rehearse", "to_approval", "withdraw"),
    Stage.APPROVED: ("publish", "rehearse", "to_approval", "withdraw"),
    Stage.REFUSED: ("rehearse", "ask", "withdraw"),
}


@admin.register(PolicyDraft)
class PolicyDraftAdmin(ReadOnlyAdmin[PolicyDraft]):
    nothing_yet = _("Change the rules first; then make a draft of them, and have it approved.")
    list_display = ("name", "stage_chip", "made_by", "made_at", "basis", "published")
    list_select_related = ("made_by", "basis", "published")
    list_filter = ("state",)
    search_fields = ("name",)
    ordering = ("-id",)
    readonly_fields = ("way", "warnings", "changes", "checked", "rehearsed")
    actions_list = ("new",)
    actions_detail = ("publish", "ask", "to_approval", "rehearse", "withdraw")

    class Media:
        css = {"all": ("settlement/drafts.css",)}

    def get_fields(self, request: HttpRequest, obj: PolicyDraft | None = None) -> Any:
        """What there is to say."""
        warned = obj is not None and bool(draft_telling.warnings(obj))
        back = obj is not None and obj.returns_to_id is not None
        return (
            "way",
            *(("warnings",) if warned else ()),
            "changes",
            "checked",
            "rehearsed",
            ("made_by", "made_at"),
            *((("basis", "returns_to"), "reason") if back else (("basis", "wished_start"),)),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyDraft]:
        return super().get_queryset(request).defer("body")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """How far each draft of the page has come, in one statement."""
        listed = super().get_changelist_instance(request)
        stages = drafts.stages_of(listed.result_list)
        for draft in listed.result_list:
            draft.stage = stages[draft.pk]
        return listed

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The buttons that fit; one pressed on a page left open is answered in words."""
        draft = PolicyDraft.objects.filter(pk=object_id).defer("body").first()
        fit = _BUTTONS.get(drafts.stage_of(draft), ()) if draft is not None else ()
        own: Any = super()
        shown = own.get_actions_detail(request, object_id)
        return [each for each in shown if each.method.original_function_name in fit]

    def has_make_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("benefits.add_policydraft")

    def has_ask_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("benefits.change_policydraft")

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Sending rules to every terminal is a right of its own."""
        return request.user.has_perm("benefits.publish_policy")

    def has_rehearse_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("settlement.add_rehearsal")

    def has_approvals_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("approvals.view_approval")

    @chip_column(description=_("state"), colours=_COLOURS)
    def stage_chip(self, draft: Any) -> tuple[str, str]:
        return draft.stage.value, str(draft_telling.STAGES[draft.stage])

    @admin.display(description=_("progress"))
    @once_a_page
    def way(self, draft: PolicyDraft) -> SafeString:
        return render_to_string("settlement/draft_way.html", {"steps": draft_telling.steps(draft)})

    @admin.display(description=_("mind"))
    @once_a_page
    def warnings(self, draft: PolicyDraft) -> SafeString | str:
        said = draft_telling.warnings(draft)
        return render_to_string("settlement/lines.html", {"lines": said, "alert": True}) if said else "–"

    @admin.display(description=_("what it changes"))
    @once_a_page
    def changes(self, draft: PolicyDraft) -> SafeString:
        told = {"difference": draft_telling.changes(draft), "basis": draft.basis_id}
        return render_to_string("settlement/draft_changes.html", told)

    @admin.display(description=_("check"))
    @once_a_page
    def checked(self, draft: PolicyDraft) -> SafeString | str:
        if draft.state != DraftState.DRAFT:
            return gettext("It is over: nothing is checked any more.")
        return render_to_string("settlement/draft_check.html", draft_telling.check(draft))

    @admin.display(description=_("rehearsals"))
    @once_a_page
    def rehearsed(self, draft: PolicyDraft) -> SafeString:
        return render_to_string("settlement/draft_rehearsals.html", {"rehearsals": draft_telling.rehearsals(draft)})

    @dialog_action(
        description=_("New draft"),
        explanation=_("The rules as they stand now are compiled and kept. What you change afterwards is not in it."),
        submit=_("Make the draft"),
        form=NewDraftForm,
        icon="note_add",
        permissions=("make",),
    )
    def new(self, request: HttpRequest, form: NewDraftForm) -> HttpResponse:
        try:
            draft = operations.make_draft(
                name=form.cleaned_data["name"],
                by=signed_in(request),
                at=timezone.now(),
                wished_start=form.cleaned_data["wished_start"],
            )
        except PolicyRefused as refused:
            for problem in refused.problems:
                messages.error(request, problem_sentence(problem))
            return HttpResponse(headers={"HX-Redirect": reverse("admin:benefits_policydraft_changelist")})
        self.log_addition(request, draft, [{"added": {}}])
        return back_to(draft)

    @dialog_action(
        description=_("Rehearse"),
        explanation=_("The real sales of these business dates are replayed under the draft. Nothing is changed."),
        submit=_("Rehearse"),
        form=StretchForm,
        icon="theater_comedy",
        permissions=("rehearse",),
    )
    def rehearse(self, request: HttpRequest, form: StretchForm, object_id: str) -> HttpResponse:
        given = form.cleaned_data
        try:
            rehearsal = work.start(
                draft_id=int(object_id),
                from_date=given["from_date"],
                to_date=given["to_date"],
                by=signed_in(request),
                at=timezone.now(),
            )
        except BadStretch as refused:
            messages.error(request, refused.sentence)
            return back_to(PolicyDraft(pk=object_id))
        for _worker in range(min(rehearsal.parts, 2)):
            nudge_rehearsal()
        return back_to(rehearsal)

    @dialog_action(
        description=_("Ask for approval"),
        explanation=_("Somebody else reads what it changes, and approves exactly this draft or refuses it."),
        submit=_("Ask"),
        icon="how_to_reg",
        permissions=("ask",),
    )
    def ask(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        draft = PolicyDraft.objects.select_related("basis").get(pk=object_id)
        summary = draft_telling.summary(draft)
        done = self._do(
            request,
            draft,
            lambda: operations.ask_for_draft(
                draft_id=draft.pk, summary=summary, by=signed_in(request), at=timezone.now()
            ),
        )
        if done:
            messages.success(request, _("Approval is asked for: a second person has to read it now."))
        return back_to(draft)

    @page_action(description=_("To the approval"), url_path="approval", icon="approval", permissions=("approvals",))
    def to_approval(self, request: HttpRequest, object_id: str) -> HttpResponse:
        approval = newest(kind=Kind.POLICY, subject_id=int(object_id))
        if approval is None:
            return HttpResponseRedirect(reverse("admin:benefits_policydraft_change", args=[object_id]))
        return HttpResponseRedirect(reverse("admin:approvals_approval_change", args=[approval.pk]))

    @dialog_action(
        description=_("Withdraw"),
        explanation=_("The draft is given up; the rules being edited stay as they are."),
        submit=_("Withdraw"),
        icon="delete",
        permissions=("ask",),
    )
    def withdraw(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        draft = PolicyDraft.objects.get(pk=object_id)
        self._do(
            request,
            draft,
            lambda: operations.withdraw_draft(draft_id=draft.pk, by=signed_in(request), at=timezone.now()),
        )
        return back_to(draft)

    @page_action(description=_("Publish"), url_path="publish", icon="send", permissions=("publish",))
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """When it starts, and the button that sends it to every terminal."""
        draft = PolicyDraft.objects.select_related("basis").get(pk=object_id)
        now = timezone.now()
        form = PublishForm(
            request.POST if request.method == "POST" else None,
            boundaries=next_boundaries(drafts.policy_of(draft), at=now),
            wished=draft.wished_start if draft.wished_start and draft.wished_start > now else None,
        )
        if request.method == "POST" and form.is_valid():
            made: list[PublishedPolicy] = []
            done = self._do(
                request,
                draft,
                lambda: made.append(
                    terminals.publish_draft(
                        draft_id=draft.pk, starts_at=form.chosen(now), by=signed_in(request), at=now
                    )
                ),
            )
            if done:
                said = _("Policy %(number)s is published; terminals are being told.") % {"number": made[0].number}
                messages.success(request, said)
                return HttpResponseRedirect(reverse("admin:benefits_publishedpolicy_change", args=[made[0].pk]))
            return HttpResponseRedirect(reverse("admin:benefits_policydraft_change", args=[draft.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Publish “%(name)s”") % {"name": draft.name},
            "draft": draft,
            "form": form,
            "media": self.media + form.media,
            "difference": draft_telling.changes(draft),
            "basis": draft.basis_id,
            "steps": draft_telling.steps(draft),
            "warnings": draft_telling.warnings(draft),
            "ready": drafts.stage_of(draft) is Stage.APPROVED and not drafts.overtaken(draft),
        }
        return TemplateResponse(request, "settlement/publish.html", context)

    def _do(self, request: HttpRequest, draft: PolicyDraft, deed: Callable[[], object]) -> bool:
        """Do it and note it in the history, or say why not."""
        try:
            deed()
        except (ApprovalError, DraftError) as refused:
            messages.error(request, refused.sentence)
            return False
        except PolicyRefused as refused:
            for problem in refused.problems:
                messages.error(request, problem_sentence(problem))
            return False
        except NoActiveKey:
            messages.error(request, _("There is no key to sign with yet: finish the installation first."))
            return False
        self.log_change(request, draft, [{"changed": {"fields": ["state"]}}])
        return True
