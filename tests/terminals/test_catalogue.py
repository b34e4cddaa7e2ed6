"""When a snapshot carries what the outlet sells."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from devices.core.catalogue import Catalogue
from devices.core.messages import SnapshotHead
from ecard.changes import operations as changes
from ecard.merchants.operations import save_category, save_product, save_site
from ecard.merchants.values import NewPlacement
from ecard.terminals import operations, snapshots
from ecard.terminals.errors import BadTerminal
from ecard.terminals.models import DeviceKind, Terminal, TerminalMode
from ecard.terminals.snapshots import making
from ecard.terminals.values import DeviceSettings
from tests.support.campus import Campus
from tests.support.device import Device, Store, read_snapshot, terminal_of
from tests.terminals.posting import load


def sell(campus: Campus, *, code: str = "cola", other: bool = False, at: datetime) -> None:
    drinks = save_category(code="drinks", name="饮料", name_en="Drinks", at=at)
    outlet = campus.other_outlet if other else campus.outlet
    save_product(code=code, name="可乐", category=drinks, price_minor=3_50, placements=[NewPlacement(outlet.pk)], at=at)


def loaded(device: Device, at: datetime) -> Store:
    store = Store()
    store.take(snapshots.full(terminal_of(device), at))
    return store


def following(device: Device, store: Store, at: datetime) -> SnapshotHead:
    head = store.take(snapshots.delta(terminal_of(device), store.generation, store.number, at))
    assert head.base
    return head


def sold(head: SnapshotHead) -> list[str] | None:
    return None if head.catalogue is None else [each.name.zh for each in head.catalogue.products]


def test_a_full_load_always_says_what_is_sold(device: Device, campus: Campus, now: datetime) -> None:
    assert read_snapshot(snapshots.full(terminal_of(device), now))[0].catalogue == Catalogue()
    sell(campus, at=now)
    assert sold(read_snapshot(snapshots.full(terminal_of(device), now))[0]) == ["可乐"]


def test_a_delta_says_what_is_sold_only_after_it_changed(device: Device, campus: Campus, now: datetime) -> None:
    sell(campus, at=now)
    store = loaded(device, now)
    load(campus.people[0], 1_00, at=now)
    assert following(device, store, now).catalogue is None
    sell(campus, code="tea", at=now)
    assert sold(following(device, store, now)) == ["可乐", "可乐"]
    assert following(device, store, now).catalogue is None


def test_what_another_outlet_sells_is_not_sent_here(device: Device, campus: Campus, now: datetime) -> None:
    store = loaded(device, now)
    sell(campus, other=True, at=now)
    assert following(device, store, now).catalogue is None


def test_a_terminal_that_moves_hears_what_is_sold_where_it_stands_now(
    device: Device, campus: Campus, now: datetime
) -> None:
    sell(campus, other=True, at=now)
    store = loaded(device, now)
    operations.change(
        terminal=terminal_of(device),
        name="moved",
        outlet=campus.other_outlet,
        mode=TerminalMode.PRODUCTS,
        fixed_minor=0,
        at=now,
    )
    head = following(device, store, now)
    assert (head.parameters.mode, sold(head)) == ("products", ["可乐"])


def test_a_change_of_the_site_sends_the_catalogue_again(device: Device, now: datetime) -> None:
    store = loaded(device, now)
    save_site(code="main", name="本部", day_starts_minute=240, at=now)
    assert following(device, store, now).catalogue == Catalogue()


def test_a_catalogue_that_is_not_numbered_yet_is_sent_and_sent_again(
    device: Device, campus: Campus, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that commits between numbering and reading is seen in the rows and lies after the cursor."""
    store = loaded(device, now)
    with monkeypatch.context() as patched:
        patched.setattr(making, "number_committed", lambda at: 0)
        sell(campus, at=now)
        before = store.number
        assert sold(following(device, store, now)) == ["可乐"]
        assert store.number == before
    changes.number_committed(at=now)
    assert sold(following(device, store, now)) == ["可乐"]
    assert following(device, store, now).catalogue is None


@pytest.mark.parametrize("mode", list(TerminalMode))
def test_every_mode_of_a_terminal_reaches_it(device: Device, campus: Campus, now: datetime, mode: TerminalMode) -> None:
    price_minor = 8_00 if mode == TerminalMode.FIXED else 0
    terminal = terminal_of(device)
    kind = DeviceKind.GATE if mode == TerminalMode.PASS else DeviceKind.CANTEEN
    operations.change(
        terminal=terminal,
        name="T",
        outlet=campus.outlet,
        mode=mode,
        fixed_minor=price_minor,
        device=DeviceSettings(kind=kind),
        at=now,
    )
    head, _rows = read_snapshot(snapshots.full(terminal, now))
    assert (head.parameters.mode, head.parameters.fixed_minor) == (mode.value, price_minor)


@pytest.mark.parametrize("mode", [TerminalMode.TYPED, TerminalMode.PRODUCTS, TerminalMode.IDENTITY])
def test_only_a_fixed_price_is_a_price(device: Device, campus: Campus, now: datetime, mode: TerminalMode) -> None:
    with pytest.raises(BadTerminal):
        operations.register(name="x", outlet=campus.outlet, mode=mode, fixed_minor=1, at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Terminal.objects.filter(pk=device.terminal_id).update(mode=mode, fixed_minor=1)
