"""Holidays and make-up days: what people write, what is kept, and taking an import back."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from ecard.changes.models import Change
from ecard.merchants import operations, queries, tables
from ecard.merchants.calendar_rows import BadRow, acts_as, calendar_of, read_date
from ecard.merchants.errors import BadTime, DaysChangedSince, ImportUndone
from ecard.merchants.models import CalendarDay, CalendarImport, Site
from ecard.merchants.tables import rows_of_file, rows_of_text, text_of_rows
from ecard.merchants.values import DayKind, NewDay
from ecard.tables import BadTable

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
CHINA_2026 = Path(operations.__file__).parent.parent / "static" / "merchants" / "china-2026.csv"
SATURDAY, SUNDAY, THURSDAY = date(2026, 10, 10), date(2026, 9, 20), date(2026, 10, 1)
OFF = DayKind(7, "国庆节")


@pytest.fixture
def site(db: None) -> Site:
    return operations.save_site(code="east", name="东校区", at=AT)


def workbook(*rows: tuple[str | float | date | None, ...]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "text", ["2026-10-01", "2026/10/1", "2026.10.1", "2026年10月1日", "20261001", " 2026-10-01 ", "2026-10-01 (Thu)"]
)
def test_a_date_is_read_as_people_write_it(text: str) -> None:
    assert read_date(text) == THURSDAY


@pytest.mark.parametrize(
    "text", ["", "1/10/2026", "2026-13-01", "2026-02-30", "10月1日", "tomorrow", "2026-10", "46296"]
)
def test_what_is_no_date_is_not_guessed(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("kind", "on", "expected"),
    [
        ("休", THURSDAY, 7),
        ("放假", THURSDAY, 7),
        ("Holiday", THURSDAY, 7),
        ("班", SATURDAY, 4),
        ("上班", SUNDAY, 0),
        ("work", SATURDAY, 4),
        ("work", THURSDAY, 3),
        ("as Friday", SUNDAY, 4),
        ("like wed", SUNDAY, 2),
        ("班(周三)", SATURDAY, 2),
        ("补星期一的课", SATURDAY, 0),
        ("按周日", THURSDAY, 6),
        ("礼拜天", THURSDAY, 6),
        ("usual", SATURDAY, 5),
        ("", THURSDAY, None),
        ("maybe", THURSDAY, None),
        ("调休", THURSDAY, None),
        ("as Friday or Monday", THURSDAY, None),
    ],
)
def test_a_kind_of_day_is_read_in_both_languages_and_never_guessed(kind: str, on: date, expected: int | None) -> None:
    assert acts_as(kind, on=on) == expected


def test_chinas_holidays_of_2026_are_thirty_three_and_six_days_are_worked_for_them() -> None:
    found = calendar_of(rows_of_file(CHINA_2026.read_bytes()))
    assert found.bad == ()
    kinds = {each.date: each.kind for each in found.days}
    assert sum(kind is not None and kind.acts_as == 7 for kind in kinds.values()) == 33
    worked = {day: kind.acts_as for day, kind in kinds.items() if kind is not None and kind.acts_as != 7}
    assert worked == {
        date(2026, 1, 4): 0,
        date(2026, 2, 14): 4,
        date(2026, 2, 28): 4,
        date(2026, 5, 9): 4,
        SUNDAY: 0,
        SATURDAY: 4,
    }
    assert kinds[date(2026, 2, 17)] == DayKind(7, "春节", "Spring Festival")


def test_every_wrong_row_is_named_and_the_right_ones_are_still_read() -> None:
    text = """日期,类型
2026-10-01,休

soon,休
2026-10-02,perhaps
1999-01-01,休
2026-10-01,休
2026-10-03,休,"""
    rows = rows_of_text(text + "x" * 81)
    found = calendar_of(rows)
    assert [each.date for each in found.days] == [THURSDAY]
    assert found.bad == (
        BadRow(4, "date", "soon"),
        BadRow(5, "kind", "perhaps"),
        BadRow(6, "year", "1999"),
        BadRow(7, "twice", "2"),
        BadRow(8, "name"),
    )


@pytest.mark.parametrize(
    "line", ["2026-10-01\t休\t国庆节", "2026-10-01,休,国庆节", "2026-10-01;休;国庆节", "2026-10-01，休，国庆节"]
)
def test_rows_are_read_with_any_mark_between_cells(line: str) -> None:
    assert calendar_of(rows_of_text(line)).days == (NewDay(THURSDAY, OFF),)


def test_a_file_is_read_in_the_encoding_of_chinese_excel_and_as_a_workbook() -> None:
    text = "2026-10-01,休,国庆节\n"
    files = (
        text.encode(),
        text.encode("utf-8-sig"),
        text.encode("gb18030"),
        workbook((THURSDAY, "休", "国庆节"), (None, None)),
        workbook((datetime(2026, 10, 1, 0, 0), "休", "国庆节")),  # noqa: DTZ001  (as a cell holds it)
        workbook((20261001.0, "休", "国庆节")),
    )
    for data in files:
        assert calendar_of(rows_of_file(data)).days == (NewDay(THURSDAY, OFF),)


def test_rows_of_a_workbook_keep_their_numbers() -> None:
    rows = rows_of_file(workbook(("date", "kind"), (), ("soon", "休")))
    assert calendar_of(rows_of_text(text_of_rows(rows))).bad == (BadRow(3, "date", "soon"),)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK\x03\x04 not a workbook", "excel"),
        (b"\x00\x01\x02", "encoding"),
        (b"x" * (tables.FILE_BYTES_MAX + 1), "bytes"),
        (b"\n" * 1_100 + b"x", "rows"),
        (b"x" * (tables.TEXT_LENGTH_MAX + 1), "rows"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "old excel"),
    ],
)
def test_a_file_that_is_no_calendar_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadTable) as refused:
        rows_of_file(data)
    assert refused.value.args[0] == why


def test_a_workbook_that_swells_when_it_is_opened_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook((THURSDAY, "休"))
    monkeypatch.setattr(tables, "INFLATED_BYTES_MAX", 1_000)
    with pytest.raises(BadTable, match="unpacked"):
        rows_of_file(data)


_CELL = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8).map(lambda text: text.strip())


@given(st.lists(st.lists(_CELL.map(lambda cell: " ".join(cell.split())), max_size=5), max_size=5))
def test_rows_written_as_text_are_read_as_the_same_rows(rows: list[list[str]]) -> None:
    def bare(found: list[list[str]]) -> list[list[str]]:
        kept = [list(row) for row in found]
        for row in kept:
            while row and not row[-1]:
                row.pop()
        while kept and not kept[-1]:
            kept.pop()
        return kept

    assert bare(rows_of_text(text_of_rows(rows))) == bare(rows)


def stands(site: Site) -> dict[date, DayKind]:
    return queries.kinds_on(site, CalendarDay.objects.values_list("date", flat=True))


def test_an_import_changes_the_days_it_names_and_no_other(site: Site) -> None:
    operations.save_day(site=site, day=date(2026, 5, 4), kind=DayKind(7, "校庆"))
    operations.save_day(site=site, day=SATURDAY, kind=DayKind(7, "wrong"))
    operations.save_day(site=site, day=SUNDAY, kind=DayKind(0, "gone"))
    days = [NewDay(THURSDAY, OFF), NewDay(SATURDAY, DayKind(4)), NewDay(SUNDAY, None), NewDay(date(2026, 3, 2), None)]
    made = operations.import_days(site=site, days=days, source="cn.xlsx", by=None, at=AT)
    assert made is not None
    assert len(made.days) == 3
    assert stands(site) == {date(2026, 5, 4): DayKind(7, "校庆"), THURSDAY: OFF, SATURDAY: DayKind(4)}
    assert operations.import_days(site=site, days=days, source="again", by=None, at=AT) is None
    assert CalendarImport.objects.count() == 1


def test_an_import_that_is_undone_leaves_the_calendar_as_it_was(site: Site) -> None:
    operations.save_day(site=site, day=SATURDAY, kind=DayKind(7, "before"))
    before = stands(site)
    days = [NewDay(THURSDAY, OFF), NewDay(SATURDAY, None)]
    made = operations.import_days(site=site, days=days, source="", by=None, at=AT)
    assert made is not None
    operations.save_day(site=site, day=SUNDAY, kind=DayKind(0, "another day, meanwhile"))
    operations.undo_import(made=made, by=None, at=AT)
    assert stands(site) == {**before, SUNDAY: DayKind(0, "another day, meanwhile")}
    with pytest.raises(ImportUndone):
        operations.undo_import(made=made, by=None, at=AT)


@pytest.mark.parametrize("change", ["renamed", "removed", "acts as another"])
def test_an_import_whose_days_were_changed_since_is_not_undone_at_all(site: Site, change: str) -> None:
    days = [NewDay(THURSDAY, OFF), NewDay(SATURDAY, DayKind(4))]
    made = operations.import_days(site=site, days=days, source="", by=None, at=AT)
    assert made is not None
    if change == "removed":
        operations.remove_day(site=site, day=THURSDAY)
    else:
        kind = DayKind(7, "国庆") if change == "renamed" else DayKind(6, "国庆节")
        operations.save_day(site=site, day=THURSDAY, kind=kind)
    before = stands(site)
    with pytest.raises(DaysChangedSince) as refused:
        operations.undo_import(made=made, by=None, at=AT)
    assert refused.value.args[0] == [THURSDAY]
    assert stands(site) == before


def test_another_sites_calendar_stays_its_own(site: Site) -> None:
    other = operations.save_site(code="west", name="西校区", at=AT)
    operations.save_day(site=other, day=THURSDAY, kind=DayKind(7, "theirs"))
    made = operations.import_days(site=site, days=[NewDay(THURSDAY, OFF)], source="", by=None, at=AT)
    assert made is not None
    operations.undo_import(made=made, by=None, at=AT)
    assert stands(site) == {}
    assert stands(other) == {THURSDAY: DayKind(7, "theirs")}


def test_a_policy_is_told_of_the_newest_days_it_can_carry(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for month in (12, 3, 7):
        operations.save_day(site=site, day=date(2026, month, 1), kind=OFF)
    told = [(site.pk, date(2026, month, 1), 7) for month in (3, 7, 12)]
    assert queries.all_day_kinds() == told
    monkeypatch.setattr(queries, "MAX_DAYS", 2)
    assert queries.all_day_kinds() == told[1:]


def test_terminals_hear_of_a_calendar_only_through_a_policy(site: Site) -> None:
    Change.objects.all().delete()
    operations.save_day(site=site, day=THURSDAY, kind=OFF)
    operations.import_days(site=site, days=[NewDay(SATURDAY, OFF)], source="", by=None, at=AT)
    operations.remove_day(site=site, day=THURSDAY)
    assert not Change.objects.exists()


@pytest.mark.parametrize("kind", [8, -1])
def test_a_day_acts_as_a_weekday_or_a_holiday(site: Site, kind: int) -> None:
    with pytest.raises(BadTime):
        operations.save_day(site=site, day=THURSDAY, kind=DayKind(kind))
    with pytest.raises(BadTime):
        operations.import_days(site=site, days=[NewDay(THURSDAY, DayKind(kind))], source="", by=None, at=AT)


def test_the_database_takes_a_day_of_a_site_once_and_no_ninth_kind(site: Site) -> None:
    CalendarDay.objects.create(site=site, date=THURSDAY)
    wrongs: tuple[Callable[[], object], ...] = (
        lambda: CalendarDay.objects.create(site=site, date=THURSDAY),
        lambda: CalendarDay.objects.create(site=site, date=SATURDAY, acts_as=8),
    )
    for wrong in wrongs:
        with pytest.raises(IntegrityError), transaction.atomic():
            wrong()
