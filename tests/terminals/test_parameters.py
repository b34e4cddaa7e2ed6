"""What an administrator sets for each kind of device, and what the terminal is told of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from devices.core.journal import JOURNAL_FORMAT
from devices.core.messages import Parameters
from devices.core.pin import holds
from ecard.cardholders.models import Group
from ecard.terminals import operations, snapshots
from ecard.terminals.errors import BadTerminal
from ecard.terminals.models import DeviceKind, Direction, Supervisor, Terminal, TerminalMode
from ecard.terminals.values import DeviceSettings
from tests.support.campus import Campus
from tests.support.device import Device, read_snapshot, terminal_of

GATE, BUS, SCALE, CABINET = DeviceKind.GATE, DeviceKind.BUS, DeviceKind.WEIGHING, DeviceKind.CABINET
FIXED, TYPED, PASS = TerminalMode.FIXED, TerminalMode.TYPED, TerminalMode.PASS


def set_to(device: Device, campus: Campus, at: datetime, **wanted: Any) -> Parameters:
    """Set the terminal and give what its next snapshot says."""
    mode, fixed_minor = wanted.pop("mode", TYPED), wanted.pop("fixed_minor", 0)
    terminal = terminal_of(device)
    operations.change(
        terminal=terminal,
        name="T",
        outlet=campus.outlet,
        mode=mode,
        fixed_minor=fixed_minor,
        device=DeviceSettings(**wanted),
        at=at,
    )
    return told(terminal, at)


def told(terminal: Terminal, at: datetime) -> Parameters:
    head, _rows = read_snapshot(snapshots.full(terminal, at))
    return head.parameters


def test_every_terminal_hears_which_journal_the_server_reads(device: Device, campus: Campus, now: datetime) -> None:
    given = told(terminal_of(device), now)
    assert (given.journal, given.device, given.mode) == (JOURNAL_FORMAT, "canteen", "typed")


def test_a_gate_hears_who_may_pass_and_which_way(device: Device, campus: Campus, now: datetime) -> None:
    group = Group.objects.get()
    given = set_to(device, campus, now, kind=GATE, mode=PASS, anti_passback=True, group_ids=(group.pk,))
    assert (given.device, given.mode, given.direction) == ("gate", "pass", "both")
    assert (given.anti_passback, given.groups) == (True, (group.pk,))


def test_a_bus_hears_its_line_its_stops_and_its_fare(device: Device, campus: Campus, now: datetime) -> None:
    given = set_to(device, campus, now, kind=BUS, mode=FIXED, fixed_minor=2_00, line="1 路", stops=("东门", "南区"))
    assert (given.mode, given.fixed_minor, given.line, given.stops) == ("fixed", 2_00, "1 路", ("东门", "南区"))


def test_a_scale_hears_its_price_and_anybody_when_to_ask(device: Device, campus: Campus, now: datetime) -> None:
    given = set_to(device, campus, now, kind=SCALE, per_kg_minor=39_80, floor_minor=0, claim_wait_ms=150)
    assert (given.per_kg_minor, given.floor_minor, given.claim_wait_ms) == (39_80, 0, 150)
    assert set_to(device, campus, now).floor_minor is None


MISFITS: tuple[dict[str, Any], ...] = (
    {"kind": GATE, "mode": TYPED},
    {"kind": GATE, "mode": PASS, "direction": Direction.IN, "anti_passback": True},
    {"kind": GATE, "mode": PASS, "line": "1"},
    {"kind": BUS, "mode": TYPED, "line": "1"},
    {"kind": BUS, "mode": FIXED, "fixed_minor": 2_00},
    {"kind": SCALE, "mode": TYPED},
    {"kind": SCALE, "mode": FIXED, "fixed_minor": 1_00, "per_kg_minor": 1_00},
    {"kind": CABINET, "mode": FIXED, "fixed_minor": 1_00},
    {"kind": CABINET, "mode": TYPED, "per_kg_minor": 1},
    {"kind": DeviceKind.CANTEEN, "mode": PASS},
    {"kind": DeviceKind.CANTEEN, "mode": TYPED, "stops": ("东门",)},
    {"kind": DeviceKind.CANTEEN, "mode": TYPED, "direction": Direction.OUT},
    {"kind": DeviceKind.CANTEEN, "mode": TYPED, "anti_passback": True},
    {"kind": DeviceKind.CANTEEN, "mode": TYPED, "per_kg_minor": 1},
    {"kind": DeviceKind.CANTEEN, "mode": TYPED, "claim_wait_ms": 1_001},
    {"kind": DeviceKind.CANTEEN, "mode": TYPED, "floor_minor": 10_000_001},
)


@pytest.mark.parametrize("wanted", MISFITS)
def test_what_a_kind_does_not_have_is_refused_by_the_operation_and_by_the_database(
    device: Device, campus: Campus, now: datetime, wanted: dict[str, Any]
) -> None:
    with pytest.raises(BadTerminal):
        set_to(device, campus, now, **wanted)
    columns = {"device": wanted["kind"], **{name: value for name, value in wanted.items() if name != "kind"}}
    columns["stops"] = list(columns.get("stops", ()))
    with pytest.raises(IntegrityError), transaction.atomic():
        Terminal.objects.filter(pk=device.terminal_id).update(**columns)


def test_only_a_gate_chooses_people(device: Device, campus: Campus, now: datetime) -> None:
    with pytest.raises(BadTerminal):
        set_to(device, campus, now, group_ids=(Group.objects.get().pk,))


def test_a_change_that_names_no_kind_leaves_it(device: Device, campus: Campus, now: datetime) -> None:
    set_to(device, campus, now, kind=BUS, mode=FIXED, fixed_minor=2_00, line="1", stops=("A",))
    terminal = terminal_of(device)
    operations.change(terminal=terminal, name="B", outlet=campus.outlet, mode=FIXED, fixed_minor=3_00, at=now)
    given = told(terminal, now)
    assert (given.device, given.line, given.stops, given.fixed_minor) == ("bus", "1", ("A",), 3_00)


def supervisor(campus: Campus, at: datetime, **wanted: Any) -> Supervisor:
    made: Supervisor = wanted.pop("supervisor", None) or Supervisor()
    given: dict[str, Any] = {
        "name": "王主管",
        "site": campus.site,
        "terminals": (),
        "active": True,
        "pin": "280417",
    } | wanted
    operations.save_supervisor(supervisor=made, at=at, **given)
    return made


def test_a_terminal_hears_who_may_open_its_menu_and_never_the_pin(
    device: Device, campus: Campus, now: datetime
) -> None:
    made = supervisor(campus, now)
    (given,) = told(terminal_of(device), now).supervisors
    assert (given.id, given.name) == (made.pk, "王主管")
    assert holds("280417", salt=bytes.fromhex(given.salt), pin_hash=bytes.fromhex(given.pin_hash))
    assert "280417" not in repr(Supervisor.objects.values().get())


def test_a_supervisor_of_other_terminals_another_site_or_no_longer_active_is_not_sent(
    device: Device, campus: Campus, now: datetime
) -> None:
    terminal = terminal_of(device)
    other = operations.register(name="other", outlet=campus.outlet, at=now)
    made = supervisor(campus, now, terminals=(other,))
    assert told(terminal, now).supervisors == ()
    assert len(told(other, now).supervisors) == 1
    supervisor(campus, now, supervisor=made, terminals=(terminal, other), pin=None)
    assert len(told(terminal, now).supervisors) == 1
    supervisor(campus, now, supervisor=made, active=False, pin=None)
    assert told(terminal, now).supervisors == ()


def test_another_pin_has_another_salt(campus: Campus, now: datetime) -> None:
    made = supervisor(campus, now)
    before = made.salt, made.pin_hash
    supervisor(campus, now, supervisor=made)
    assert made.salt != before[0]
    assert made.pin_hash != before[1]


def test_nobody_is_a_supervisor_without_a_pin(campus: Campus, now: datetime) -> None:
    with pytest.raises(BadTerminal):
        supervisor(campus, now, pin=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Supervisor.objects.create(name="x", site=campus.site, pin_set_at=now)
