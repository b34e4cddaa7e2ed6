"""What an administrator sees of sales, uploads and exceptions, and what they may do."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ecard.settlement.models import ExceptionKind, ExceptionState, QuarantinedBatch, QuarantineKind, Sale, SaleException
from ecard.terminals.operations import revoke
from tests.support.settling import Till, World

LIST_STATEMENTS_MAX = 16
PAGE_STATEMENTS_MAX = 30


@pytest.fixture
def posted(world: World, till: Till) -> World:
    till.sell(0, 12_00, lots=world.lots(0))
    till.reverse(till.sell(1, 9_00))
    till.sell(2, 150_00)
    till.sell(1, 5_00, code="not a code")
    till.upload()
    honest = list(till.lines)
    till.lines[1] = till.lines[1].replace(b'"shown_minor":1200', b'"shown_minor":1100')
    till.upload(1, 2)
    till.lines = honest
    world.settle()
    return world


@pytest.fixture
def admin(posted: World) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("admin", password="x"))
    return client


def page(client: Client, path: str) -> str:
    response = client.get(f"/admin/settlement/{path}")
    assert response.status_code == 200, path
    return response.content.decode()


def resolve(client: Client, record: Model, *, note: str) -> Any:
    """Send the dialog."""
    url = reverse(f"admin:settlement_{record._meta.model_name}_resolve", args=[record.pk])
    return client.post(url, {"note": note, "_form_submitted": "on"})


@pytest.mark.parametrize("model", ["sale", "salereversal", "batch", "quarantinedbatch", "saleexception"])
def test_a_list_takes_few_statements_and_never_counts_all(admin: Client, model: str) -> None:
    page(admin, f"{model}/")
    with CaptureQueriesContext(connection) as seen:
        page(admin, f"{model}/")
    assert len(seen) <= LIST_STATEMENTS_MAX
    counts = [each["sql"] for each in seen if f'FROM "settlement_{model}"' in each["sql"] and "COUNT(*)" in each["sql"]]
    assert all("LIMIT" in sql for sql in counts)


def test_a_list_takes_no_more_statements_for_more_sales(admin: Client, world: World, till: Till) -> None:
    with CaptureQueriesContext(connection) as few:
        page(admin, "sale/")
    for _sale in range(10):
        till.sell(0, 1_00)
    till.upload()
    world.settle()
    with CaptureQueriesContext(connection) as more:
        page(admin, "sale/")
    assert len(more) == len(few)


def test_a_sales_page_tells_who_paid_why_and_by_what_code(admin: Client) -> None:
    sale = Sale.objects.get(grant_minor__gt=0)
    with CaptureQueriesContext(connection) as seen:
        shown = page(admin, f"sale/{sale.pk}/change/")
    assert len(seen) <= PAGE_STATEMENTS_MAX
    for part in (
        "¥12.00",
        "sale from a grant",
        "¥7.00",
        "List price ¥12.00",
        "“Meal subsidy” paid ¥5.00",
        "The purse paid ¥7.00",
        "device-bound code",
        "gives the same price, legs and reasons",
        "张三",
    ):
        assert part in shown, part
    assert 'name="_save"' not in shown


def test_sales_are_found_by_number_person_and_terminal(admin: Client, world: World, till: Till) -> None:
    sale = Sale.objects.get(grant_minor__gt=0)
    for term in (f"#{sale.pk}", world.person(1).number, till.terminal.name, "nobody"):
        shown = page(admin, f"sale/?q={term.replace('#', '%23')}")
        for each in Sale.objects.all():
            expected = {
                f"#{sale.pk}": each.pk == sale.pk,
                world.person(1).number: each.account_ref == world.person(1).account_ref,
                till.terminal.name: True,
                "nobody": False,
            }[term]
            assert (f"/sale/{each.pk}/change/" in shown) == expected, term


def test_an_exception_says_what_happened_and_is_resolved_with_a_note(admin: Client) -> None:
    exception = SaleException.objects.get(kind=ExceptionKind.PURSE_SHORT)
    shown = page(admin, f"saleexception/{exception.pk}/change/")
    assert "booked to offline loss" in shown
    resolve(admin, exception, note="ask for it at the next top-up")
    exception.refresh_from_db()
    assert (exception.state, exception.note) == (ExceptionState.RESOLVED, "ask for it at the next top-up")
    assert exception.resolved_by is not None


def test_a_quarantined_upload_is_resolved_with_a_note(admin: Client) -> None:
    batch = QuarantinedBatch.objects.get()
    assert "other content" in page(admin, f"quarantinedbatch/{batch.pk}/change/")
    resolve(admin, batch, note="  ")
    batch.refresh_from_db()
    assert batch.resolved_at is None
    resolve(admin, batch, note="a bug, fixed")
    batch.refresh_from_db()
    assert (batch.resolved_at is not None, batch.note) == (True, "a bug, fixed")


@pytest.mark.parametrize("model", ["sale", "salereversal", "batch", "quarantinedbatch", "saleexception"])
def test_nobody_adds_edits_or_deletes_here(admin: Client, model: str) -> None:
    assert admin.get(f"/admin/settlement/{model}/add/").status_code == 403


def test_a_clerk_who_may_only_look_cannot_resolve(posted: World) -> None:
    clerk = get_user_model().objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_saleexception"))
    client = Client()
    client.force_login(clerk)
    exception = SaleException.objects.order_by("id")[0]
    assert client.get(f"/admin/settlement/saleexception/{exception.pk}/change/").status_code == 200
    assert resolve(client, exception, note="done").status_code in (302, 403)
    exception.refresh_from_db()
    assert exception.state == ExceptionState.OPEN


def test_an_upload_kept_apart_is_posted_after_all_from_its_page(admin: Client, world: World, till: Till) -> None:
    till.sell(0, 3_00)
    revoke(terminal=till.terminal, by=None, at=world.at)
    till.upload()
    batch = QuarantinedBatch.objects.get(kind=QuarantineKind.REVOKED)
    url = reverse("admin:settlement_quarantinedbatch_admit", args=[batch.pk])
    admin.post(url, {"note": "found in the kitchen", "_form_submitted": "on"})
    world.settle()
    batch.refresh_from_db()
    assert batch.note == "found in the kitchen"
    assert world.purse(0) == 100_00 - 7_00 - 3_00
