"""The administrator's pages of terminals, by real requests."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from devices.core import enrolment
from devices.core.messages import EnrolRequest
from devices.core.status import STATUS_HEADER, Status, encode_status
from ecard.terminals import operations, queries
from ecard.terminals.models import EnrolmentCode, Terminal, TerminalState
from ecard.terminals.values import Heartbeat
from tests.support.campus import Campus
from tests.support.device import Device, key_of, terminal_of
from tests.terminals.posting import make_stream

CODE = re.compile(r"[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}")


@pytest.fixture
def office(campus: Campus) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", password="x"))
    return client


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:terminals_{name}", args=args)


def test_a_terminal_is_registered_and_changed_through_operations(office: Client, campus: Campus) -> None:
    form = {"name": "窗口7", "outlet": campus.outlet.pk, "mode": "fixed", "fixed_minor": "8.50"}
    assert office.post(page("terminal_add"), form).status_code == 302
    terminal = Terminal.objects.get()
    assert (terminal.name, terminal.fixed_minor, terminal.state) == ("窗口7", 8_50, TerminalState.NEW)
    inline = {"streams-TOTAL_FORMS": 0, "streams-INITIAL_FORMS": 0}
    changed = form | inline | {"mode": "typed", "fixed_minor": "0"}
    assert office.post(page("terminal_change", terminal.pk), changed).status_code == 302
    terminal.refresh_from_db()
    assert (terminal.mode, terminal.fixed_minor) == ("typed", 0)


@pytest.mark.parametrize(("mode", "price"), [("fixed", "0"), ("typed", "5")])
def test_a_price_that_does_not_go_with_the_mode_is_explained(
    office: Client, campus: Campus, mode: str, price: str
) -> None:
    form = {"name": "x", "outlet": campus.outlet.pk, "mode": mode, "fixed_minor": price}
    response = office.post(page("terminal_add"), form)
    assert response.status_code == 200
    assert "fixed price" in response.content.decode()
    assert not Terminal.objects.exists()


def test_the_invitation_is_shown_once_and_enrols(office: Client, device: Device, now: datetime) -> None:
    address = page("terminal_invite", device.terminal_id)
    asked = office.get(address)
    assert not CODE.search(asked.content.decode())
    assert EnrolmentCode.objects.filter(used_at__isnull=True).count() == 0
    shown = office.post(address)
    found = CODE.search(shown.content.decode())
    assert found is not None
    assert "data:image/png;base64," in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert not CODE.search(office.get(address).content.decode())
    request = EnrolRequest(code=enrolment.secret_of(found[0]), public=key_of(2).public.hex(), software="")
    assert operations.enrol(request=request, at=now).terminal == device.terminal_id


def test_revoking_asks_first_and_then_refuses_the_device(office: Client, device: Device) -> None:
    address = page("terminal_revoke", device.terminal_id)
    office.get(address)
    assert device.ask("keys").status_code == 200
    assert office.post(address, {"_form_submitted": "1"}).status_code == 200
    row = terminal_of(device)
    assert (row.state, row.revoked_by is not None) == (TerminalState.REVOKED, True)
    assert device.ask("keys").status_code == 403


@pytest.mark.parametrize(
    ("right", "route"), [("invite_terminal", "terminal_invite"), ("revoke_terminal", "terminal_revoke")]
)
def test_inviting_and_revoking_need_a_right_of_their_own(device: Device, right: str, route: str) -> None:
    clerk = get_user_model().objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_terminal", "change_terminal"]))
    client = Client()
    client.force_login(clerk)
    assert client.get(page(route, device.terminal_id)).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename=right))
    assert client.get(page(route, device.terminal_id)).status_code == 200


def test_nobody_deletes_a_terminal(office: Client, device: Device) -> None:
    assert office.post(page("terminal_delete", device.terminal_id), {"post": "yes"}).status_code == 403


def test_the_list_costs_the_same_for_many_terminals(office: Client, campus: Campus, now: datetime) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert office.get(page("terminal_changelist")).status_code == 200
        return len(captured)

    operations.register(name="first", outlet=campus.outlet, at=now)
    statements()
    few = statements()
    for number in range(20):
        operations.register(name=f"T{number}", outlet=campus.other_outlet, at=now)
    assert statements() == few


def test_streams_are_looked_at_and_not_touched(office: Client, device: Device, now: datetime) -> None:
    for epoch in range(1, 12):
        make_stream(terminal_of(device), epoch=epoch, at=now)
    assert office.get(page("stream_changelist")).status_code == 200
    terminal_page = office.get(page("terminal_change", device.terminal_id)).content.decode()
    shown = [
        epoch
        for epoch in range(1, 12)
        if f"{device.terminal_id}/{epoch:x}<" in terminal_page.replace("\n", "").replace(" ", "")
    ]
    assert shown == list(range(4, 12))
    stream = terminal_of(device).streams.get(epoch=11)
    assert office.get(page("stream_change", stream.pk)).status_code == 200
    assert office.post(page("stream_change", stream.pk), {"next_seq": 1}).status_code == 403
    assert office.get(page("stream_add")).status_code == 403


def test_how_many_neighbours_a_terminal_hears_stands_on_its_page_and_in_the_list(
    office: Client, device: Device
) -> None:
    device.ask("keys", headers={STATUS_HEADER: encode_status(Status(policy=4, neighbours=23))})
    for address in (page("terminal_changelist"), page("terminal_change", device.terminal_id)):
        content = office.get(address).content.decode()
        assert re.search(r"neighbours heard", content, re.IGNORECASE)
        assert re.search(r">\s*23\s*<", content)


def test_the_codes_list_tells_nothing_that_could_enrol(office: Client, device: Device, now: datetime) -> None:
    made = operations.invite(terminal=terminal_of(device), by=None, at=now)
    row = EnrolmentCode.objects.get(used_at__isnull=True)
    for address in (page("enrolmentcode_changelist"), page("enrolmentcode_change", row.pk)):
        content = office.get(address).content.decode()
        assert row.secret_hash not in content
        assert enrolment.secret_of(made.code)[4:] not in content


def test_monitoring_tells_silent_stale_and_unsent(device: Device, campus: Campus, now: datetime) -> None:
    operations.register(name="waiting", outlet=campus.outlet, at=now)
    terminal = terminal_of(device)
    operations.heard(terminal=terminal, heartbeat=Heartbeat(unsent_count=4, software="2"), at=now, snapshot_number=9)
    fresh = queries.summary(at=now + timedelta(seconds=5))
    assert (fresh.active, fresh.silent, fresh.stale, fresh.unsent_count, fresh.not_enrolled) == (1, 0, 0, 4, 1)
    later = queries.summary(at=now + timedelta(hours=1))
    assert (later.silent, later.stale) == (1, 1)
    (status,) = [each for each in queries.fleet(at=now) if each.state == TerminalState.ACTIVE]
    assert (status.software, status.seen_age_s, status.snapshot_age_s) == ("2", 0, 0)
