"""The pages of a run: real requests by the people who make, approve and pay it."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook

from ecard.approvals.models import Approval
from ecard.benefits import runs
from ecard.benefits.forms_runs import NewRunForm
from ecard.benefits.models import Run, RunState
from ecard.benefits.operations import open_programme, open_sponsor
from ecard.benefits.runs.people import UPLOAD_BYTES_MAX, UPLOAD_UNPACKED_BYTES_MAX
from ecard.benefits.tasks import continue_runs
from ecard.cardholders.operations import open_cardholders
from ecard.cardholders.values import NewCardholder
from tests.benefits.paying import credit, lots, paid, purses, staff
from tests.benefits.test_run_reversals import spend
from tests.benefits.test_scheduled_runs import monthly
from tests.support.campus import NOON, Campus, make_campus

pytestmark = pytest.mark.django_db
SENT = {"_form_submitted": "on"}
NEW = {"amount_minor": "50", "reason": "November", "period_key": "2026-11", "last_day": "2030-12-31"}


@pytest.fixture
def campus() -> Campus:
    return make_campus()


def client_of(name: str) -> Client:
    user = staff(name)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_runline", "view_approval"]))
    client = Client()
    client.force_login(user)
    return client


def press(client: Client, button: str, run: Run, **given: str) -> Run:
    client.post(reverse(f"admin:benefits_run_{button}", args=[run.pk]), {**SENT, **given})
    run.refresh_from_db()
    return run


def zipped(name: str, content: bytes) -> bytes:
    """An archive as a workbook is one, of a single file."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def workbook(*rows: list[object], zeros: str = "") -> SimpleUploadedFile:
    """An Excel file; numbers in its first column are shown with so many zeros."""
    book, content = Workbook(), BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
        if zeros:
            sheet.cell(sheet.max_row, 1).number_format = zeros
    book.save(content)
    return SimpleUploadedFile("list.xlsx", content.getvalue())


def make_people(campus: Campus, *numbers: str) -> None:
    open_cardholders(people=[NewCardholder(number, "同学", campus.group.pk) for number in numbers], at=NOON)


def page(client: Client, run: Run) -> str:
    return client.get(reverse("admin:benefits_run_change", args=[run.pk])).content.decode()


def made(client: Client, **given: object) -> Run:
    answer = client.post(reverse("admin:benefits_run_new"), {**NEW, **given})
    assert answer.status_code == 302, answer.content.decode()
    return Run.objects.latest("pk")


def test_a_run_is_made_in_at_most_ten_inputs_and_paid_by_pressing_buttons(campus: Campus) -> None:
    assert len(NewRunForm().fields) <= 10
    programme = open_programme(name="餐补", name_en="Meal subsidy")
    clerk, boss = client_of("clerk"), client_of("boss")
    run = made(clerk, programme=programme.pk)
    assert (run.state, run.people, run.total_minor) == (RunState.LISTED, 3, 150_00)
    shown = page(clerk, run)
    for told in ("¥150.00 to 3 people", "S0001", "Ask for approval"):
        assert told in shown
    assert "Pay out" not in shown
    assert press(clerk, "ask", run).state == RunState.ASKED
    assert press(clerk, "pay_out", run).state == RunState.ASKED
    assert "not approved" in page(clerk, run)
    boss.post(reverse("admin:approvals_approval_approve", args=[Approval.objects.get().pk]), SENT)
    assert press(clerk, "pay_out", run).state == RunState.POSTING
    assert 'http-equiv="refresh"' in page(clerk, run)
    continue_runs()
    assert 'http-equiv="refresh"' not in page(clerk, run)
    assert lots(campus.people) == [50_00] * 3
    assert LogEntry.objects.filter(object_id=str(run.pk), content_type__model="run").count() == 3


def test_possible_duplicates_are_shown_and_overruled_by_ones_own_name(campus: Campus) -> None:
    sponsor = open_sponsor(name="好意")
    paid(credit(sponsor, uploaded="S0001", amount_minor=50_00))
    clerk = client_of("clerk")
    Run.objects.update(posting_at=Run.objects.latest("pk").made_at)
    run = made(clerk, sponsor=sponsor.pk, period_key="")
    Run.objects.exclude(pk=run.pk).update(posting_at=run.made_at, posted_at=run.made_at)
    press(clerk, "list_people", run)
    assert run.duplicates == 1
    assert "got the same amount" in page(clerk, run)
    press(clerk, "ask", run)
    assert run.state == RunState.LISTED
    press(clerk, "overrule", run, typed_name="boss")
    assert run.duplicates_overruled_by is None
    press(clerk, "overrule", run, typed_name="clerk")
    assert run.duplicates_overruled_by == staff("clerk")
    assert press(clerk, "ask", run).state == RunState.ASKED


def test_a_run_is_reversed_by_one_button_and_what_was_spent_is_listed(campus: Campus) -> None:
    run = paid(credit(uploaded="S0001\nS0002"))
    spend(campus.people[0].purse_id, 15_00)
    boss = client_of("boss")
    press(boss, "reverse", run, reason="wrong list")
    continue_runs()
    run.refresh_from_db()
    assert run.state == RunState.REVERSED
    shown = page(boss, run)
    for told in ("wrong list", "¥25.00", "¥15.00"):
        assert told in shown
    lines = boss.get(reverse("admin:benefits_runline_changelist"), {"run__id__exact": run.pk, "spent_minor__gt": 0})
    assert "S0001" in lines.content.decode()
    assert "S0002" not in lines.content.decode()
    assert purses(campus.people) == [0, 0, 0]


def test_an_excel_file_with_amounts_becomes_the_list(campus: Campus) -> None:
    file = workbook(["学号", "金额"], ["S0001", 12.5], ["S0003", None])
    run = made(client_of("clerk"), sponsor=open_sponsor(name="x").pk, period_key="", file=file)
    assert list(run.lines.values_list("number", "amount_minor")) == [("S0001", 12_50), ("S0003", 50_00)]


def test_a_number_whose_zeros_excel_only_shows_is_not_somebody_elses(campus: Campus) -> None:
    """A sheet shows 00123 and holds 123; of a number beyond 15 digits it has rounded what it holds."""
    make_people(campus, "00123", "123")
    clerk, sponsor = client_of("clerk"), open_sponsor(name="x")
    given = {"sponsor": sponsor.pk, "period_key": ""}
    run = made(clerk, **given, file=workbook([123, 5], zeros="00000"))
    assert list(run.lines.values_list("number", "amount_minor")) == [("00123", 5_00)]
    answer = clerk.post(reverse("admin:benefits_run_new"), {**NEW, **given, "file": workbook([440101199001011234, 5])})
    assert "row 1" in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("list.csv", b"S0001,abc", "row 1"),
        ("list.xlsx", b"no workbook", "not an Excel file"),
        ("list.csv", b"\xff\xff\x80", "neither UTF-8"),
        ("list.csv", b"S00\x0001", "neither UTF-8"),
        ("list.csv", b"S" * (UPLOAD_BYTES_MAX + 1), "larger than 4 MB"),
        (
            "list.xlsx",
            zipped("xl/worksheets/sheet1.xml", b"0" * (UPLOAD_UNPACKED_BYTES_MAX + 1)),
            "Unpacked, the file is larger than 32 MB",
        ),
        ("list.xlsx", zipped("xl/workbook.xml", b"<!DOCTYPE x [<!ENTITY a 'ha'>]><x>&a;"), "not an Excel file"),
    ],
)
def test_a_file_that_cannot_be_read_is_answered_in_words(campus: Campus, name: str, content: bytes, told: str) -> None:
    given = {**NEW, "sponsor": open_sponsor(name="x").pk, "file": SimpleUploadedFile(name, content)}
    answer = client_of("clerk").post(reverse("admin:benefits_run_new"), given)
    assert told in answer.content.decode()
    assert not Run.objects.exists()


@pytest.mark.parametrize("given", [{}, {"amount_minor": ""}, {"amount_minor": "0"}, {"last_day": "2020-01-01"}])
def test_what_is_missing_is_said_beside_its_input(campus: Campus, given: dict[str, str]) -> None:
    programme = open_programme(name="餐补") if given else None
    form = {**NEW, **given, "programme": programme.pk if programme else ""}
    answer = client_of("clerk").post(reverse("admin:benefits_run_new"), form)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert not Run.objects.exists()


def test_whoever_may_only_make_runs_neither_pays_nor_reverses_them(campus: Campus) -> None:
    run = paid(credit(uploaded="S0001"))
    maker = client_of("maker")
    staff("maker").user_permissions.remove(*Permission.objects.filter(codename__in=["post_run", "reverse_run"]))
    for button in ("pay_out", "reverse"):
        answer = maker.post(reverse(f"admin:benefits_run_{button}", args=[run.pk]), {**SENT, "reason": "x"})
        assert answer.status_code == 403


def test_a_button_pressed_on_an_old_page_is_answered_in_words(campus: Campus) -> None:
    run = runs.dry_run(run_id=credit(uploaded="S0001").pk, at=NOON)
    clerk = client_of("clerk")
    press(clerk, "cancel", run)
    press(clerk, "ask", run)
    assert run.state == RunState.CANCELLED
    assert "This cannot be done now" in page(clerk, run)


def test_a_calendar_is_asked_for_on_the_programmes_page_and_tells_when_it_issues_next(campus: Campus) -> None:
    programme = monthly()
    clerk, boss = client_of("clerk"), client_of("boss")
    for name in ("clerk", "boss"):
        rights = ("view_programme", "change_programme")
        staff(name).user_permissions.add(*Permission.objects.filter(codename__in=rights))
    address = reverse("admin:benefits_programme_change", args=[programme.pk])
    button = reverse("admin:benefits_programme_ask_schedule", args=[programme.pk])
    assert "As it stands it issues nothing by itself" in clerk.get(address).content.decode()
    clerk.post(button, SENT)
    asked = Approval.objects.get()
    shown = boss.get(reverse("admin:approvals_approval_change", args=[asked.pk])).content.decode()
    assert address in shown
    assert "¥50.00" in shown
    boss.post(reverse("admin:approvals_approval_approve", args=[asked.pk]), SENT)
    runs.run_due(clock=timezone.now)
    page_now = clerk.get(address).content.decode()
    assert "approved; next on" in page_now
    assert button not in page_now
