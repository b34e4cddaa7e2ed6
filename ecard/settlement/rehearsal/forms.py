"""What the pages of drafts and rehearsals ask for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextInputWidget

from ecard.adminkit import BaseDialogForm
from ecard.benefits.boundaries import Boundary
from ecard.benefits.models.drafts import DRAFT_NAME_LENGTH_MAX

USUAL_STRETCH = timedelta(days=30)
NOW, OTHER = "now", "other"


class DayInput(forms.DateInput):
    """The browser's own calendar."""

    input_type = "date"

    def __init__(self) -> None:
        looks = UnfoldAdminTextInputWidget().attrs["class"]
        super().__init__(format="%Y-%m-%d", attrs={"class": looks})


def _today() -> date:
    return timezone.localdate()


def _a_month_ago() -> date:
    return timezone.localdate() - USUAL_STRETCH


class MomentInput(forms.DateTimeInput):
    """The browser's own calendar and clock."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        looks = UnfoldAdminTextInputWidget().attrs["class"]
        super().__init__(format="%Y-%m-%dT%H:%M", attrs={"class": looks})


class NewDraftForm(BaseDialogForm):
    """What the draft is about, and when it shall start."""

    name = forms.CharField(
        label=_("Name"),
        max_length=DRAFT_NAME_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Such as: prices of the spring term."),
    )
    wished_start = forms.DateTimeField(
        label=_("Shall start at"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M"],
        widget=MomentInput,
        help_text=_("Whoever publishes it decides. Empty: when the next meal begins."),
    )


class StretchForm(BaseDialogForm):
    """The business dates whose sales are replayed."""

    from_date = forms.DateField(label=_("From"), initial=_a_month_ago, widget=DayInput)
    to_date = forms.DateField(label=_("Until"), initial=_today, widget=DayInput)


class PublishForm(forms.Form):
    """When the policy starts: at once, when a meal begins, or at another time."""

    start = forms.ChoiceField(label=_("It starts"), widget=UnfoldAdminRadioSelectWidget)
    starts_at = forms.SplitDateTimeField(
        label=_("At another time"), required=False, widget=UnfoldAdminSplitDateTimeWidget
    )

    def __init__(self, data: Any, *, boundaries: list[Boundary], wished: datetime | None) -> None:
        choices = [(each.at.isoformat(), _said(each)) for each in boundaries]
        first = choices[0][0] if choices else NOW
        super().__init__(data, initial={"start": OTHER if wished else first, "starts_at": wished})
        field: Any = self.fields["start"]
        field.choices = [*choices, (NOW, _("at once")), (OTHER, _("at another time"))]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("start") == OTHER:
            given = cleaned.get("starts_at")
            if given is None:
                self.add_error("starts_at", _("Say when."))
            elif given < timezone.now():
                self.add_error("starts_at", _("A policy starts now or later, never in the past."))
        return cleaned

    def chosen(self, now: datetime) -> datetime:
        """The start; a meal that began while the page was read is now."""
        start = self.cleaned_data["start"]
        if start == OTHER:
            given: datetime = self.cleaned_data["starts_at"]
            return given
        return now if start == NOW else max(now, datetime.fromisoformat(start))


def _said(boundary: Boundary) -> str:
    local = timezone.localtime(boundary.at)
    moment = f"{date_format(local, 'D')} {date_format(local, 'SHORT_DATETIME_FORMAT')}"
    language = get_language() or "en"
    meals = [f"{meal.in_language(language)} ({site.in_language(language)})" for meal, site in boundary.meals]
    return f"{moment} · {pgettext('between clauses', ', ').join(meals)}"
