"""Rows of text out of what an administrator pastes or uploads for a calendar."""

from __future__ import annotations

import csv
import io
from typing import Final

from ecard.tables import BadTable, Limits, decoded, is_workbook, rows_of_workbook

FILE_BYTES_MAX: Final = 1024 * 1024
INFLATED_BYTES_MAX: Final = 32 * 1024 * 1024
TEXT_LENGTH_MAX: Final = 100_000
ROWS_MAX: Final = 1_000
COLUMNS_MAX: Final = 12

Rows = list[list[str]]


def rows_of_file(data: bytes, *, name: str = "") -> Rows:
    """The rows of an uploaded file, blank ones included so that numbers stay. Raises BadTable.

    Text is read as pasted text is, so that a wrong row is put right in place.
    """
    limits = Limits(FILE_BYTES_MAX, INFLATED_BYTES_MAX, ROWS_MAX, COLUMNS_MAX)
    if is_workbook(data, name=name, limits=limits):
        return [list(row[:COLUMNS_MAX]) for row in rows_of_workbook(data, limits=limits)]
    return rows_of_text(decoded(data))


def rows_of_text(text: str) -> Rows:
    """The rows of pasted text: between cells stand tabs, as spreadsheets copy them, else commas or semicolons.

    Quotation marks hold a cell together but never a line end: rows are lines. Raises BadTable.
    """
    if "\0" in text:
        raise BadTable("encoding")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    if len(text) > TEXT_LENGTH_MAX or len(lines) > ROWS_MAX:
        raise BadTable("rows", ROWS_MAX)
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
