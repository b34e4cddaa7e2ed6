"""What a cardholder types."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

PASSWORD_LENGTH_MAX = 128


class SignInForm(forms.Form):
    """Student or staff number, and password."""

    number = forms.CharField(
        label=_("Student or staff number"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=PASSWORD_LENGTH_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class GiveForm(forms.Form):
    """Whom a voucher is given to."""

    number = forms.CharField(
        label=_("Their student or staff number"),
        max_length=32,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


class PasswordForm(forms.Form):
    """The password again: a phone left on a table must not be able to stop its owner's codes and cards."""

    password = forms.CharField(
        label=_("Your password"),
        max_length=PASSWORD_LENGTH_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
