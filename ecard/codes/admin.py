"""Keys as an administrator sees, rotates and revokes them, and the lists the offline root signs."""

from __future__ import annotations

from typing import Any

import msgspec
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldBooleanWidget

from devices.core.keys import MAX_BYTES, KeyList, signed_body
from ecard.adminkit import (
    BaseDialogForm,
    GrowingAdmin,
    ReadOnlyAdmin,
    ReasonForm,
    back_to,
    chip_column,
    dialog_action,
    signed_in,
)
from ecard.codes import operations, queries
from ecard.codes.errors import CodesError
from ecard.codes.models import CredentialIssue, IssuerKey, KeyListVersion, KeyRole
from ecard.codes.rootfile import describe
from ecard.codes.rules import is_known_by_now

KEYS_PAGE = "admin:codes_issuerkey_changelist"
PERMISSION = "codes.rotate_keys"
_STATE_COLOURS = {
    "draft": "warning",
    "announced": "info",
    "active": "success",
    "revoking": "warning",
    "revoked": "danger",
}


class RotateForm(BaseDialogForm):
    """Which role's key is rotated."""

    role = forms.ChoiceField(label=_("Keys for"), choices=KeyRole.choices, widget=UnfoldAdminSelectWidget())
    hurried = forms.BooleanField(
        label=_("Even if terminals out of contact cannot know the new key yet"),
        required=False,
        widget=UnfoldBooleanWidget(),
    )

    def clean_role(self) -> KeyRole:
        role = KeyRole(self.cleaned_data["role"])
        state = next(each for each in queries.role_states(at=timezone.now()) if each.role == role)
        if state.successor_since is None:
            raise forms.ValidationError(
                _("Its successor is not yet in a list signed by the root. Have the waiting list signed first.")
            )
        return role

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        now, role = timezone.now(), cleaned.get("role")
        since = next((each.successor_since for each in queries.role_states(at=now) if each.role == role), None)
        if since is not None and not cleaned.get("hurried") and not is_known_by_now(announced_at=since, at=now):
            self.add_error(
                "hurried",
                _(
                    "Its successor was announced less than a day ago: a terminal that had no contact since would "
                    "refuse the new codes. Tick this to rotate all the same."
                ),
            )
        return cleaned


class SignedListForm(forms.Form):
    """The file that came back from the machine where the root lives."""

    signed = forms.FileField(label=_("Signed key list"), widget=UnfoldAdminFileFieldWidget())

    def clean_signed(self) -> bytes:
        file = self.cleaned_data["signed"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(_("This file is too long for a key list."))
        return bytes(file.read())


@admin.register(IssuerKey)
class IssuerKeyAdmin(ReadOnlyAdmin[IssuerKey]):
    list_display = ("key_id", "role", "state_chip", "fingerprint", "announced_at", "activated_at", "not_after")
    list_filter = ("role",)
    search_fields = ("public__startswith",)
    ordering = ("role", "-key_id")
    fields = (
        ("role", "key_id"),
        "state_text",
        "public",
        ("not_before", "not_after"),
        ("made_at", "announced_at"),
        ("activated_at", "retired_at"),
        ("revoke_asked_at", "revoked_at"),
        "revoke_reason",
        "changed_by",
    )
    readonly_fields = ("state_text",)
    list_before_template = "codes/key_state.html"
    actions_list = ("rotate_now",)
    actions_detail = ("revoke",)

    def has_rotate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Keys are read-only records; rotating and revoking add to their life."""
        return request.user.has_perm(PERMISSION)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IssuerKey]:
        return super().get_queryset(request).select_related("changed_by")

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("waiting/", self.admin_site.admin_view(self.download_waiting), name="codes_keylist_waiting"),
            path("bring-in/", self.admin_site.admin_view(self.bring_in), name="codes_keylist_bring_in"),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "roles": queries.role_states(at=timezone.now()),
            "waiting": queries.waiting_draft(),
            "in_force": queries.signed_key_list(),
            "may_rotate": self.has_rotate_permission(request),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @chip_column(description=_("state"), colours=_STATE_COLOURS)
    def state_chip(self, key: IssuerKey) -> tuple[str, str]:
        return key.state.value, str(key.state.label)

    @admin.display(description=_("state"))
    def state_text(self, key: IssuerKey) -> str:
        return str(key.state.label)

    @admin.display(description=_("public key"))
    def fingerprint(self, key: IssuerKey) -> SafeString:
        return format_html("<code>{}…</code>", key.public[:16])

    @dialog_action(
        description=_("Rotate now"),
        explanation=_(
            "The announced successor signs from now on. Codes already issued stay good. The next successor is made "
            "and awaits the root's signature."
        ),
        submit=_("Rotate"),
        form=RotateForm,
        icon="autorenew",
        permissions=("rotate",),
    )
    def rotate_now(self, request: HttpRequest, form: RotateForm) -> HttpResponse:
        try:
            key = operations.rotate(
                role=form.cleaned_data["role"],
                at=timezone.now(),
                by=signed_in(request),
                hurried=form.cleaned_data["hurried"],
            )
        except CodesError as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, key, "put to use by rotation")
            messages.success(request, _("Key %(key)d signs from now on.") % {"key": key.key_id})
        return HttpResponse(headers={"HX-Redirect": reverse(KEYS_PAGE)})

    @dialog_action(
        description=_("Revoke"),
        explanation=_(
            "For a key that others may hold. Everything it signed is refused once the root has signed the list "
            "that says so; people then renew their codes online."
        ),
        submit=_("Revoke the key"),
        form=ReasonForm,
        icon="block",
        permissions=("rotate",),
    )
    def revoke(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        key = get_object_or_404(IssuerKey, pk=object_id)
        draft = operations.revoke_key(
            key=key, reason=form.cleaned_data["reason"], at=timezone.now(), by=signed_in(request)
        )
        self.log_change(request, key, "revocation asked")
        messages.warning(
            request, _("Key list %(number)d revokes it and awaits the root's signature.") % {"number": draft.number}
        )
        return back_to(key)

    def download_waiting(self, request: HttpRequest) -> HttpResponse:
        """The waiting list as the file that the offline root signs."""
        self._require(request)
        waiting = queries.waiting_draft()
        if waiting is None:
            raise Http404
        name = f"key-list-{waiting.number}.json"
        return HttpResponse(
            waiting.data,
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def bring_in(self, request: HttpRequest) -> HttpResponse:
        """Take in the list that the root signed."""
        self._require(request)
        form = SignedListForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                taken = operations.publish_key_list(
                    signed=form.cleaned_data["signed"], at=timezone.now(), by=signed_in(request)
                )
            except CodesError as refusal:
                form.add_error("signed", str(refusal))
            else:
                messages.success(request, _("Key list %(number)d is in force.") % {"number": taken.number})
                return HttpResponseRedirect(reverse(KEYS_PAGE))
        context = {**self.admin_site.each_context(request), "form": form, "title": _("Bring in a signed key list")}
        return TemplateResponse(request, "codes/bring_in.html", {**context, "opts": self.opts})

    def _require(self, request: HttpRequest) -> None:
        if not self.has_rotate_permission(request):
            raise PermissionDenied


@admin.register(KeyListVersion)
class KeyListVersionAdmin(ReadOnlyAdmin[KeyListVersion]):
    list_display = ("number", "state_chip", "keys", "drafted_at", "signed_at")
    ordering = ("-number",)
    fields = ("number", ("drafted_at", "signed_at"), "content")
    readonly_fields = ("content",)

    @chip_column(description=_("state"), colours={"signed": "success", "waiting": "warning"})
    def state_chip(self, version: KeyListVersion) -> tuple[str, str]:
        return ("waiting", str(_("awaits the root"))) if version.signed is None else ("signed", str(_("signed")))

    @admin.display(description=_("keys"))
    def keys(self, version: KeyListVersion) -> int:
        return len(_list_of(version).keys)

    @admin.display(description=_("content"))
    def content(self, version: KeyListVersion) -> SafeString:
        return format_html('<pre class="overflow-x-auto text-xs leading-relaxed">{}</pre>', describe(_list_of(version)))


@admin.register(CredentialIssue)
class CredentialIssueAdmin(GrowingAdmin[CredentialIssue]):
    list_display = ("at", "cardholder", "profile", "count")
    list_select_related = ("cardholder",)
    list_filter = ("profile",)
    search_fields = ("cardholder__number__startswith",)
    search_help_text = _("How a number begins")
    ordering = ("-at",)


def _list_of(version: KeyListVersion) -> KeyList:
    body = bytes(version.body) if version.signed is None else signed_body(bytes(version.signed))
    return msgspec.json.decode(body, type=KeyList)
