"""Dialogs that ask for the password again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from ecard.adminkit import BaseDialogForm, ReasonForm, signed_in
from ecard.approvals import queries
from ecard.approvals.models import DELAY_DEFAULT_MINUTES, DELAY_MAX_MINUTES, DELAY_MIN_MINUTES, Approval, Mode


def is_own_password(request: HttpRequest, password: str) -> bool:
    """Whether whoever is signed in gave their password; wrong guesses count as failed sign-ins do."""
    user = signed_in(request)
    return authenticate(request, username=user.get_username(), password=password) == user


class PasswordForm(BaseDialogForm):
    """A dialog that asks for one's own password."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not is_own_password(self.request, password):
            raise forms.ValidationError(_("This is not your password."))
        return password


class ApproveForm(PasswordForm):
    """Asks for the password only of a single administrator who approves their own request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_password(self.request, self.object_id):
            del self.fields["password"]


class RefuseForm(ReasonForm):
    """Asks why."""


class SingleAdministratorForm(PasswordForm):
    """Who is told, and how long they have to step in."""

    owner_email = forms.EmailField(
        label=_("Owner's e-mail"),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "email"}),
        help_text=_("Whoever answers for the institution. A notice goes there now, and for each approval."),
    )
    delay_minutes = forms.IntegerField(
        label=_("Delay in minutes"),
        min_value=DELAY_MIN_MINUTES,
        max_value=DELAY_MAX_MINUTES,
        initial=DELAY_DEFAULT_MINUTES,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
    )
    field_order = ("owner_email", "delay_minutes", "password")


def needs_password(request: HttpRequest, object_id: Any) -> bool:
    """Whether this approval would be one's own, under the rule of the single administrator."""
    if queries.rule().mode != Mode.SINGLE_ADMINISTRATOR:
        return False
    approval = Approval.objects.filter(pk=object_id).first()
    by = signed_in(request).pk
    return approval is not None and queries.in_one_hand(approval.asked_by_id, by, at=timezone.now())
