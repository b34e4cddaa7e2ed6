"""What an import would change is seen first, then changed through the operations, and can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO

import pytest
from django.contrib.auth.models import User
from django.utils import translation
from openpyxl import Workbook
from pytest_django import DjangoAssertNumQueries

from ecard.benefits.operations import open_programme
from ecard.cardholders import operations as cardholders
from ecard.cardholders.models import Cardholder, CardholderState, Group
from ecard.cardholders.queries import by_account_refs
from ecard.changes.models import Change, Topic
from ecard.imports import operations
from ecard.imports.errors import FileRefused, MovedOn, NotReady
from ecard.imports.kinds import KINDS
from ecard.imports.models import BatchState, ImportBatch, ImportRow, Outcome
from ecard.imports.sentences import change_sentence, column_titles, file_sentence, problem_sentence
from ecard.ledger.models import Account, AccountKind
from ecard.merchants.operations import save_category, save_product
from ecard.merchants.values import NewPlacement
from ecard.payments.operations import top_up
from tests.imports.conftest import ReadFile
from tests.support.campus import NOON, Campus

PEOPLE = ("number", "name", "group", "attribute:grade")


def counts(batch: ImportBatch) -> tuple[int, int, int, int]:
    """New, changed, unchanged, wrong."""
    return batch.added, batch.changed, batch.unchanged, batch.refused


def said(batch: ImportBatch, *, language: str = "en") -> dict[int, list[str]]:
    """What is said of each row that is wrong or was not undone, by its number."""
    with translation.override(language):
        titles = column_titles(KINDS[batch.kind])
        return {
            row.number: [problem_sentence(each, titles) for each in (*row.problems, *row.left)]
            for row in batch.rows.order_by("number")
            if row.problems or row.left
        }


def apply(batch: ImportBatch, by: User, *, only_good: bool = False) -> ImportBatch:
    return operations.apply_batch(batch=batch, only_good=only_good, by=by, at=NOON)


def undo(batch: ImportBatch, by: User) -> ImportBatch:
    return operations.undo_batch(batch=batch, by=by, at=NOON)


def person(number: str) -> Cardholder:
    return Cardholder.objects.get(number=number)


def test_a_preview_counts_and_writes_nothing(campus: Campus, read_file: ReadFile) -> None:
    before = list(Cardholder.objects.order_by("pk").values())
    batch = read_file(
        "people",
        PEOPLE,
        ("S0001", "张三", "students", ""),
        ("S0002", "李四", "students", "3"),
        ("0007", "王五", "students", "3"),
        ("0008", "", "nobody", "3"),
    )
    assert counts(batch) == (1, 1, 1, 1)
    assert list(Cardholder.objects.order_by("pk").values()) == before
    changed = batch.rows.get(outcome=Outcome.CHANGED)
    titles = column_titles(KINDS["people"])
    assert change_sentence("name", changed.before, changed.after, titles) == "name: 张三 → 李四"
    assert said(batch) == {5: ["name is empty.", "group “nobody” does not exist."]}
    with translation.override("zh-hans"):
        shown = change_sentence("name", changed.before, changed.after, column_titles(KINDS["people"]))
    assert shown.startswith("姓名")


def test_every_kind_of_mistake_is_named_with_its_row(campus: Campus, read_file: ReadFile) -> None:
    cardholders.close_cardholder(cardholder=campus.people[2], at=NOON)
    batch = read_file(
        "people",
        PEOPLE,
        ("", "张三", "students", ""),
        ("A 1", "张三", "students", ""),
        ("A2", "x" * 61, "students", ""),
        ("A3", "张三", "students", "y" * 65),
        ("A4", "张三", "students", ""),
        ("A4", "张四", "students", ""),
        ("S0003", "新名", "students", ""),
    )
    assert counts(batch) == (1, 0, 0, 6)
    assert said(batch) == {
        2: ["number is empty."],
        3: ["number “A 1” has a space inside."],
        4: ["name is longer than 60 characters."],
        5: ["attribute:grade is longer than 64 characters."],
        7: ["Row 6 is about the same."],
        8: ["This account is closed."],
    }


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (("number", "nmae", "group"), "There is no column “nmae” here. Known are: number, name, group."),
        (("name", "group", "attribute:grade"), "Column “number” is missing: it says whom or what a row is about."),
        (("number", "name", "Name"), "Column “Name” comes twice."),
        (
            ("number", "attribute:学 院", "name"),
            "There is no column “attribute:学 院” here. Known are: number, name, group.",
        ),
    ],
)
def test_a_header_of_something_else_is_refused_in_words(
    campus: Campus, read_file: ReadFile, header: Sequence[str], message: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        read_file("people", header, ("1", "2", "3"))
    assert file_sentence(refused.value) == message


def test_nothing_is_written_while_a_row_is_wrong_unless_the_good_rows_are_asked_for(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    batch = read_file("people", PEOPLE, ("N1", "新", "students", "1"), ("N2", "新", "nobody", "1"))
    with pytest.raises(NotReady):
        apply(batch, clerk)
    assert not Cardholder.objects.filter(number__startswith="N").exists()
    done = apply(batch, clerk, only_good=True)
    assert (done.state, done.applied_by) == (BatchState.APPLIED, clerk)
    assert list(Cardholder.objects.filter(number__startswith="N").values_list("number", flat=True)) == ["N1"]
    with pytest.raises(NotReady):
        apply(batch, clerk, only_good=True)


def test_imported_people_are_opened_with_purses_and_terminals_are_told(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    Change.objects.all().delete()
    apply(read_file("people", PEOPLE, ("0007", "王五", "students", "3"), ("S0001", "张四", "students", "2")), clerk)
    new = person("0007")
    assert (new.name, new.attributes, new.purse.kind) == ("王五", {"grade": "3"}, AccountKind.PURSE)
    assert (person("S0001").name, person("S0001").attributes) == ("张四", {"grade": "2"})
    told = {
        ref for refs in Change.objects.filter(topic=Topic.CARDHOLDER).values_list("refs", flat=True) for ref in refs
    }
    assert told == {new.account_ref, campus.people[0].account_ref}


def test_a_column_that_is_not_in_the_file_is_left_alone_and_a_blank_cell_clears(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    cardholders.set_attributes(cardholder=campus.people[0], attributes={"grade": "3", "hall": "7"}, at=NOON)
    apply(read_file("people", ("Number", "姓名"), ("S0001", "新名")), clerk)
    assert (person("S0001").attributes, person("S0001").group) == ({"grade": "3", "hall": "7"}, campus.group)
    apply(read_file("people", ("number", "attribute:hall"), ("S0001", "")), clerk)
    assert person("S0001").attributes == {"grade": "3"}
    again = read_file("people", ("number", "attribute:hall"), ("S0001", ""))
    assert counts(again) == (0, 0, 1, 0)


def test_undoing_brings_back_each_cell_that_nobody_changed_since(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    batch = apply(
        read_file("people", PEOPLE, ("S0001", "李四", "students", "3"), ("S0002", "李四", "students", "3")), clerk
    )
    touched = person("S0002")
    cardholders.rename(cardholder=touched, name="王五", at=NOON)
    undone = undo(batch, clerk)
    assert (undone.state, undone.left, undone.undone_by) == (BatchState.UNDONE, 1, clerk)
    assert (person("S0001").name, person("S0001").attributes) == ("张三", {})
    assert (person("S0002").name, person("S0002").attributes) == ("王五", {})
    assert said(undone) == {3: ["name stays “王五”: it was changed since."]}
    with pytest.raises(NotReady):
        undo(batch, clerk)


def test_undoing_closes_accounts_opened_by_mistake_and_frees_their_numbers(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    rows = [("N1", "甲", "students", "1"), ("N2", "乙", "students", "1"), ("N3", "丙", "students", "1")]
    batch = apply(read_file("people", PEOPLE, *rows), clerk)
    opened = {number: person(number) for number in ("N1", "N2", "N3")}
    top_up(cardholder=opened["N2"], amount_minor=10_00, by=clerk, at=NOON, key="k")
    cardholders.set_attributes(cardholder=opened["N3"], attributes={"grade": "2"}, at=NOON)
    undone = undo(batch, clerk)
    assert said(undone) == {
        3: ["It stays: it is named by top-ups."],
        4: ["attribute:grade stays “2”: it was changed since."],
    }
    opened["N1"].refresh_from_db()
    assert opened["N1"].state == CardholderState.CLOSED
    assert Account.objects.get(pk=opened["N1"].purse_id).closed_at is not None
    assert not by_account_refs([opened["N1"].account_ref])[opened["N1"].account_ref].active
    assert [person(number).state for number in ("N2", "N3")] == [CardholderState.ACTIVE] * 2
    again = read_file("people", PEOPLE, *rows)
    assert counts(again) == (1, 1, 1, 0)
    apply(again, clerk)
    assert person("N1").pk != opened["N1"].pk


def test_what_changed_between_preview_and_import_is_shown_again(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    batch = read_file("people", PEOPLE, ("S0001", "李四", "students", "3"), ("N1", "", "students", "3"))
    cardholders.rename(cardholder=person("S0001"), name="王五", at=NOON)
    with pytest.raises(MovedOn):
        apply(batch, clerk, only_good=True)
    batch.refresh_from_db()
    assert person("S0001").name == "王五"
    assert (counts(batch), batch.state) == ((0, 1, 0, 1), BatchState.READ)
    row = batch.rows.get(outcome=Outcome.CHANGED)
    assert (row.before or {})["name"] == "王五"
    apply(batch, clerk, only_good=True)
    assert person("S0001").name == "李四"


def test_groups_come_and_go_with_their_limits(campus: Campus, read_file: ReadFile, clerk: User) -> None:
    header = ("code", "name", "price_class", "limit_per_sale", "offline_limit", "sales_without_contact", "debt_floor")
    batch = read_file(
        "groups",
        header,
        ("visitors", "访客", "1", "50", "¥100.00", "5", "-10"),
        ("staff", "职工", "1", "60", "200", "10", "0"),
        ("students", "学生", "1", "12.50", "200", "10", "0"),
        ("wrong", "x", "9", "60", "abc", "300", "5"),
    )
    assert said(batch) == {
        4: ["limit per sale is from 0.00 to 65535.00 in steps of 1.00, not 12.50."],
        5: [
            "price class “9” does not exist.",
            "offline limit “abc” is no amount: it looks like 12 or 12.50.",
            "most sales without contact is a whole number from 0 to 255, not “300”.",
            "debt floor is from -100000.00 to 0.00 in steps of 0.01, not 5.",
        ],
    }
    apply(batch, clerk, only_good=True)
    made = Group.objects.get(code="visitors")
    assert (made.per_sale_limit_minor, made.offline_limit_minor, made.debt_floor_minor) == (50_00, 100_00, -10_00)
    cardholders.move_group(cardholder=campus.people[0], group=made, at=NOON)
    assert said(undo(batch, clerk))[2] == ["It stays: it is named by cardholders."]
    assert not Group.objects.filter(code="staff").exists()


def test_members_are_put_on_a_list_taken_off_it_and_brought_back(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    named = cardholders.save_list(code="poor", name="困难补助", at=NOON)
    cardholders.add_members(person_list=named, cardholder_ids=[campus.people[0].pk], at=NOON)
    batch = read_file(
        "members", ("list", "number"), ("poor", "S0001"), ("poor", "S0002"), ("poor", "X"), ("rich", "S0002")
    )
    assert counts(batch) == (0, 1, 1, 2)
    assert said(batch) == {4: ["Nobody has this number."], 5: ["list “rich” does not exist."]}
    apply(batch, clerk, only_good=True)
    off = apply(read_file("members", ("list", "number", "listed"), ("poor", "S0001", "否")), clerk)
    assert on(named.pk) == {campus.people[1].pk}
    undo(off, clerk)
    assert on(named.pk) == {campus.people[0].pk, campus.people[1].pk}
    undo(batch, clerk)
    assert on(named.pk) == {campus.people[0].pk}


def on(list_id: int) -> set[int]:
    return set(Cardholder.objects.filter(listed__person_list_id=list_id).values_list("pk", flat=True))


def test_importing_many_asks_no_more_statements_than_importing_few(
    campus: Campus, read_file: ReadFile, clerk: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [(f"N{number:05d}", "张三", "students", "3") for number in range(1_500)]
    rows += [(f"S{number:04d}", "李四", "students", "3") for number in range(1, 4)]
    with django_assert_max_num_queries(60):
        batch = apply(read_file("people", PEOPLE, *rows), clerk)
    assert counts(batch) == (1_500, 3, 0, 0)
    with django_assert_max_num_queries(90):
        assert undo(batch, clerk).left == 0


def test_what_is_exported_imports_as_unchanged(campus: Campus, read_file: ReadFile, clerk: User) -> None:
    named = cardholders.save_list(code="poor", name="困难补助", at=NOON)
    cardholders.add_members(person_list=named, cardholder_ids=[each.pk for each in campus.people], at=NOON)
    cardholders.set_attributes(cardholder=campus.people[0], attributes={"grade": "3"}, at=NOON)
    drinks = save_category(code="drinks", name="饮料", at=NOON)
    buttons = [NewPlacement(campus.outlet.pk), NewPlacement(campus.other_outlet.pk)]
    save_product(code="tea", name="茶", category=drinks, price_minor=3_00, placements=buttons, at=NOON)
    open_programme(name="月补").sites.set([campus.site])
    for kind in KINDS.values():
        table = operations.table_of(kind.name)
        batch = read_file(kind.name, table.header, *table.rows)
        assert batch.refused == batch.added == batch.changed == 0, kind.name
        assert batch.unchanged == len(list(kind.everything())), kind.name


def test_old_previews_are_forgotten_and_old_imports_keep_their_record(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    left = read_file("people", PEOPLE, ("N1", "甲", "students", "1"))
    done = apply(read_file("people", PEOPLE, ("N2", "甲", "students", "1")), clerk)
    operations.forget(at=NOON + operations.PREVIEW_KEPT / 2)
    assert ImportRow.objects.count() == 2
    operations.forget(at=NOON + operations.PREVIEW_KEPT * 2)
    assert list(ImportBatch.objects.all()) == [done]
    assert not ImportBatch.objects.filter(pk=left.pk).exists()
    operations.forget(at=NOON + operations.UNDO_KEPT * 2)
    assert ImportBatch.objects.get().rows.count() == 0


def test_an_import_too_old_to_undo_says_so_instead_of_undoing_nothing(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    batch = apply(read_file("people", PEOPLE, ("S0001", "李四", "students", "")), clerk)
    operations.forget(at=NOON + operations.UNDO_KEPT + timedelta(days=1))
    with pytest.raises(NotReady):
        undo(batch, clerk)
    batch.refresh_from_db()
    assert (batch.state, person("S0001").name) == (BatchState.APPLIED, "李四")


def test_a_number_that_the_spreadsheet_rounded_is_refused_in_every_column(campus: Campus, clerk: User) -> None:
    book, packed = Workbook(), BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(("number", "name", "group", "attribute:passport"))
    sheet.append(("N1", "甲", "students", 440101199001011234))
    book.save(packed)
    batch = operations.read_file(kind="people", data=packed.getvalue(), name="people.xlsx", by=clerk, at=NOON)
    rounded = "has more than 15 digits, and the spreadsheet has rounded it: format the column as text first."
    assert said(batch) == {2: [f"attribute:passport {rounded}"]}
