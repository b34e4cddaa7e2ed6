"""Columns and values of any tracked model in the reader's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Field, ForeignKey, Model
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from devices.core.money import format_minor
from ecard.benefits.models import Weekday
from ecard.benefits.sentences.steps import age_text
from ecard.merchants.rules import clock_text

NOTHING = "–"
SHOWN_MAX = 120
NAMED_MAX = 12

Names = Mapping[tuple[type[Model], Any], str]
"""What related records are called, by model and key."""


def fields_by_column(model: type[Model]) -> dict[str, Field[Any, Any]]:
    """Concrete fields by their column."""
    return {str(field.column): field for field in model._meta.concrete_fields}


def title_of(field: Field[Any, Any]) -> str:
    """A field's name, in the unit it is shown in."""
    return str(capfirst(str(_TITLES.get(str(field), field.verbose_name))))


def value_words(field: Field[Any, Any], value: Any, names: Names) -> str:
    """A value as JSON has it, as a person says it."""
    if isinstance(field, ForeignKey):
        target: Any = field.remote_field.model
        return NOTHING if value is None else names.get((target, value), f"#{value}")
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(field, ArrayField):
        return listed(_one(field.base_field, each, name=field.name) for each in value)
    return _one(field, value, name=field.name)


def members_words(model: type[Model], ids: Iterable[Any], names: Names) -> str:
    """The records of a relation."""
    return listed(sorted(names.get((model, each), f"#{each}") for each in ids))


def listed(words: Iterable[str]) -> str:
    """Words with commas between; of many, the first and how many more."""
    found = list(words)
    if not found:
        return NOTHING
    more = len(found) - NAMED_MAX
    shown = _(", ").join(found[:NAMED_MAX])
    return shown if more <= 0 else shown + ngettext(" and %(n)s more", " and %(n)s more", more) % {"n": more}


def _one(field: Field[Any, Any], value: Any, *, name: str) -> str:
    if isinstance(value, (dict, list)):
        return _asked(value)
    choices = dict(field.flatchoices or ())
    if value in choices:
        return str(choices[value])
    for ending, said in _BY_ENDING.items():
        if name.endswith(ending) and isinstance(value, int):
            return said(value)
    if field.get_internal_type() == "DateTimeField":
        return date_format(localtime(datetime.fromisoformat(str(value))), "SHORT_DATETIME_FORMAT")
    if field.get_internal_type() == "DateField":
        return date_format(date.fromisoformat(str(value)))
    shown = str(value)
    return shown if len(shown) <= SHOWN_MAX else f"{shown[:SHOWN_MAX]}…"


def _asked(value: dict[str, Any] | list[Any]) -> str:
    """What a list or a programme asks of people: "grade = 3 / 4 · hall = 7"."""
    asked = value if isinstance(value, dict) else {each.get("attribute"): each.get("values") for each in value}
    return " · ".join(f"{name} = {' / '.join(map(str, values or ()))}" for name, values in asked.items())


def _weekday(number: int) -> str:
    known = {each.value: str(each.label) for each in Weekday}
    return known.get(number, _("holiday"))


_TITLES = {
    "benefits.PriceRule.percent_bp": gettext_lazy("Share of the list price, %"),
    "benefits.Programme.percent_bp": gettext_lazy("Share of the price, %"),
    "benefits.SpendLimit.min_gap_s": gettext_lazy("Time since the last sale"),
    "benefits.AgeStep.up_to_s": gettext_lazy("Data no older than"),
    "merchants.MealPeriod.start_minute": gettext_lazy("From"),
    "merchants.MealPeriod.end_minute": gettext_lazy("To"),
    "merchants.Site.day_starts_minute": gettext_lazy("Day starts at"),
}
_BY_ENDING: dict[str, Callable[[int], str]] = {
    "_minor": format_minor,
    "_bp": lambda value: f"{value / 100:g} %",
    "_minute": clock_text,
    "_s": lambda value: age_text(value).strip(),  # in Chinese it begins with a space, for the middle of a sentence
    "weekdays": _weekday,
}
