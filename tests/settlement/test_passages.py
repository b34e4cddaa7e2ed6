"""What terminals report besides sales: who passed a gate, and what supervisors did; once, and no longer than needed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from devices.core.journal import NoteRecord, encode_record
from devices.core.notes import SHIFT_CLOSED, SHIFT_OPENED
from ecard.settlement import operations, queries
from ecard.settlement.models import Passage, Sale, SaleException, TerminalNote, Way
from ecard.settlement.reported.queries import Counted, shift_posted
from ecard.settlement.rules import Finding
from ecard.terminals.models import Supervisor
from ecard.terminals.operations import save_supervisor
from tests.support.settling import Till, World, make_till


def settled(world: World, *tills: Till) -> None:
    for till in tills:
        till.upload()
    world.settle()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin(world: World) -> Client:
    return client_of(get_user_model().objects.create_superuser("admin", password="x"))


def page(client: Client, path: str) -> str:
    response = client.get(f"/admin/settlement/{path}")
    assert response.status_code == 200, path
    return response.content.decode()


def test_passages_and_notes_are_kept_once_and_move_no_money(world: World, till: Till) -> None:
    purses = [world.purse(place) for place in range(2)]
    till.let_through(0)
    till.let_through(1, "out")
    till.note("shift.opened", by=("9",))
    settled(world, till)
    till.send(till.sealed(1))
    world.settle()
    stored = Passage.objects.order_by("id").values_list("account_ref", "way", "finding")
    refs = [world.person(place).account_ref for place in range(2)]
    assert list(stored) == [(refs[0], Way.IN, Finding.FINE), (refs[1], Way.OUT, Finding.FINE)]
    assert list(TerminalNote.objects.values_list("what", "by", "names")) == [("shift.opened", ["9"], ["9"])]
    assert [world.purse(place) for place in range(2)] == purses
    assert not SaleException.objects.exists()


def test_nothing_of_them_counts_as_lost(world: World, till: Till) -> None:
    till.sell(0, 5_00)
    till.let_through(0)
    till.note("shift.opened")
    settled(world, till)
    (audit,) = queries.audit_streams()
    assert (audit.sales, audit.reported, audit.lost) == (1, 2, 0)


def test_a_passage_with_a_code_that_does_not_hold_is_listed_with_its_finding(
    world: World, till: Till, admin: Client
) -> None:
    till.let_through(0, code="not a code")
    settled(world, till)
    (passage,) = Passage.objects.all()
    assert Finding(passage.finding) == Finding.CODE_NOT_A_CODE
    assert not SaleException.objects.exists()
    assert "does not hold" in page(admin, "passage/")
    assert "not a payment code" in page(admin, f"passage/{passage.pk}/change/")


def test_the_passages_of_one_group_take_one_statement_however_many(world: World, till: Till) -> None:
    def statements(count: int) -> int:
        for _ in range(count):
            till.let_through(0)
        till.upload()
        with CaptureQueriesContext(connection) as captured:
            world.settle()
        return sum("settlement_passage" in each["sql"] for each in captured)

    assert (statements(1), statements(40), statements(0)) == (1, 1, 0)


def test_sales_alone_ask_nothing_of_passages_or_notes(world: World, till: Till) -> None:
    till.sell(0, 5_00)
    till.upload()
    with CaptureQueriesContext(connection) as captured:
        world.settle()
    assert not any("settlement_passage" in each["sql"] or "terminalnote" in each["sql"] for each in captured)


def test_a_note_with_a_character_that_no_database_takes_does_not_stop_the_others(world: World, till: Till) -> None:
    """Attack: a terminal with a key writes NUL into every text it can, so that posting its group fails for ever."""
    till.write(NoteRecord(len(till.lines) + 1, int(till.clock.timestamp() * 1000), "a\0b", ("\0",), {"n\0": 1}))
    seq = till.sell(0, 5_00)
    till.reverse(seq)
    till.lines[-1] = till.lines[-1].replace(b'"of_seq":', b'"reason":"x\\u0000y","of_seq":')
    till.sell(1, 6_00)
    settled(world, till)
    assert Sale.objects.count() == 2
    (note,) = TerminalNote.objects.all()
    assert (note.what, note.by, note.params) == ("ab", [""], {"n": 1})


def test_who_passed_is_forgotten_after_the_days_that_are_set(world: World, till: Till) -> None:
    till.let_through(0)
    till.wait(3 * 86_400)
    settled(world, till)
    Passage.objects.get()
    with override_settings(ECARD_PASSAGES_KEEP_DAYS=2):
        assert operations.forget_who_passed(at=till.clock + timedelta(days=1)) == 1
        assert operations.forget_who_passed(at=till.clock + timedelta(days=1)) == 0
    assert Passage.objects.get().account_ref is None
    assert queries.audit_streams()[0].lost == 0


def test_the_days_count_from_the_passage_and_not_from_its_upload(world: World, till: Till) -> None:
    till.let_through(0)
    settled(world, till)
    with override_settings(ECARD_PASSAGES_KEEP_DAYS=2):
        assert operations.forget_who_passed(at=till.clock + timedelta(days=2)) == 0
        assert operations.forget_who_passed(at=till.clock + timedelta(days=2, seconds=1)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settlement_passage SET way = 2",
        "DELETE FROM settlement_passage",
        "UPDATE settlement_terminalnote SET what = 'x'",
        "DELETE FROM settlement_terminalnote",
    ],
)
def test_the_runtime_role_can_only_forget(app_connection: psycopg.Connection[object], statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute(statement)


def test_supervisors_are_named_as_they_were_called_then(world: World, till: Till, admin: Client) -> None:
    supervisor = Supervisor()
    given: dict[str, Any] = {"site": world.campus.site, "terminals": (), "active": True, "at": world.at}
    save_supervisor(supervisor=supervisor, name="王主管", pin="280417", **given)
    till.note("offline.extended", by=(str(supervisor.pk), "77"), hours=4, total_hours=4, snapshot_made_s=1)
    settled(world, till)
    save_supervisor(supervisor=supervisor, name="赵主管", **given)
    assert "王主管, 77 extended offline sales by 4 h" in page(admin, "terminalnote/")


def shift(till: Till, *, sales: int, sales_minor: int) -> None:
    till.note(SHIFT_CLOSED, by=("3",), sales=sales, sales_minor=sales_minor, reversals=1, reversed_minor=3_00)


def test_a_shift_is_shown_beside_what_posted_of_it(world: World, till: Till, admin: Client) -> None:
    till.sell(0, 50_00)
    till.note(SHIFT_OPENED, by=("3",))
    till.sell(0, 5_00)
    till.start()
    till.reverse(till.sell(1, 3_00))
    shift(till, sales=2, sales_minor=8_00)
    till.sell(0, 40_00)
    till.upload(1, 4, epoch=till.epoch - 1)
    settled(world, till)
    note = TerminalNote.objects.get(what=SHIFT_CLOSED)
    found = shift_posted(note)
    assert found is not None
    assert found.lines == (
        Counted("sales", 2, 2),
        Counted("sales_minor", 8_00, 8_00),
        Counted("reversals", 1, 1),
        Counted("reversed_minor", 3_00, 3_00),
    )
    assert (found.same, found.waiting) == (True, 0)
    shown = page(admin, f"terminalnote/{note.pk}/change/")
    assert "What was posted is what the terminal counted." in shown


def test_a_shift_that_differs_says_by_how_much(world: World, till: Till, admin: Client) -> None:
    till.note(SHIFT_OPENED)
    till.reverse(till.sell(0, 3_00))
    shift(till, sales=2, sales_minor=10_00)
    settled(world, till)
    note = TerminalNote.objects.get(what=SHIFT_CLOSED)
    found = shift_posted(note)
    assert found is not None
    assert not found.same
    shown = page(admin, f"terminalnote/{note.pk}/change/")
    assert "The two differ" in shown
    assert "-7.00" in shown.replace("\N{MINUS SIGN}", "-").replace("¥", "")


def test_another_terminals_sales_are_not_counted_into_a_shift(world: World, till: Till) -> None:
    other = make_till(world, number=2)
    till.note(SHIFT_OPENED)
    other.sell(1, 9_00)
    till.reverse(till.sell(0, 3_00))
    shift(till, sales=1, sales_minor=3_00)
    settled(world, till, other)
    found = shift_posted(TerminalNote.objects.get(what=SHIFT_CLOSED))
    assert found is not None
    assert found.same


def test_a_closing_without_its_beginning_is_compared_with_nothing(world: World, till: Till, admin: Client) -> None:
    shift(till, sales=1, sales_minor=1)
    settled(world, till)
    note = TerminalNote.objects.get()
    assert shift_posted(note) is None
    page(admin, f"terminalnote/{note.pk}/change/")


def test_passages_are_found_by_person_and_by_gate(world: World, till: Till, admin: Client) -> None:
    till.let_through(0)
    till.let_through(1)
    settled(world, till)
    name, number = world.person(0).name, world.person(0).number
    assert Passage.objects.count() == 2
    for term, rows in ((number, 1), (till.terminal.name, 2), ("nobody", 0)):
        text = page(admin, f"passage/?q={term}")
        assert len(re.findall(r"/terminals/terminal/\d+", text)) == rows, term
    assert name in page(admin, f"passage/?q={number}")
    assert "forgotten" not in page(admin, "passage/")


def test_an_encoded_note_is_read_whole(world: World, till: Till) -> None:
    till.note("x" * 64, by=("1", "2", "3", "4"), **{f"n{number}": 2**62 for number in range(32)})
    assert len(encode_record(NoteRecord(1, 1, "x"))) < 100
    settled(world, till)
    note = TerminalNote.objects.get()
    assert (note.what, note.by, len(note.params)) == ("x" * 64, ["1", "2", "3", "4"], 32)


@pytest.mark.parametrize(
    ("role", "status"), [("财务 · Finance", 403), ("审计 · Auditor", 403), ("门卫 · Gatekeeper", 200)]
)
def test_where_somebody_was_is_seen_by_the_gate_and_not_by_whoever_counts_money(
    world: World, role: str, status: int
) -> None:
    user = get_user_model().objects.create_user(f"u{status}{role}", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    assert client_of(user).get("/admin/settlement/passage/").status_code == status
    assert Permission.objects.filter(codename="view_passage").exists()
