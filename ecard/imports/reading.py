"""A file as a header and the rows below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ecard.imports.errors import FileRefused
from ecard.tables import BadTable, Limits, rows_of_file

MAX_BYTES = 10 * 1024 * 1024
MAX_UNPACKED_BYTES = 120 * 1024 * 1024
MAX_ROWS = 60_000
MAX_COLUMNS = 60
MAX_CELL = 1_000
BLANK_ROWS_AND_HEADER = 5_000
"""Rows that a file may have beside those that say something."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row that is not empty, by its number in the file (the header is 1)."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A header and what stands below it; every line is as long as the header."""

    header: tuple[str, ...]
    lines: tuple[Line, ...]


def read_table(data: bytes, *, name: str) -> Table:
    """The first sheet of an Excel file, or a CSV. Raises FileRefused."""
    limits = Limits(MAX_BYTES, MAX_UNPACKED_BYTES, MAX_ROWS + BLANK_ROWS_AND_HEADER, MAX_COLUMNS, MAX_CELL)
    try:
        return _table(rows_of_file(data, name=name, limits=limits))
    except BadTable as bad:
        raise FileRefused(*bad.args) from bad


def _table(rows: Iterable[tuple[str, ...]]) -> Table:
    header: tuple[str, ...] = ()
    lines: list[Line] = []
    for number, cells in enumerate(rows, start=1):
        if not any(cells):
            continue
        if not header:
            header = _header(cells)
            continue
        if any(cells[len(header) :]):
            raise FileRefused("beyond header", number)
        if len(lines) == MAX_ROWS:
            raise FileRefused("rows", MAX_ROWS)
        padded = cells[: len(header)] + ("",) * (len(header) - len(cells))
        lines.append(Line(number, padded))
    if not header or not lines:
        raise FileRefused("empty", "")
    return Table(header, tuple(lines))


def _header(cells: tuple[str, ...]) -> tuple[str, ...]:
    header = cells
    while header and not header[-1]:
        header = header[:-1]
    if len(header) > MAX_COLUMNS:
        raise FileRefused("columns", MAX_COLUMNS)
    if not all(header):
        raise FileRefused("unnamed", header.index("") + 1)
    return header
