"""What an administrator types to make a run, and in its dialogs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from ecard.adminkit import REASON_LENGTH_MAX, BaseDialogForm, MoneyField
from ecard.benefits.models import RUN_PERIOD_KEY_LENGTH_MAX, Programme, RunKind, Sponsor
from ecard.benefits.models.programmes import ProgrammeKind, Schedule
from ecard.benefits.runs.errors import BadUpload
from ecard.benefits.runs.people import UPLOAD_LIMITS, Selection, upload_from_rows
from ecard.benefits.runs.scheduled import calendar_of, institution_zone, selection_of
from ecard.benefits.schedules import day_after, issue_on, midnight
from ecard.cardholders.models import Group, PersonList
from ecard.tables import BadTable, rows_of_file

_CHOICES: dict[str, Any] = {"widget": UnfoldAdminSelectWidget}


class NewRunForm(forms.Form):
    """A run in nine inputs at most; what a programme says already may be left open."""

    programme = forms.ModelChoiceField(
        Programme.objects.filter(active=True),
        label=_("Programme"),
        required=False,
        empty_label=_("None: a credit to purses"),
        **_CHOICES,
    )
    sponsor = forms.ModelChoiceField(
        Sponsor.objects.all(),
        label=pgettext_lazy("who bears the cost", "Paid by"),
        required=False,
        empty_label=_("The programme's own sponsor"),
        help_text=_("For a credit: whose account it comes out of."),
        **_CHOICES,
    )
    period_key = forms.CharField(
        label=_("For the period"),
        required=False,
        max_length=RUN_PERIOD_KEY_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("As 2026-11. Nobody gets a programme twice for one period. Left open: this month."),
    )
    amount_minor = MoneyField(
        label=_("Amount each, ¥"),
        required=False,
        help_text=_("Left open: what the programme says. A file may give each person their own."),
    )
    last_day = forms.DateField(
        label=_("Can be spent until"),
        required=False,
        widget=UnfoldAdminDateWidget,
        help_text=_("That day included. Left open: what the programme says, else the end of the month."),
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.all(),
        label=pgettext_lazy("of people", "Groups"),
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text=_("None chosen, and no list: whomever the programme is for, else everybody."),
    )
    person_list = forms.ModelChoiceField(
        PersonList.objects.all(), label=_("List of people"), required=False, empty_label=_("None"), **_CHOICES
    )
    file = forms.FileField(
        label=_("Or a file"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,.xlsx"}),
        help_text=_("CSV or Excel: a number in each row and, in the next column, an amount if it differs."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Whoever receives a credit reads it as its name."),
    )

    def clean_file(self) -> str:
        """The list as a run keeps it."""
        given = self.cleaned_data.get("file")
        if given is None:
            return ""
        content = given.read(UPLOAD_LIMITS.file_bytes + 1)
        try:
            return upload_from_rows(rows_of_file(content, name=str(given.name), limits=UPLOAD_LIMITS))
        except (BadUpload, BadTable) as wrong:
            raise ValidationError(wrong.sentence) from wrong

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        programme = cleaned.get("programme")
        if programme is None and cleaned.get("sponsor") is None:
            self.add_error("sponsor", _("Choose a programme, or who pays for the credit."))
        if cleaned.get("amount_minor") is None:
            cleaned["amount_minor"] = programme.amount_minor if programme is not None else None
            if cleaned["amount_minor"] is None and "amount_minor" not in self.errors:
                self.add_error("amount_minor", _("Say how much each person gets."))
        return cleaned

    def terms(self, *, at: datetime) -> dict[str, Any]:
        """What `runs.new_run` takes, after the form was found valid."""
        given, programme = self.cleaned_data, self.cleaned_data["programme"]
        today = at.astimezone(institution_zone()).date()
        return {
            "kind": _kind(programme),
            "programme": programme,
            "sponsor_id": given["sponsor"].pk if given["sponsor"] else None,
            "period_key": given["period_key"] or (f"{today:%Y-%m}" if programme else ""),
            "amount_minor": given["amount_minor"],
            "pieces": programme.pieces if programme and programme.kind == ProgrammeKind.VOUCHER else 1,
            "expires_at": _expiry(programme, given["last_day"], today) if programme else None,
            "reason": given["reason"],
            "selection": self._selection(programme),
            "uploaded": given["file"],
        }

    def _selection(self, programme: Programme | None) -> Selection:
        groups, person_list = self.cleaned_data["groups"], self.cleaned_data["person_list"]
        if not groups and person_list is None and programme is not None:
            return selection_of(programme)
        return Selection(groups=tuple(each.pk for each in groups), list_id=person_list.pk if person_list else None)


def _kind(programme: Programme | None) -> RunKind:
    if programme is None:
        return RunKind.CREDIT
    return RunKind.VOUCHER if programme.kind == ProgrammeKind.VOUCHER else RunKind.SUBSIDY


def _expiry(programme: Programme, last_day: date | None, today: date) -> datetime:
    zone = institution_zone()
    if last_day is not None:
        return midnight(day_after(last_day), zone)
    calendar = calendar_of(programme)
    by_hand = calendar.schedule in (Schedule.BY_HAND, Schedule.ONCE, Schedule.DATES)
    ends = issue_on(calendar, today).ends
    month_end = (today.replace(day=1) + timedelta(days=31)).replace(day=1)
    fixed = calendar.ends_days is not None or calendar.ends_on is not None
    return midnight(month_end if by_hand and not fixed else ends, zone)


class OverruleForm(BaseDialogForm):
    """A dialog in which somebody puts their name to possible duplicates."""

    typed_name = forms.CharField(
        label=_("Your login name"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("It stands on the run, and whoever approves reads it."),
    )
