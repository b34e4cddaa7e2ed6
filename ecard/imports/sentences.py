"""What is wrong with a file or a row, and what a change is, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.utils.translation import gettext as _

from ecard.imports.errors import FileRefused
from ecard.imports.kinds.base import Kind, Problem
from ecard.tables import BadTable

SHOWN_MAX = 60


def file_sentence(refused: FileRefused) -> str:
    """Why a file cannot be read."""
    kind, *about = refused.args
    sentences = {
        "beyond header": _("Row %s has a cell to the right of the last column's name."),
        "empty": _("There is nothing below the header."),
        "columns": _("The file has more than %s columns."),
        "unnamed": _("Column %s has no name in the first row."),
        "column": _("There is no column “%(first)s” here. Known are: %(second)s."),
        "column twice": _("Column “%s” comes twice."),
        "no key": _("Column “%s” is missing: it says whom or what a row is about."),
    }
    sentence = sentences.get(kind)
    if sentence is None:
        return BadTable(*refused.args).sentence
    if "%(" in sentence:
        return sentence % {"first": about[0], "second": about[1]}
    return sentence % about[0] if "%s" in sentence else sentence


def problem_sentence(problem: Problem, titles: Mapping[str, str]) -> str:
    """What is wrong with a row or a cell, or what undoing left and why. `titles` are those of `column_titles`."""
    about = {name: _shown(value) for name, value in problem.items()}
    about["column"] = _title(titles, str(problem.get("column", "")))
    if problem["kind"] == "in use":
        about["about"] = str(apps.get_model(problem["about"])._meta.verbose_name_plural)
    sentences = {
        "empty": _("%(column)s is empty."),
        "needed": _("%(column)s is needed for a new one."),
        "long": _("%(column)s is longer than %(most)s characters."),
        "characters": _("%(column)s has characters that cannot be shown."),
        "space": _("%(column)s “%(value)s” has a space inside."),
        "rounded": _(
            "%(column)s has more than 15 digits, and the spreadsheet has rounded it: format the column as text first."
        ),
        "unknown": _("%(column)s “%(value)s” does not exist."),
        "yes or no": _("%(column)s is yes or no, not “%(value)s”."),
        "amount": _("%(column)s “%(value)s” is no amount: it looks like 12 or 12.50."),
        "amount range": _("%(column)s is from %(least)s to %(most)s in steps of %(unit)s, not %(value)s."),
        "whole": _("%(column)s is a whole number from %(least)s to %(most)s, not “%(value)s”."),
        "share": _("%(column)s is from 0 to 100 with two decimals at most, not “%(value)s”."),
        "twice": _("Row %(row)s is about the same."),
        "attributes": _("The attributes are too many or too long (%(about)s)."),
        "closed": _("This account is closed."),
        "nobody": _("Nobody has this number."),
        "gone": _("It is no longer there."),
        "in use": _("It stays: it is named by %(about)s."),
        "purse": _("The account stays: there is something in the purse, or it was closed by hand."),
        "catalogue full": _("Terminals of outlet %(value)s hold no more products: take some away there first."),
        "retired": _("It is no longer sold, and stays: sales may name it."),
        "out of use": _("It is out of use, and stays: policies may name it."),
        "issued": _("“%(about)s” was issued already: its kind and its sponsor stay."),
        "several": _("Several have this name: change it on its own page."),
        "date": _("%(column)s “%(value)s” is no date: it looks like 2026-09-01."),
        "programme": _("What is left needs its days, its date or its cap; what is issued by itself needs an amount."),
        "moved on": _("%(column)s stays “%(now)s”: it was changed since."),
    }
    return sentences[problem["kind"]] % about


def change_sentence(
    name: str, before: Mapping[str, str] | None, after: Mapping[str, str], titles: Mapping[str, str]
) -> str:
    """One cell's change: "group: students → staff"."""
    about = {"column": _title(titles, name), "now": _shown(after.get(name, "")) or "–"}
    if before is None:
        return _("%(column)s: %(now)s") % about
    return _("%(column)s: %(before)s → %(now)s") % {**about, "before": _shown(before.get(name, "")) or "–"}


def column_titles(kind: Kind) -> dict[str, str]:
    """The headers of a kind's columns in the reader's language, by name; looked up once for a page."""
    return {column.name: str(column.title) for column in kind.columns()}


def _title(titles: Mapping[str, str], name: str) -> str:
    """Columns made by their header are called so."""
    return titles.get(name, name)


def _shown(value: Any) -> str:
    shown = str(value)
    return shown if len(shown) <= SHOWN_MAX else f"{shown[:SHOWN_MAX]}…"
