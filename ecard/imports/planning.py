"""What a file would change: pure comparison of its rows with what there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils import translation

from ecard.imports.errors import FileRefused
from ecard.imports.kinds.base import KEY_SEPARATOR, Cells, Change, Column, Kind, Problem, Wrong
from ecard.imports.models import KEY_LENGTH_MAX, Outcome
from ecard.imports.reading import MAX_CELL, Table
from ecard.tables import ROUNDED

LANGUAGES = ("en", "zh-hans")


@dataclass(frozen=True, slots=True)
class Planned:
    """A row that changes something or is wrong."""

    number: int
    key: str
    outcome: Outcome
    before: Cells | None
    after: Cells
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class Plan:
    """Rows in the file's order; `unchanged` counts those that would change nothing."""

    columns: tuple[str, ...]
    rows: list[Planned] = field(default_factory=list)
    unchanged: int = 0

    def count(self, outcome: Outcome) -> int:
        """How many rows come out so."""
        return sum(1 for row in self.rows if row.outcome == outcome)


def plan_table(kind: Kind, table: Table) -> Plan:
    """Read every cell, then compare with what there is. Raises FileRefused where the header is not this kind's."""
    columns = _columns(kind, table.header)
    given: list[tuple[int, Cells, list[Problem]]] = []
    for line in table.lines:
        cells, problems = _read(columns, line.cells)
        given.append((line.number, cells, problems))
    return plan_cells(kind, given, columns=tuple(column.name for column in columns))


def plan_cells(kind: Kind, given: Sequence[tuple[int, Cells, list[Problem]]], *, columns: tuple[str, ...]) -> Plan:
    """The same for rows already read: their numbers, cells and what is wrong with those."""
    current = kind.current({key for _number, cells, _problems in given if (key := key_of(kind, cells))})
    plan = Plan(columns)
    known = kind.columns()
    missing = {column.name: column.missing for column in known}
    implied = {column.name: column.implied for column in known if column.implied is not None}
    needed = [column.name for column in known if column.required]
    first_at: dict[str, int] = {}
    for number, cells, found in given:
        key = key_of(kind, cells)
        problems = list(found)
        if key and first_at.setdefault(key, number) != number:
            problems.append({"kind": "twice", "row": first_at[key]})
        before = current.get(key)
        after = {**(missing if before is None else before), **implied, **cells}
        changes = before is None or bool(changed_cells(before, after))
        if not problems and before is None:
            problems += [{"kind": "needed", "column": name} for name in needed if not after.get(name)]
        if not problems and changes:
            problems += kind.problems(Change(key, before, after))
        if problems:
            plan.rows.append(Planned(number, key[:KEY_LENGTH_MAX], Outcome.WRONG, before, cells, tuple(problems)))
        elif before is None:
            plan.rows.append(Planned(number, key, Outcome.NEW, None, after))
        elif changes:
            plan.rows.append(Planned(number, key, Outcome.CHANGED, before, after))
        else:
            plan.unchanged += 1
    return plan


def key_of(kind: Kind, cells: Mapping[str, str]) -> str:
    """What names the record of a row; "" where the row does not say."""
    parts = [cells.get(name, "") for name in kind.key]
    return KEY_SEPARATOR.join(parts) if all(parts) else ""


def changed_cells(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """The columns in which two records differ, in their order."""
    names = dict.fromkeys([*before, *after])
    return tuple(name for name in names if before.get(name, "") != after.get(name, ""))


def titles(column: Column) -> set[str]:
    """All headers by which a column is known: its name, and its title in each language."""
    known = {column.name.casefold(), *column.aliases}
    for language in LANGUAGES:
        with translation.override(language):
            known.add(str(column.title).casefold())
    return known


def _columns(kind: Kind, header: Sequence[str]) -> tuple[Column, ...]:
    columns = kind.columns()
    known = {title: column for column in columns for title in titles(column)}
    found: list[Column] = []
    for title in header:
        column = known.get(title.casefold()) or kind.column_for(title)
        if column is None:
            wanted = ", ".join(str(each.title) for each in columns)
            raise FileRefused("column", title, wanted)
        if any(each.name == column.name for each in found):
            raise FileRefused("column twice", title)
        found.append(column)
    for name in kind.key:
        if all(column.name != name for column in found):
            missing = next(column for column in columns if column.name == name)
            raise FileRefused("no key", str(missing.title))
    return tuple(found)


def _read(columns: Sequence[Column], cells: Sequence[str]) -> tuple[Cells, list[Problem]]:
    read: Cells = {}
    problems: list[Problem] = []
    for column, cell in zip(columns, cells, strict=True):
        problem = problem_of(column, cell)
        read[column.name] = cell[:MAX_CELL] if problem else column.read(cell)
        problems += [problem] if problem else []
    return read, problems


def problem_of(column: Column, cell: str) -> Problem | None:
    """What is wrong with a cell."""
    try:
        if cell == ROUNDED:
            raise Wrong("rounded")
        if len(cell) > MAX_CELL:
            raise Wrong("long", most=MAX_CELL)
        column.read(cell)
    except Wrong as wrong:
        return {**wrong.problem, "column": column.name}
    return None


def columns_of(kind: Kind, names: Iterable[str]) -> dict[str, Column]:
    """Columns by their names, those that are made by their header included."""
    known = {column.name: column for column in kind.columns()}
    found = {name: known.get(name) or kind.column_for(name) for name in names}
    return {name: column for name, column in found.items() if column is not None}
