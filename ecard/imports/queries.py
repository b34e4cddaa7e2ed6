"""What pages show of an import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.core.paginator import Page, Paginator

from ecard.imports.kinds import KINDS
from ecard.imports.kinds.base import Kind
from ecard.imports.models import ImportBatch, ImportRow, Outcome
from ecard.imports.planning import changed_cells
from ecard.imports.sentences import change_sentence, column_titles, problem_sentence

ROWS_PER_PAGE = 50
LEFT = "left"


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row in words; `tone` is good, info, bad or plain."""

    number: int
    key: str
    outcome: str
    tone: str
    sentences: tuple[str, ...]


def shown_rows(batch: ImportBatch, *, only: str, page: str) -> Page[ImportRow]:
    """A page of the rows of one outcome ("1" to "3"), of those not undone ("left"), or of all: the wrong ones first."""
    rows = batch.rows.order_by("outcome", "number")
    if only == LEFT:
        rows = batch.rows.exclude(left=[]).order_by("number")
    elif only in {str(each.value) for each in Outcome}:
        rows = batch.rows.filter(outcome=int(only)).order_by("number")
    return Paginator(rows, ROWS_PER_PAGE).get_page(page)


def in_words(batch: ImportBatch, rows: Iterator[ImportRow] | Page[ImportRow]) -> list[ShownRow]:
    """Rows in the reader's language."""
    kind = KINDS[batch.kind]
    titles = column_titles(kind)
    tones = {Outcome.WRONG: "bad", Outcome.NEW: "good", Outcome.CHANGED: "info"}
    return [
        ShownRow(
            row.number,
            row.key,
            str(Outcome(row.outcome).label),
            tones[Outcome(row.outcome)],
            tuple(_sentences(row, titles, kind)),
        )
        for row in rows
    ]


def _sentences(row: ImportRow, titles: Mapping[str, str], kind: Kind) -> Iterator[str]:
    if row.outcome == Outcome.WRONG:
        yield from (problem_sentence(each, titles) for each in row.problems)
        return
    changed = [
        change_sentence(name, row.before, row.after, titles)
        for name in changed_cells(row.before or {}, row.after)
        if name not in kind.key
    ]
    # A new record in one line, a change in a line for each cell.
    yield from [" · ".join(changed)] if row.before is None and changed else changed
    yield from (problem_sentence(each, titles) for each in row.left)


def may_import(user: User | AbstractBaseUser | AnonymousUser, kind: Kind) -> bool:
    """Importing adds and changes: it takes the rights for both, and the one to import."""
    return _has(user, "imports.import_records") and all(_has(user, _right(kind, verb)) for verb in ("add", "change"))


def may_export(user: User | AbstractBaseUser | AnonymousUser, kind: Kind) -> bool:
    """Exporting shows everything of a kind."""
    return _has(user, "imports.export_records") and _has(user, _right(kind, "view"))


def _has(user: User | AbstractBaseUser | AnonymousUser, right: str) -> bool:
    return bool(getattr(user, "has_perm", lambda _right: False)(right))


def _right(kind: Kind, verb: str) -> str:
    meta = kind.model._meta
    return f"{meta.app_label}.{verb}_{meta.model_name}"
