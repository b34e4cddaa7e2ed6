"""Importing and exporting in the administrator's pages: real requests against the real admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecard.cardholders.models import Cardholder
from ecard.imports import operations
from ecard.imports.models import BatchState, ImportBatch
from ecard.imports.reading import MAX_BYTES, read_table
from tests.support.campus import NOON, Campus

BEGIN = "admin:imports_importbatch_begin"
EXPORT = "admin:imports_importbatch_export"
PRESS = {"_form_submitted": "on"}


@pytest.fixture
def admin(clerk: User) -> Client:
    client = Client()
    client.force_login(clerk)
    return client


def upload(client: Client, text: str | bytes, *, kind: str = "people", name: str = "people.csv") -> HttpResponse:
    data = text.encode() if isinstance(text, str) else text
    response = client.post(reverse(BEGIN), {"kind": kind, "file": SimpleUploadedFile(name, data)})
    assert isinstance(response, HttpResponse)
    return response


def press(client: Client, button: str, batch: ImportBatch) -> HttpResponse:
    response = client.post(reverse(f"admin:imports_importbatch_{button}", args=[batch.pk]), PRESS)
    assert isinstance(response, HttpResponse)
    return response


def look(client: Client, batch: ImportBatch, query: str = "", *, language: str = "en") -> str:
    address = reverse("admin:imports_importbatch_change", args=[batch.pk])
    response = client.get(address + query, headers={"accept-language": language})
    assert response.status_code == 200
    return response.content.decode()


def clerk_with(*rights: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    for right in rights:
        app, _dot, name = right.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=name))
    client = Client()
    client.force_login(user)
    return client


def test_a_file_is_looked_at_imported_and_undone(admin: Client, campus: Campus) -> None:
    assert "attribute:grade" in admin.get(reverse(BEGIN)).content.decode()
    sent = upload(admin, "学号,班级\nS0001,三\n")
    assert sent.status_code == 200
    assert "There is no column “班级”" in sent.content.decode()
    sent = upload(admin, "学号,姓名,group\nS0001,李四,students\n0009,赵六,students\n".encode("gb18030"))
    assert sent.status_code == 302
    batch = ImportBatch.objects.get()
    shown = look(admin, batch)
    assert "name: 张三 → 李四" in shown
    assert "0009" in shown
    assert "0009" not in look(admin, batch, "?only=3")
    assert Cardholder.objects.get(number="S0001").name == "张三"
    assert press(admin, "undo", batch).status_code == 403
    assert press(admin, "apply", batch).headers["HX-Redirect"]
    assert Cardholder.objects.get(number="S0001").name == "李四"
    assert "Imported: 1 new, 1 changed." in look(admin, batch)
    assert press(admin, "apply", batch).status_code == 403
    assert press(admin, "undo", batch).headers["HX-Redirect"]
    assert Cardholder.objects.get(number="S0001").name == "张三"
    assert "Everything is as it was before." in look(admin, batch)


def test_a_file_with_wrong_rows_offers_the_good_ones_alone(admin: Client, campus: Campus) -> None:
    upload(admin, "number,name,group\nN1,甲,students\nN2,乙,nobody\n")
    batch = ImportBatch.objects.get()
    shown = look(admin, batch)
    assert "group “nobody” does not exist." in shown
    assert "Import the good rows" in shown
    assert press(admin, "apply", batch).status_code == 403
    assert press(admin, "apply_good", batch).headers["HX-Redirect"]
    assert Cardholder.objects.filter(number="N1").exists()


def test_a_file_that_is_too_large_is_refused_in_words(admin: Client, campus: Campus) -> None:
    assert "larger than 10 MB" in upload(admin, b"n\n" + b"x" * MAX_BYTES).content.decode()
    assert ImportBatch.objects.count() == 0


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_people_are_exported_as_they_import(admin: Client, campus: Campus, form: str) -> None:
    response = admin.post(reverse(EXPORT), {"kind": "people", "form": form})
    assert response.headers["Content-Disposition"].endswith(f'.{form}"')
    table = read_table(response.content, name=f"people.{form}")
    assert table.header == ("number", "name", "group")
    assert [line.cells[0] for line in table.lines] == ["S0001", "S0002", "S0003"]
    chinese = admin.post(reverse(EXPORT), {"kind": "people", "form": form}, headers={"accept-language": "zh-hans"})
    assert read_table(chinese.content, name="x").header[1] == "姓名"


def test_importing_takes_the_rights_to_add_and_change_such_records(campus: Campus) -> None:
    group_clerk = clerk_with(
        "imports.import_records", "cardholders.add_group", "cardholders.change_group", "cardholders.view_group"
    )
    refused = upload(group_clerk, "number,name,group\nN1,甲,students\n")
    assert refused.status_code == 200
    assert ImportBatch.objects.count() == 0
    groups = "code,name,price class,limit per sale,offline limit,most sales without contact\ng,组,1,1,1,1\n"
    assert upload(group_clerk, groups, kind="groups").status_code == 302
    assert group_clerk.get(reverse(EXPORT)).status_code == 403


def test_a_file_of_people_is_shown_to_nobody_who_may_not_see_people(admin: Client, campus: Campus) -> None:
    upload(admin, "number,name,group\nN1,甲,students\n")
    batch = ImportBatch.objects.get()
    clerk = clerk_with("imports.view_importbatch", "imports.import_records")
    assert clerk.get(reverse("admin:imports_importbatch_change", args=[batch.pk])).status_code == 403
    for button in ("apply", "apply_good", "undo"):
        assert press(clerk, button, batch).status_code == 403
    batch.refresh_from_db()
    assert batch.state == BatchState.READ


def test_a_page_of_a_large_preview_asks_a_few_statements(
    admin: Client, campus: Campus, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    lines = "\n".join(f"N{number},甲,students" for number in range(500))
    upload(admin, f"number,name,group\n{lines}\n")
    batch = ImportBatch.objects.get()
    with django_assert_max_num_queries(40):
        shown = look(admin, batch, "?only=2&p=2")
    assert "N60" in shown
    assert "N10<" not in shown


@pytest.mark.parametrize("button", ["apply", "undo"])
def test_a_button_that_a_colleague_was_quicker_with_is_answered_in_words(
    admin: Client, campus: Campus, clerk: User, monkeypatch: pytest.MonkeyPatch, button: str
) -> None:
    """Between the look at the state and the lock on it somebody else has done the same."""
    upload(admin, "number,name,group\nN1,甲,students\n")
    batch = ImportBatch.objects.get()
    real = getattr(operations, f"{button}_batch")
    if button == "undo":
        operations.apply_batch(batch=batch, only_good=False, by=clerk, at=NOON)

    def slower(**given: Any) -> ImportBatch:
        real(**given)
        done: ImportBatch = real(**given)
        return done

    monkeypatch.setattr(operations, f"{button}_batch", slower)
    assert press(admin, button, batch).headers["HX-Redirect"]
    assert "Somebody else was quicker" in look(admin, batch)


def test_an_import_too_old_to_undo_offers_no_button(admin: Client, campus: Campus, clerk: User) -> None:
    upload(admin, "number,name,group\nN1,甲,students\n")
    batch = operations.apply_batch(batch=ImportBatch.objects.get(), only_good=False, by=clerk, at=NOON)
    assert "Undo this import" in look(admin, batch)
    operations.forget(at=timezone.now() + operations.UNDO_KEPT + timedelta(days=1))
    assert "Undo this import" not in look(admin, batch)
