"""Tables out of files that people send: CSV in the encodings that are met here, and Excel. Every cell becomes text.

What a spreadsheet made of a student number is undone where that is certain (a format of zeros) and marked where it
is not (rounded beyond 15 digits).
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

ROUNDED_FROM = 10**15
"""A spreadsheet keeps 15 digits of a number."""
ROUNDED = "\ufffd rounded"
"""Stands for a number that the spreadsheet has rounded: whoever reads a table refuses such a cell."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WORKBOOK = b"PK\x03\x04"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_ZEROS = re.compile(r"0+")
_QUOTED_BY_FORMULA = re.compile(r'="([^"]*)"')
_APOSTROPHE = re.compile(r"'('*\s*([=+\-@\t\r\n＝＋－＠].*|\d+))", re.DOTALL)
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is read. More rows are refused; more columns, and more of a cell, are cut one beyond."""

    file_bytes: int
    unpacked_bytes: int
    rows: int
    columns: int
    cell_length: int = 1_000


class BadTable(Exception):
    """The person's file is no table, or too large. `args`: a kind of `sentence`, and its particulars."""

    @property
    def sentence(self) -> str:
        """Why it cannot be read, in the reader's language."""
        kind, *about = self.args
        sentences = {
            "bytes": _("The file is larger than %s MB."),
            "unpacked": _("Unpacked, the file is larger than %s MB."),
            "old excel": _("%s is in Excel's old format (.xls): save it as .xlsx or CSV."),
            "rows": _("The file has more than %s rows: divide it."),
            "csv": _("The file is not a proper CSV: %s"),
            "encoding": _("The text of the file is neither UTF-8 nor GB18030."),
            "excel": _("The file is damaged, or not an Excel file."),
        }
        return sentences[kind] % tuple(about)


def rows_of_file(data: bytes, *, name: str, limits: Limits) -> Iterator[tuple[str, ...]]:
    """The rows of a CSV or of the first sheet of an Excel file, blank ones included so that numbers stay.

    Raises BadTable, also while the rows are taken.
    """
    if is_workbook(data, name=name, limits=limits):
        return rows_of_workbook(data, limits=limits)
    return rows_of_csv(decoded(data), limits=limits)


def is_workbook(data: bytes, *, name: str, limits: Limits) -> bool:
    """Whether a file that is small enough is an Excel file. Raises BadTable for what neither Excel nor text is."""
    if len(data) > limits.file_bytes:
        raise BadTable("bytes", limits.file_bytes // _MEGABYTE)
    ending = name.lower().rpartition(".")[2]
    if ending == "xls" or data.startswith(_OLD_WORKBOOK):
        raise BadTable("old excel", name)
    if ending == "xlsx" and not data.startswith(_WORKBOOK):
        raise BadTable("excel")
    return data.startswith(_WORKBOOK)


def decoded(data: bytes) -> str:
    """UTF-8 or UTF-16 by their marks, else UTF-8, else GB18030, as Excel saves CSV in China. Raises BadTable."""
    has_mark = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if has_mark else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise BadTable("encoding")


def rows_of_csv(text: str, *, limits: Limits) -> Iterator[tuple[str, ...]]:
    """Rows with commas, semicolons or tabs between cells, as the first row with one of them has it. Raises BadTable."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for number, cells in enumerate(reader):
            if number == limits.rows:
                raise BadTable("rows", limits.rows)
            yield tuple(_plain(cell, limits) for cell in cells[: limits.columns + 1])
    except csv.Error as wrong:
        raise BadTable("csv", str(wrong)) from wrong


def _delimiter(text: str) -> str:
    found = re.search(r"[^\r\n]*[,;\t][^\r\n]*", text)
    return max(",;\t", key=found[0].count) if found else ","


def rows_of_workbook(data: bytes, *, limits: Limits) -> Iterator[tuple[str, ...]]:
    """The first sheet of an Excel file; blank rows at its end are left out. Raises BadTable.

    The archive says how large it is unpacked, and nothing beyond that is read.
    """
    blank: list[tuple[str, ...]] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(each.file_size for each in packed.infolist()) > limits.unpacked_bytes:
                raise BadTable("unpacked", limits.unpacked_bytes // _MEGABYTE)
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        # What a file says of its own size is not believed.
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(max_col=limits.columns + 1)):
            cells = tuple(_text(cell, limits) for cell in row)
            if number >= limits.rows:
                if any(cells):
                    raise BadTable("rows", limits.rows)
            elif any(cells):
                yield from blank
                blank = []
                yield cells
            else:
                blank.append(cells)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, IndexError, SyntaxError) as wrong:
        # openpyxl has no family of errors: these are what damaged files give (SyntaxError is XML's).
        raise BadTable("excel") from wrong


def _text(cell: Any, limits: Limits) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _number(value, str(cell.number_format))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return _plain(str(value), limits)


def _number(value: float, shown_as: str) -> str:
    if abs(value) >= ROUNDED_FROM:
        return ROUNDED
    if value != int(value):
        return f"{value:.10f}".rstrip("0").rstrip(".")
    digits = str(int(value))
    return digits.zfill(len(shown_as)) if _ZEROS.fullmatch(shown_as) else digits


def _plain(text: str, limits: Limits) -> str:
    """A cell without what exporting put before it, or what people do to keep leading zeros."""
    text = text.strip(" \u3000\xa0\ufeff")
    quoted = _QUOTED_BY_FORMULA.fullmatch(text)
    if quoted:
        return quoted[1]
    held = _APOSTROPHE.fullmatch(text)
    return (held[1] if held else text)[: limits.cell_length + 1]


def is_dangerous(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula, or reading would take an apostrophe off it."""
    runs = text.lstrip().startswith(FORMULA_STARTS) or text.startswith(("\t", "\r", "\n"))
    return (runs and not _NUMBER.fullmatch(text)) or _APOSTROPHE.fullmatch(text) is not None
