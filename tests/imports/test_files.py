"""Tables out of files and into them: encodings, what spreadsheets do to numbers, and cells that would run."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from ecard.imports.errors import FileRefused
from ecard.imports.reading import MAX_CELL, MAX_COLUMNS, MAX_ROWS, read_table
from ecard.imports.writing import csv_bytes, excel_bytes
from ecard.tables import ROUNDED

HEADER = ("number", "name")
ATTACKS = (
    '=HYPERLINK("http://evil.example","prize")',
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    "＝1+1",
    "=cmd|' /C calc'!A0",
)


def excel(*rows: tuple[Any, ...], zeros: str = "General") -> bytes:
    """A workbook as a person's spreadsheet saves it; `zeros` is the first column's format."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for (cell,) in sheet.iter_rows(min_row=2, max_col=1):
        cell.number_format = zeros
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def cells(data: bytes, name: str = "people.csv") -> list[tuple[str, ...]]:
    return [line.cells for line in read_table(data, name=name).lines]


@pytest.mark.parametrize(
    "data",
    [
        "number,name\n0012,张三\n".encode("gb18030"),
        "number,name\r\n0012,张三\r\n".encode("utf-8-sig"),
        "number,name\n0012,张三\n".encode(),
        "number\tname\n0012\t张三\n".encode("utf-16"),
        "number;name\n'0012;张三\n".encode(),
        'number,name\n"=""0012""",张三\n\n,,\n'.encode(),
        excel(HEADER, ("0012", "张三")),
        excel(HEADER, (12, " 张三 "), zeros="0000"),
        excel((None, None), HEADER, (None, None), ("0012", "张三", None)),
    ],
)
def test_a_students_number_keeps_its_zeros_in_every_encoding(data: bytes) -> None:
    table = read_table(data, name="file")
    assert table.header == HEADER
    assert [line.cells for line in table.lines] == [("0012", "张三")]


def test_rows_are_called_by_their_number_in_the_file() -> None:
    table = read_table(b"number,name\n\n1,a\n,\n2,b\n", name="x.csv")
    assert [line.number for line in table.lines] == [3, 5]


def test_excels_own_kinds_of_cells_become_the_text_a_person_reads() -> None:
    given_row = (
        20260001,
        12.5,
        7.0,
        True,
        date(2026, 9, 1),
        datetime.combine(date(2026, 9, 1), time(8, 30)),
        1234567890123456789,
    )
    header = tuple("abcdefg")
    assert cells(excel(header, given_row)) == [
        ("20260001", "12.5", "7", "yes", "2026-09-01", "2026-09-01 08:30:00", ROUNDED)
    ]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"number,name\n", "empty"),
        (b"number,,name\n1,2,3\n", "unnamed"),
        (b"number,name\n1,2,3\n", "beyond header"),
        (b'number,name\n"1,2\n', "csv"),
        (b"number,name\n1,\x00\n", "encoding"),
        (b"\xff\xfe\x00", "encoding"),
        (b"\x81\x20\xff", "encoding"),
        (b"PK\x03\x04 not a workbook", "excel"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "old excel"),
        (",".join(f"c{n}" for n in range(MAX_COLUMNS + 1)).encode() + b"\n1\n", "columns"),
        (b"n\n" + b"1\n" * (MAX_ROWS + 1), "rows"),
        (b"n\n" + b"x" * (10 * 1024 * 1024), "bytes"),
    ],
)
def test_what_is_no_table_is_refused_by_name(data: bytes, kind: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read_table(data, name="people.csv")
    assert refused.value.args[0] == kind


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        for number in range(13):
            bomb.writestr(f"xl/worksheets/sheet{number}.xml", b"0" * 10 * 1024 * 1024)
    assert len(packed.getvalue()) < 1024 * 1024
    with pytest.raises(FileRefused) as refused:
        read_table(packed.getvalue(), name="people.xlsx")
    assert refused.value.args[0] == "unpacked"


def test_a_billion_laughs_in_a_workbook_are_refused() -> None:
    workbook = io.BytesIO(excel(HEADER, ("1", "a")))
    laughs = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 20}">' for n in range(12)
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(workbook) as good, zipfile.ZipFile(packed, "w") as bad:
        for each in good.infolist():
            body = good.read(each)
            if each.filename.endswith("sheet1.xml"):
                body = (
                    laughs + "]><worksheet><sheetData><row><c><v>&m;</v></c></row></sheetData></worksheet>"
                ).encode()
            bad.writestr(each, body)
    with pytest.raises(FileRefused):
        read_table(packed.getvalue(), name="people.xlsx")


@pytest.mark.parametrize("attack", ATTACKS)
def test_formula_injection_no_exported_cell_is_run_by_a_spreadsheet(attack: str) -> None:
    (row,) = list(csv.reader(io.StringIO(csv_bytes(HEADER, [("1", attack)]).decode("utf-8-sig"))))[1:]
    assert row[1] == f"'{attack}"
    book = load_workbook(io.BytesIO(excel_bytes(HEADER, [("1", attack)], title="people")))
    sheet = book.active
    assert sheet is not None
    cell = sheet.cell(row=2, column=2)
    assert cell.data_type == "s"
    assert str(cell.value).startswith("'")


@given(st.lists(st.tuples(*[st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)] * 2)))
def test_what_is_exported_reads_back_the_same(rows: list[tuple[str, str]]) -> None:
    rows = [row for row in rows if all(len(cell) < MAX_CELL and not cell.startswith('="') for cell in row)]
    if rows:
        assert cells(csv_bytes(HEADER, rows)) == rows


def test_a_workbook_reads_back_the_same() -> None:
    rows = [("0012", "张三"), ("-5.00", "'0012"), *(("1", attack.strip()) for attack in ATTACKS)]
    assert cells(excel_bytes(HEADER, rows, title="people"), "people.xlsx") == rows
