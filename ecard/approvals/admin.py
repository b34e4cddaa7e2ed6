"""What waits for approval, with its buttons; and the rule by which this institution approves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import GrowingAdmin, ReadOnlyAdmin, back_to, chip_column, dialog_action, signed_in
from ecard.approvals import operations
from ecard.approvals.errors import ApprovalError
from ecard.approvals.forms import ApproveForm, PasswordForm, RefuseForm, SingleAdministratorForm
from ecard.approvals.models import PERMISSIONS, STANDING, Approval, ApprovalRule, Kind, State

PAGES = {Kind.RUN: "benefits_run", Kind.POLICY: "benefits_policydraft"}
_COLOURS = {"open": "warning", "approved": "info", "refused": "danger", "withdrawn": "default", "used": "success"}


@admin.register(Approval)
class ApprovalAdmin(GrowingAdmin[Approval]):
    nothing_yet = _("Nobody has asked for an approval.")
    list_display = ("id", "state_chip", "kind", "short_summary", "asked_by", "asked_at", "decided_by", "effective_at")
    list_select_related = ("asked_by", "decided_by")
    list_filter = ("state", "kind")
    ordering = ("-id",)
    fields = (
        "said",
        "page",
        "state_text",
        ("asked_by", "asked_at"),
        ("decided_by", "decided_at"),
        "reason",
        ("mode", "effective_at"),
        "used_at",
    )
    readonly_fields = ("said", "page", "state_text")
    actions_detail = ("approve", "refuse", "withdraw")

    @chip_column(description=_("state"), colours=_COLOURS)
    def state_chip(self, approval: Approval) -> tuple[str, str]:
        return approval.state, str(State(approval.state).label)

    @admin.display(description=_("state"))
    def state_text(self, approval: Approval) -> str:
        return str(State(approval.state).label)

    @admin.display(description=_("what is asked"))
    def short_summary(self, approval: Approval) -> str:
        return approval.summary.split("\n", 1)[0]

    @admin.display(description=_("what is asked"))
    def said(self, approval: Approval) -> SafeString:
        return format_html('<div style="white-space: pre-line">{}</div>', approval.summary)

    @admin.display(description=_("its page"))
    def page(self, approval: Approval) -> SafeString | str:
        """Whose apps stand above this one and are not imported; a schedule's number is its programme's, below zero."""
        name, number = PAGES[Kind(approval.kind)], approval.subject_id
        if approval.kind == Kind.RUN and number < 0:
            name, number = "benefits_programme", -number
        try:
            address = reverse(f"admin:{name}_change", args=[number])
        except NoReverseMatch:
            return "–"
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', address, _("Look at it whole")
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What is over has no buttons; one pressed on a page left open is answered in words."""
        state = Approval.objects.filter(pk=object_id, state__in=STANDING).values_list("state", flat=True).first()
        own: Any = super()
        shown = list(own.get_actions_detail(request, object_id)) if state is not None else []
        return [each for each in shown if state == State.OPEN or each.method.original_function_name != "approve"]

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Deciding is a right of its own for policies and for runs."""
        kind = Approval.objects.filter(pk=object_id).values_list("kind", flat=True).first()
        return kind is not None and request.user.has_perm(PERMISSIONS[Kind(kind)])

    def has_take_back_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever asked may take it back."""
        return Approval.objects.filter(pk=object_id, asked_by_id=request.user.pk).exists()

    @dialog_action(
        description=_("Approve"),
        explanation=_("Exactly what is written here may go ahead. Read it, and the page it is about, first."),
        submit=_("Approve"),
        form=ApproveForm,
        icon="task_alt",
        permissions=("decide",),
    )
    def approve(self, request: HttpRequest, form: ApproveForm, object_id: str) -> HttpResponse:
        approval = self._decided(
            request,
            object_id,
            lambda: operations.approve(
                approval_id=int(object_id),
                by=signed_in(request),
                at=timezone.now(),
                reauthenticated=bool(form.cleaned_data.get("password")),
            ),
        )
        if approval.state == State.APPROVED and approval.effective_at and approval.effective_at > timezone.now():
            moment = date_format(timezone.localtime(approval.effective_at), "SHORT_DATETIME_FORMAT")
            messages.info(
                request, _("The owner was told. The approval takes effect at %(moment)s.") % {"moment": moment}
            )
        elif approval.state == State.APPROVED:
            messages.success(request, _("Approved. It goes ahead from its own page: look at it whole."))
        return back_to(approval)

    @dialog_action(
        description=_("Refuse"),
        explanation=_("Nothing goes ahead. Whoever asked reads your reason."),
        submit=_("Refuse"),
        form=RefuseForm,
        icon="block",
        permissions=("decide",),
    )
    def refuse(self, request: HttpRequest, form: RefuseForm, object_id: str) -> HttpResponse:
        return back_to(
            self._decided(
                request,
                object_id,
                lambda: operations.refuse(
                    approval_id=int(object_id),
                    by=signed_in(request),
                    at=timezone.now(),
                    reason=form.cleaned_data["reason"],
                ),
            )
        )

    @dialog_action(
        description=_("Take back"),
        explanation=_("The request ends here; you can ask again."),
        submit=_("Take back"),
        icon="undo",
        permissions=("take_back",),
    )
    def withdraw(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return back_to(
            self._decided(
                request,
                object_id,
                lambda: operations.withdraw(approval_id=int(object_id), by=signed_in(request), at=timezone.now()),
            )
        )

    def _decided(self, request: HttpRequest, object_id: str, decide: Callable[[], Approval]) -> Approval:
        try:
            approval = decide()
        except ApprovalError as refused:
            messages.error(request, refused.sentence)
            return Approval.objects.get(pk=object_id)
        self.log_change(request, approval, [{"changed": {"fields": ["state"]}}])
        return approval


@admin.register(ApprovalRule)
class ApprovalRuleAdmin(ReadOnlyAdmin[ApprovalRule]):
    list_display = ("mode", "owner_email", "delay_minutes", "declared_by", "declared_at")
    list_select_related = ("declared_by",)
    fields = ("mode", ("owner_email", "delay_minutes"), ("declared_by", "declared_at"))
    actions_detail = ("single_administrator", "second_person")

    def has_declare_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Who approves is decided by superusers alone, whatever rights others are given."""
        return bool(getattr(request.user, "is_superuser", False))

    @dialog_action(
        description=_("Declare a single administrator"),
        explanation=_(
            "For an institution where there is nobody else: an approval of one's own then needs the password, takes"
            " effect after a delay, and is told to the owner, who can refuse it until then. The history says so."
        ),
        submit=_("Declare"),
        form=SingleAdministratorForm,
        icon="person",
        permissions=("declare",),
    )
    def single_administrator(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        given = form.cleaned_data
        return self._declared(
            request,
            lambda: operations.declare_single_administrator(
                owner_email=given["owner_email"],
                delay_minutes=given["delay_minutes"],
                by=signed_in(request),
                at=timezone.now(),
                reauthenticated=True,
            ),
        )

    @dialog_action(
        description=_("Require a second person"),
        explanation=_("Nobody approves what they asked for themselves; this holds for what is waiting, too."),
        submit=_("Require"),
        form=PasswordForm,
        icon="group",
        permissions=("declare",),
    )
    def second_person(self, request: HttpRequest, form: PasswordForm, object_id: str) -> HttpResponse:
        return self._declared(
            request,
            lambda: operations.require_second_person(by=signed_in(request), at=timezone.now(), reauthenticated=True),
        )

    def _declared(self, request: HttpRequest, declare: Callable[[], ApprovalRule]) -> HttpResponse:
        try:
            rule = declare()
        except ApprovalError as refused:
            messages.error(request, refused.sentence)
            return back_to(ApprovalRule(pk=1))
        said = gettext("%(rule)s; owner %(owner)s, %(minutes)d minutes") % {
            "rule": str(rule),
            "owner": rule.owner_email or "–",
            "minutes": rule.delay_minutes,
        }
        self.log_change(request, rule, said)
        return back_to(rule)
