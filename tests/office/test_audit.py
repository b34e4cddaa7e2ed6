"""The nightly audit: what it finds, that it goes on where it stopped, and that it is seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.test import Client
from django.urls import reverse

from ecard.ledger.models import Account
from ecard.office.audit import begin_audit, continue_audit
from ecard.office.models import AuditRun, Part
from ecard.settlement.models import Sale
from ecard.settlement.references import sale_reference_check
from tests.support.campus import NOON
from tests.support.settling import World, make_till, make_world


def run_to_the_end() -> AuditRun:
    begin_audit(at=NOON)
    continue_audit(clock=lambda: NOON)
    return AuditRun.objects.order_by("-pk")[0]


def sell_and_post(world: World) -> Sale:
    till = make_till(world)
    till.sell(0, 5_00)
    till.upload()
    world.settle()
    return Sale.objects.get()


def test_a_sound_ledger_has_no_faults(world: World) -> None:
    sell_and_post(world)
    run = run_to_the_end()
    assert (run.part, run.faults, run.finished_at) == (Part.DONE, 0, NOON)
    assert run.accounts == Account.objects.count()
    assert run.transfers > 0
    assert (run.sales, run.streams) == (1, 1)


def test_a_balance_that_was_tampered_with_is_found_and_shown(admin: Client, world: World) -> None:
    Account.objects.filter(pk=world.person().purse_id).update(balance_minor=99_00)
    run = run_to_the_end()
    assert {finding["kind"] for finding in run.findings} == {"sum", "balance"}
    shown = admin.get(reverse("admin:office_auditrun_change", args=[run.pk])).content.decode()
    assert "stands at ¥99.00, but its transfers come to ¥100.00" in shown
    assert "come to -¥1.00" in shown
    assert "2 faults" in admin.get("/admin/").content.decode()


def test_a_sale_that_names_what_is_not_there_is_found(
    committed_db: None, owner_connection: psycopg.Connection[Any]
) -> None:
    sale = sell_and_post(make_world(at=NOON))
    assert sale_reference_check().dangling == ()
    # Nobody but the owner of the tables could do this.
    owner_connection.execute("ALTER TABLE settlement_sale DISABLE TRIGGER USER")
    owner_connection.execute("UPDATE settlement_sale SET outlet_id = 32000 WHERE id = %s", [sale.pk])
    owner_connection.execute("ALTER TABLE settlement_sale ENABLE TRIGGER USER")
    owner_connection.commit()
    (dangling,) = sale_reference_check().dangling
    assert (dangling.sale_id, dangling.missing) == (sale.pk, "outlet 32000")
    run = run_to_the_end()
    assert {"kind": "sale", "sale": sale.pk, "missing": "outlet 32000"} in run.findings


def test_references_are_checked_page_by_page(world: World) -> None:
    till = make_till(world)
    for _each in range(3):
        till.sell(0, 1_00)
    till.upload()
    world.settle()
    first = sale_reference_check(limit=2)
    assert (first.checked, first.next_after is None) == (2, False)
    rest = sale_reference_check(after=first.next_after or 0, limit=2)
    assert (rest.checked, rest.next_after) == (1, None)


def test_an_audit_that_was_cut_short_goes_on_where_it_stopped(world: World) -> None:
    run = begin_audit(at=NOON)
    assert begin_audit(at=NOON) == run
    parts = []
    for _each in range(20):
        if not continue_audit(clock=lambda: NOON, budget=timedelta()):
            break
        run.refresh_from_db()
        parts.append(Part(run.part))
    assert parts == [Part.ACCOUNTS, Part.TRANSFERS, Part.SALES, Part.STREAMS, Part.DONE]
    assert not continue_audit(clock=lambda: NOON)
    assert begin_audit(at=NOON) != run


def test_an_audit_is_begun_by_whoever_may(admin: Client, world: World) -> None:
    address = reverse("admin:office_auditrun_begin")
    assert admin.post(address, {"_form_submitted": "on"}).headers["HX-Redirect"]
    assert AuditRun.objects.get().finished_at is None


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_finding_of_a_kind_unknown_is_shown_as_it_is(admin: Client, language: str) -> None:
    run = AuditRun.objects.create(
        began_at=NOON, finished_at=NOON, part=Part.DONE, faults=500, findings=[{"kind": "new", "what": "odd"}]
    )
    page = reverse("admin:office_auditrun_change", args=[run.pk])
    shown = admin.get(page, headers={"accept-language": language}).content.decode()
    assert "odd" in shown
    assert "499" in shown
