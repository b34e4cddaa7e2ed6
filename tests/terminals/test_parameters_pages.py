"""The administrator's pages of kinds of devices and of supervisors, by real requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from devices.core.pin import holds
from ecard.cardholders.models import Group
from ecard.terminals.models import Supervisor, Terminal
from tests.support.campus import Campus


@pytest.fixture
def office(campus: Campus) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", password="x"))
    return client


def add(client: Client, campus: Campus, **fields: Any) -> str:
    """Send the form of a new terminal; "" where it was taken, else the page."""
    form = {"name": "T", "outlet": campus.outlet.pk, "fixed_minor": "0", **fields}
    response = client.post(reverse("admin:terminals_terminal_add"), form)
    return "" if response.status_code == 302 else response.content.decode()


def test_a_gate_needs_nothing_but_its_kind(office: Client, campus: Campus) -> None:
    group = Group.objects.get()
    assert not add(office, campus, device="gate", direction="both", anti_passback="on", groups=[group.pk])
    terminal = Terminal.objects.get()
    assert (terminal.mode, terminal.anti_passback, list(terminal.groups.all())) == ("pass", True, [group])


def test_a_bus_has_a_stop_on_each_line(office: Client, campus: Campus) -> None:
    stops = " 东门 \n\n图书馆\r\n南区"
    assert not add(office, campus, device="bus", fixed_minor="2", line="1 路", stops=stops)
    terminal = Terminal.objects.get()
    assert (terminal.mode, terminal.fixed_minor, terminal.stops) == ("fixed", 2_00, ["东门", "图书馆", "南区"])
    page = office.get(reverse("admin:terminals_terminal_change", args=[terminal.pk])).content.decode()
    assert "东门\n图书馆\n南区" in page


def test_what_another_kind_has_is_left_out_and_not_refused(office: Client, campus: Campus) -> None:
    """The form hides it; what was typed before the kind was chosen counts for nothing."""
    assert not add(office, campus, device="weighing", per_kg_minor="39.80", line="1", stops="A", direction="in")
    terminal = Terminal.objects.get()
    assert (terminal.mode, terminal.per_kg_minor, terminal.line, terminal.stops) == ("typed", 39_80, "", [])


def test_the_list_says_what_a_scale_charges(office: Client, campus: Campus) -> None:
    assert not add(office, campus, device="weighing", per_kg_minor="39.80")
    page = office.get(reverse("admin:terminals_terminal_changelist")).content.decode()
    assert "39.80</span> a kilogram" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"device": "weighing"}, "price per kilogram"),
        ({"device": "bus", "fixed_minor": "2"}, "needs its line"),
        ({"device": "bus", "line": "1"}, "fixed price"),
        ({"device": "gate", "direction": "in", "anti_passback": "on"}, "can tell who is inside"),
        ({"device": "cabinet", "mode": "identity"}, "does not ask for that"),
        ({"device": "bus", "line": "1", "fixed_minor": "2", "stops": "x" * 33}, "at most 32"),
        ({"device": "canteen", "claim_wait_ms": "5000"}, "1000"),
    ],
)
def test_what_is_missing_is_explained(office: Client, campus: Campus, fields: dict[str, Any], said: str) -> None:
    assert said in add(office, campus, **fields)
    assert not Terminal.objects.exists()


def make(client: Client, campus: Campus, **fields: Any) -> str:
    form = {"name": "王主管", "site": campus.site.pk, "active": "on", "pin": "280417", "pin_again": "280417", **fields}
    response = client.post(reverse("admin:terminals_supervisor_add"), form)
    return "" if response.status_code == 302 else response.content.decode()


def test_a_supervisor_is_made_with_a_pin_that_no_page_shows(office: Client, campus: Campus, now: datetime) -> None:
    assert not make(office, campus)
    made = Supervisor.objects.get()
    assert holds("280417", salt=bytes.fromhex(made.salt), pin_hash=bytes.fromhex(made.pin_hash))
    address = reverse("admin:terminals_supervisor_change", args=[made.pk])
    for page in (address, reverse("admin:terminals_supervisor_changelist")):
        text = office.get(page).content.decode()
        assert not any(secret in text for secret in ("280417", made.salt, made.pin_hash))
    form = {"name": "李主管", "site": campus.site.pk, "active": "on", "pin": "", "pin_again": ""}
    assert office.post(address, form).status_code == 302
    after = Supervisor.objects.get()
    assert (after.name, after.pin_hash) == ("李主管", made.pin_hash)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"pin": "", "pin_again": ""}, "needs a PIN"),
        ({"pin": "12345", "pin_again": "12345"}, "not in a row"),
        ({"pin": "123456", "pin_again": "123456"}, "not in a row"),
        ({"pin": "000000", "pin_again": "000000"}, "not all alike"),
        ({"pin": "28041x", "pin_again": "28041x"}, "Six to ten digits"),
        ({"pin_again": "280418"}, "not the same"),
    ],
)
def test_a_pin_that_is_none_is_explained(office: Client, campus: Campus, fields: dict[str, Any], said: str) -> None:
    text = make(office, campus, **fields)
    assert said in text
    assert "280417" not in text
    assert not Supervisor.objects.exists()
