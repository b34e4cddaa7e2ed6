"""Tables into files. A cell that a spreadsheet would run as a formula gets an apostrophe before it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from ecard.tables import is_dangerous

COLUMN_WIDTH = 18
TEXT_FORMAT = "@"


def neutral(text: str) -> str:
    """The text as no spreadsheet runs it; reading takes the apostrophe off again."""
    return f"'{text}" if is_dangerous(text) else text


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with its mark: without it Excel in China reads GB18030."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow([neutral(title) for title in header])
    for row in rows:
        writer.writerow([neutral(cell) for cell in row])
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def excel_bytes(header: Sequence[str], rows: Iterable[Sequence[str]], *, title: str) -> bytes:
    """One sheet of text cells: numbers of people keep their leading zeros when the file is edited and saved."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for place in range(len(header)):
        sheet.column_dimensions[_letters(place)].width = COLUMN_WIDTH

    def cell(text: str, *, bold: bool = False) -> Any:
        made: Any = WriteOnlyCell(sheet, value=neutral(text))
        made.number_format = TEXT_FORMAT
        if bold:
            made.font = Font(bold=True)
        return made

    sheet.append([cell(each, bold=True) for each in header])
    for row in rows:
        sheet.append([cell(each) for each in row])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def _letters(place: int) -> str:
    letters = ""
    while place >= 0:
        letters = chr(ord("A") + place % 26) + letters
        place = place // 26 - 1
    return letters
