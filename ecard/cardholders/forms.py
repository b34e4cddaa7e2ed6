"""Attributes, conditions and numbers as an administrator types them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from ecard.adminkit import BaseDialogForm
from ecard.cardholders.rules import (
    BadAttribute,
    attributes_from_text,
    conditions_from_text,
    conditions_of,
    text_from_attributes,
    text_from_conditions,
)

TYPED_LENGTH_MAX = 4_000
NUMBERS_LENGTH_MAX = 40_000
NUMBERS_MAX = 1_000


def attribute_sentence(wrong: BadAttribute) -> str:
    """Why an attribute or a condition is refused."""
    kind, about = wrong.args
    sentences = {
        "many": gettext("There are more than %(about)s."),
        "name": gettext("“%(about)s” is no name for an attribute: it has up to 32 small letters, digits, - and _."),
        "value": gettext("The value of “%(about)s” is at most 64 characters in one line."),
        "twice": gettext("“%(about)s” comes twice: write its values in one line, with commas between."),
        "shape": gettext("“%(about)s” does not look like name=value."),
    }
    return sentences[kind] % {"about": about}


class _LinesField(forms.CharField):
    """Lines of text that stand for JSON; what was typed is shown again where it is wrong."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"})
        super().__init__(**{"required": False, "max_length": TYPED_LENGTH_MAX, "widget": widget, **kwargs})

    def read(self, text: str) -> Any:
        """What the lines say. Raises BadAttribute."""
        return text

    def write(self, kept: Any) -> str:
        """The lines for what is kept."""
        return str(kept)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else self.write(value or {})

    def clean(self, value: Any) -> Any:
        typed = str(super().clean(value))
        try:
            return self.read(typed)
        except BadAttribute as wrong:
            raise ValidationError(attribute_sentence(wrong)) from wrong

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(data or "").split() != self.prepare_value(initial).split())


class AttributesField(_LinesField):
    """A dict of attributes, typed as name=value lines."""

    def read(self, text: str) -> dict[str, str]:
        return attributes_from_text(text)

    def write(self, kept: Any) -> str:
        return text_from_attributes(kept)


class ConditionsField(_LinesField):
    """Conditions as they are kept (JSON), typed as name=value,value lines."""

    def read(self, text: str) -> list[dict[str, Any]]:
        return [{"attribute": each.attribute, "values": list(each.values)} for each in conditions_from_text(text)]

    def write(self, kept: Any) -> str:
        return text_from_conditions(conditions_of(kept))


class NumbersForm(BaseDialogForm):
    """A dialog that takes people's numbers, in any of the ways they are copied from elsewhere."""

    numbers = forms.CharField(
        label=_("Numbers"),
        max_length=NUMBERS_LENGTH_MAX,
        help_text=_("One a line, or with commas or spaces between; at most 1,000 at a time."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "spellcheck": "false"}),
    )

    def clean_numbers(self) -> list[str]:
        typed = self.cleaned_data["numbers"].replace(",", " ").replace("，", " ").replace("、", " ").split()
        numbers = list(dict.fromkeys(typed))
        if len(numbers) > NUMBERS_MAX:
            raise ValidationError(_("More than 1,000 at a time come from a file: see imports."))
        return numbers
