"""Tables out of files: CSV in the encodings that are met here, and Excel. Every cell comes out as text.

What a spreadsheet made of a student number is undone where that is certain (a format of zeros) and refused where it
is not (rounded beyond 15 digits).
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from ecard.imports.errors import FileRefused

MAX_BYTES = 10 * 1024 * 1024
MAX_UNPACKED_BYTES = 120 * 1024 * 1024
MAX_ROWS = 60_000
MAX_COLUMNS = 60
MAX_CELL = 1_000
ROUNDED_FROM = 10**15
"""A spreadsheet keeps 15 digits of a number."""
ROUNDED = "\ufffd rounded"
"""Stands for a number that the spreadsheet has rounded; no column reads it."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_ZEROS = re.compile(r"0+")
_QUOTED_BY_FORMULA = re.compile(r'="([^"]*)"')
_APOSTROPHE = re.compile(r"'('*\s*([=+\-@\t\r\n＝＋－＠].*|\d+))", re.DOTALL)


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
    if len(data) > MAX_BYTES:
        raise FileRefused("bytes", MAX_BYTES // 1024 // 1024)
    if name.lower().endswith(".xls") or data.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileRefused("old excel", name)
    rows = _excel_rows(data) if data.startswith(b"PK\x03\x04") else _csv_rows(data)
    return _table(rows)


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


def _csv_rows(data: bytes) -> Iterator[tuple[str, ...]]:
    text = _decoded(data)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            yield tuple(_plain(cell) for cell in cells)
    except csv.Error as wrong:
        raise FileRefused("csv", str(wrong)) from wrong


def _decoded(data: bytes) -> str:
    """UTF-8 or UTF-16 by their marks, else UTF-8, else GB18030, as Excel saves CSV in China."""
    has_mark = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if has_mark else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise FileRefused("encoding", "")


def _excel_rows(data: bytes) -> Iterator[tuple[str, ...]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(each.file_size for each in packed.infolist()) > MAX_UNPACKED_BYTES:
                raise FileRefused("unpacked", MAX_UNPACKED_BYTES // 1024 // 1024)
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        # What a file says of its own size is not believed.
        sheet.reset_dimensions()
        for row in sheet.iter_rows(max_col=MAX_COLUMNS + 1):
            yield tuple(_text(cell.value, cell) for cell in row)
    except FileRefused:
        raise
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, IndexError, SyntaxError) as wrong:
        # openpyxl has no family of errors: these are what damaged files give (SyntaxError is XML's).
        raise FileRefused("excel", "") from wrong


def _text(value: Any, cell: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _number(value, str(cell.number_format))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return _plain(str(value))


def _number(value: float, shown_as: str) -> str:
    if abs(value) >= ROUNDED_FROM:
        return ROUNDED
    if value != int(value):
        return f"{value:.10f}".rstrip("0").rstrip(".")
    digits = str(int(value))
    return digits.zfill(len(shown_as)) if _ZEROS.fullmatch(shown_as) else digits


def _plain(text: str) -> str:
    """A cell without what exporting put before it, or what people do to keep leading zeros."""
    text = text.strip(" \u3000\xa0\ufeff")
    quoted = _QUOTED_BY_FORMULA.fullmatch(text)
    if quoted:
        return quoted[1]
    held = _APOSTROPHE.fullmatch(text)
    return (held[1] if held else text)[: MAX_CELL + 1]


def is_dangerous(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula, or reading would take an apostrophe off it."""
    runs = text.lstrip().startswith(FORMULA_STARTS) or text.startswith(("\t", "\r", "\n"))
    return (runs and not _NUMBER.fullmatch(text)) or _APOSTROPHE.fullmatch(text) is not None
