"""Changes of rules as a person reads them: one entry for everything that one press of a button did to one rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.utils.text import capfirst

from ecard.history.models import TRACKED, RuleChange, Verb
from ecard.history.words import NOTHING, Names, fields_by_column, members_words, title_of, value_words

ENTRIES_PER_PAGE = 40
ROWS_READ_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One field, before and after."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one rule. `by` is "" for the system; `cursor` continues a list after this entry."""

    at: datetime
    by: str
    kind: str
    name: str
    label: str
    key: int
    verb: Verb
    cells: tuple[Cell, ...]
    cursor: int


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Newest first; `older` continues, None at the end."""

    entries: tuple[Entry, ...]
    older: int | None


def history(*, label: str = "", key: int | None = None, by: int | None = None, before: int | None = None) -> EntryPage:
    """A page of changes of all rules, one kind or one rule, by anybody or one login; the statements are bounded."""
    rows: QuerySet[RuleChange] = RuleChange.objects.filter(label__in=TRACKED)
    if label:
        rows = rows.filter(label=label)
    if key is not None:
        rows = rows.filter(key=key)
    if by is not None:
        rows = rows.filter(by=by)
    if before is not None:
        rows = rows.filter(id__lt=before)
    newest = list(rows.order_by("-id").select_related("by")[:ROWS_READ_MAX])
    groups: dict[tuple[int, str, int], list[RuleChange]] = {}
    for row in newest:
        group = (row.transaction, row.label, row.key)
        if group not in groups and len(groups) == ENTRIES_PER_PAGE:
            break
        groups.setdefault(group, []).append(row)
    shown = list(groups.values())
    if len(newest) == ROWS_READ_MAX and len(shown) > 1 and len(shown) < ENTRIES_PER_PAGE:
        shown = shown[:-1]  # it may go on beyond what was read
    names = _names(row for group in shown for row in group)
    entries = tuple(filter(None, (_entry(list(reversed(group)), names) for group in shown)))
    read = sum(map(len, shown))
    last = shown[-1][-1].pk if shown else None
    return EntryPage(entries, last if read < len(newest) or len(newest) == ROWS_READ_MAX else None)


def people() -> list[tuple[int, str]]:
    """Logins that changed a rule, for a filter."""
    ids = RuleChange.objects.exclude(by=None).order_by("by").values_list("by", flat=True).distinct()
    return [(user.pk, str(user)) for user in User.objects.filter(pk__in=list(ids)).order_by("username")]


def kinds() -> list[tuple[str, str]]:
    """Kinds of rules, for a filter."""
    return [(label, str(capfirst(apps.get_model(label)._meta.verbose_name_plural))) for label in TRACKED]


def _entry(rows: Sequence[RuleChange], names: Names) -> Entry | None:
    """Rows of one rule in one transaction, oldest first; None where they come to nothing."""
    model, newest = apps.get_model(rows[0].label), rows[-1]
    own = [row for row in rows if not row.field]
    verbs = {row.verb for row in own}
    made, removed = Verb.INSERT in verbs, Verb.DELETE in verbs
    cells = (*_own_cells(model, own, names, made=made), *_relation_cells(model, rows, names))
    if (made and removed) or (not cells and not made and not removed):
        return None
    verb = Verb.INSERT if made else Verb.DELETE if removed else Verb.UPDATE
    name = names.get((model, newest.key)) or _last_name(own) or f"#{newest.key}"
    kind = str(capfirst(model._meta.verbose_name))
    who = str(newest.by) if newest.by is not None else ""
    return Entry(newest.at, who, kind, name, newest.label, newest.key, verb, cells, rows[0].pk)


def _own_cells(model: type[Model], rows: Sequence[RuleChange], names: Names, *, made: bool) -> list[Cell]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for row in rows:
        for column, value in (row.before or {}).items():
            before.setdefault(column, None if made else value)
        after.update(row.after or {} if row.verb != Verb.DELETE else dict.fromkeys(row.before or {}))
    cells = []
    for column, field in fields_by_column(model).items():
        if field.primary_key or column not in {*before, *after} or before.get(column) == after.get(column):
            continue
        was, now = (value_words(field, side.get(column), names) for side in (before, after))
        if was != now:
            cells.append(Cell(title_of(field), was, now))
    return cells


def _relation_cells(model: type[Model], rows: Sequence[RuleChange], names: Names) -> list[Cell]:
    by_field: dict[str, list[RuleChange]] = defaultdict(list)
    for row in rows:
        if row.field:
            by_field[row.field].append(row)
    cells = []
    for name, changes in by_field.items():
        field = _relation(model, name)
        if field is None:
            continue
        now = set((changes[-1].after or {}).get("ids", ()))
        was = set(now)
        for row in reversed(changes):
            if row.verb == Verb.INSERT:
                was.discard((row.after or {}).get("id"))
            else:
                was.add((row.before or {}).get("id"))
        if was != now:
            target: Any = field.remote_field.model
            cells.append(
                Cell(
                    str(capfirst(field.verbose_name)),
                    members_words(target, was, names),
                    members_words(target, now, names),
                )
            )
    return cells


def _names(rows: Iterable[RuleChange]) -> dict[tuple[type[Model], Any], str]:
    """What the rules and all that they name are called: one statement for each kind of record."""
    wanted: dict[type[Model], set[Any]] = defaultdict(set)
    for row in rows:
        model = apps.get_model(row.label)
        wanted[model].add(row.key)
        sides = [side for side in (row.before, row.after) if side]
        if row.field:
            field = _relation(model, row.field)
            if field is not None:
                target: Any = field.remote_field.model
                for side in sides:
                    wanted[target].update([side.get("id"), *side.get("ids", ())])
            continue
        for column, own in fields_by_column(model).items():
            if isinstance(own, ForeignKey):
                target = own.remote_field.model
                wanted[target].update(side.get(column) for side in sides)
    return {
        (model, key): str(record)
        for model, keys in wanted.items()
        for key, record in _records(model).in_bulk([key for key in keys if key is not None]).items()
    }


def _records(model: type[Model]) -> QuerySet[Any]:
    """With what their names are made of."""
    named_after = [
        field.name for field in model._meta.concrete_fields if isinstance(field, ForeignKey) and not field.null
    ]
    return model._base_manager.select_related(*named_after) if named_after else model._base_manager.all()


def _relation(model: type[Model], name: str) -> ManyToManyField[Any, Any] | None:
    return next((field for field in model._meta.many_to_many if field.name == name), None)


def _last_name(rows: Sequence[RuleChange]) -> str:
    for row in reversed(rows):
        for side in (row.after, row.before):
            if side and side.get("name"):
                return str(side["name"])
    return "" if rows else NOTHING
