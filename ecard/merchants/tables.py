"""Rows of text out of what an administrator pastes or uploads: CSV in the usual encodings, or an Excel workbook."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime
from typing import Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

FILE_BYTES_MAX: Final = 1024 * 1024
INFLATED_BYTES_MAX: Final = 32 * 1024 * 1024
TEXT_LENGTH_MAX: Final = 100_000
ROWS_MAX: Final = 1_000
COLUMNS_MAX: Final = 12
_ENCODINGS = ("utf-8-sig", "gb18030")
"""gb18030 is what Chinese Excel writes as CSV; it reads nearly anything, so it comes last."""
_WORKBOOK = b"PK\x03\x04"
_UNREADABLE = (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, IndexError, SyntaxError)
"""openpyxl has no family of errors: these are what damaged files give (SyntaxError is XML's)."""

Rows = list[list[str]]


class BadTable(Exception):
    """The file is no table that is read here, or too large; `args[0]` is "large" or "unreadable"."""


def rows_of_file(data: bytes) -> Rows:
    """The rows of an uploaded file, blank ones included so that numbers stay. Raises BadTable."""
    if len(data) > FILE_BYTES_MAX:
        raise BadTable("large")
    if data.startswith(_WORKBOOK):
        return rows_of_workbook(data)
    for encoding in _ENCODINGS:
        try:
            return rows_of_text(data.decode(encoding))
        except UnicodeDecodeError:
            continue
    raise BadTable("unreadable")


def rows_of_text(text: str) -> Rows:
    """The rows of pasted text: between cells stand tabs, as spreadsheets copy them, else commas or semicolons.

    Quotation marks hold a cell together but never a line end: rows are lines. Raises BadTable.
    """
    if len(text) > TEXT_LENGTH_MAX or "\0" in text:
        raise BadTable("large" if "\0" not in text else "unreadable")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    if len(lines) > ROWS_MAX:
        raise BadTable("large")
    return [_cells(line) for line in lines]


def text_of_rows(rows: Rows) -> str:
    """Rows as text that `rows_of_text` reads as the same rows, spaces and empty cells at the end aside."""
    return "\n".join(_line(row) for row in rows)


def _line(row: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter="\t", lineterminator="").writerow(" ".join(cell.split()) for cell in row)
    line = out.getvalue().rstrip("\t")
    return f"{line}\t" if "\t" not in line and any(each in line for each in ",;，；") else line


def _cells(line: str) -> list[str]:
    delimiter = next((each for each in ("\t", ",", ";") if each in line), None)
    if delimiter is None:
        line, delimiter = line.replace("，", ",").replace("；", ","), ","
    read = next(csv.reader([line], delimiter=delimiter), [])
    return [cell.strip() for cell in read[:COLUMNS_MAX]]


def rows_of_workbook(data: bytes, *, rows_max: int = ROWS_MAX, columns_max: int = COLUMNS_MAX) -> Rows:
    """The first sheet of an Excel file that the caller found small enough. Raises BadTable.

    The archive says how large it is inflated, and nothing beyond that is read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(each.file_size for each in archive.infolist()) > INFLATED_BYTES_MAX:
                raise BadTable("large")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        # What a file says of its own size is not believed.
        sheet.reset_dimensions()
        found = [
            [_cell(value) for value in row]
            for row in sheet.iter_rows(max_row=rows_max + 1, max_col=columns_max, values_only=True)
        ]
    except _UNREADABLE as error:
        raise BadTable("unreadable") from error
    while found and not any(found[-1]):
        found.pop()
    if len(found) > rows_max:
        raise BadTable("large")
    return found


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.date().isoformat()
        case date():
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value).strip()
