"""What an administrator types, and what is kept of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, DecimalException
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from ecard.benefits.models import PERCENT_BP_MAX, FundingSource, Weekday
from ecard.cardholders.rules import BadAttribute, Condition, conditions_from_text, text_from_conditions

SECONDS_PER_MINUTE = 60
GAP_MINUTES_MAX = 7 * 24 * 60
DATES_MAX = 60


class TypedField(forms.CharField):
    """Text in the page, a value in the record: `read` and `write` turn one into the other."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}), **kwargs})

    def read(self, text: str) -> Any:
        raise TypeError("each field reads its own")

    def write(self, kept: Any) -> str:
        return str(kept)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else self.write(value)

    def to_python(self, value: Any) -> Any:
        return value if value is not None and not isinstance(value, str) else self.read(str(value or "").strip())

    def validate(self, value: Any) -> None:
        """Reading it was the check."""

    def run_validators(self, value: Any) -> None:
        """Those of a text field are not for what was read."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class PercentField(TypedField):
    """A share typed as 80 or 87.5, kept in 1/100 %."""

    def __init__(self, *, most_bp: int = PERCENT_BP_MAX, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most_bp = most_bp

    def write(self, kept: Any) -> str:
        return f"{kept / 100:g}"

    def read(self, text: str) -> int:
        if not text and not self.required:
            return 0
        try:
            percent_bp = Decimal(text.removesuffix("%").strip()) * 100
        except DecimalException as wrong:
            raise ValidationError(_("A share looks like 80 or 87.5.")) from wrong
        if not percent_bp.is_finite() or not 0 <= percent_bp <= self.most_bp or percent_bp % 1:
            raise ValidationError(
                _("A share is from 0 to %(most)s %%, with two decimals at most."),
                params={"most": self.most_bp // 100},
            )
        return int(percent_bp)


class MinutesField(TypedField):
    """A time typed in minutes, kept in seconds; nothing typed is none."""

    def write(self, kept: Any) -> str:
        return f"{kept / SECONDS_PER_MINUTE:g}" if kept else ""

    def read(self, text: str) -> int:
        try:
            seconds = Decimal(text or "0") * SECONDS_PER_MINUTE
        except DecimalException as wrong:
            raise ValidationError(_("Minutes look like 10.")) from wrong
        if not seconds.is_finite() or not 0 <= seconds <= GAP_MINUTES_MAX * SECONDS_PER_MINUTE or seconds % 1:
            raise ValidationError(_("At most a week, in minutes."))
        return int(seconds)


class DatesField(TypedField):
    """Dates typed one after the other, as 2026-09-01."""

    def write(self, kept: Any) -> str:
        return ", ".join(day.isoformat() if isinstance(day, date) else str(day) for day in kept)

    def read(self, text: str) -> list[date]:
        try:
            days = sorted({date.fromisoformat(each) for each in re.split(r"[\s,，、;]+", text) if each})
        except ValueError as wrong:
            raise ValidationError(_("Dates look like 2026-09-01, with commas between.")) from wrong
        if len(days) > DATES_MAX:
            raise ValidationError(_("At most %(count)s dates."), params={"count": DATES_MAX})
        return days


class AttributesField(TypedField):
    """Attributes asked for, one a line as grade=1,2, kept as {"grade": ["1", "2"]}."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"}), **kwargs})

    def write(self, kept: Any) -> str:
        if not isinstance(kept, Mapping):
            return ""
        asked = [
            Condition(str(name), tuple(map(str, values)) if isinstance(values, list) else (str(values),))
            for name, values in kept.items()
        ]
        return text_from_conditions(asked)

    def read(self, text: str) -> dict[str, list[str]]:
        try:
            return {each.attribute: list(each.values) for each in conditions_from_text(text)}
        except BadAttribute as wrong:
            raise ValidationError(_("One attribute a line, such as grade=1,2.")) from wrong


def weekdays_field() -> forms.Field:
    """A box for each weekday and one for holidays."""
    return forms.TypedMultipleChoiceField(
        label=_("Weekdays"),
        choices=Weekday.choices,
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("None ticked: every day."),
    )


class OrderWidget(forms.MultiWidget):
    """One list to choose from for each place in the order."""

    def __init__(self) -> None:
        choices = [("", "–"), *FundingSource.choices]
        super().__init__([UnfoldAdminSelectWidget(choices=choices) for _place in FundingSource.values])

    def decompress(self, value: Any) -> list[str]:
        kept = list(value or ())
        return [*kept, *[""] * (len(FundingSource.values) - len(kept))]


class OrderField(forms.MultiValueField):
    """The order of sources, kept as a list; an empty place leaves one out."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [("", "–"), *FundingSource.choices]
        places = [forms.ChoiceField(choices=choices, required=False) for _place in FundingSource.values]
        super().__init__(fields=places, require_all_fields=False, required=False, widget=OrderWidget(), **kwargs)

    def compress(self, data_list: list[str]) -> list[str]:
        order = [each for each in data_list or () if each]
        if not order:
            raise ValidationError(_("A sale has to be paid from something: choose at least one source."))
        if len(set(order)) != len(order):
            raise ValidationError(_("Each source comes once."))
        if FundingSource.ENTITLEMENT in order[1:]:
            raise ValidationError(_("Free meals come first: they set what is left to pay."))
        return order

    def has_changed(self, initial: Any, data: Any) -> bool:
        return [each for each in data or () if each] != list(initial or ())
