"""Whom a terminal is told to believe on its site's network."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.core.messages import Peer, PostedThrough
from devices.lan.messages import MAX_ENDS
from ecard.merchants.operations import save_outlet, save_site
from ecard.terminals import operations, snapshots
from tests.support.campus import Campus
from tests.support.device import Device, enrolled_device, read_snapshot, terminal_of
from tests.terminals.posting import load, make_stream, sell


def peers(device: Device, at: datetime) -> tuple[Peer, ...]:
    return read_snapshot(snapshots.full(terminal_of(device), at))[0].peers


def test_the_active_terminals_of_the_site_are_named_with_their_keys(
    device: Device, campus: Campus, now: datetime
) -> None:
    other = enrolled_device(outlet=campus.other_outlet, number=2, at=now)
    operations.register(name="never enrolled", outlet=campus.outlet, at=now)
    elsewhere = save_site(code="east", name="东区", at=now)
    outlet = save_outlet(site=elsewhere, merchant=campus.merchant, code="e1", name="东1", at=now)
    enrolled_device(outlet=outlet, number=3, at=now)
    assert peers(device, now) == (Peer(other.terminal_id, other.key.public.hex()),)
    assert peers(other, now) == (Peer(device.terminal_id, device.key.public.hex()),)


def test_a_stolen_terminal_that_was_revoked_is_no_neighbour_any_more(
    device: Device, campus: Campus, now: datetime
) -> None:
    stolen = enrolled_device(outlet=campus.outlet, number=2, at=now)
    operations.revoke(terminal=terminal_of(stolen), by=None, at=now)
    assert peers(device, now) == ()


def test_a_neighbours_posted_sales_stand_beside_it_and_not_among_ones_own(
    device: Device, campus: Campus, now: datetime
) -> None:
    other = enrolled_device(outlet=campus.outlet, number=2, at=now)
    load(campus.people[0], 30_00, at=now)
    own, theirs = (make_stream(terminal_of(each), epoch=epoch, at=now) for each, epoch in ((device, 501), (other, 502)))
    for stream in (own, theirs, theirs):
        sell(stream, campus.people[0], 1_00, at=now)
    head, _rows = read_snapshot(snapshots.full(terminal_of(device), now))
    assert head.posted_through == (PostedThrough(501, 1),)
    assert head.peers == (Peer(other.terminal_id, other.key.public.hex(), (PostedThrough(502, 2),)),)


def test_of_many_epochs_of_many_neighbours_the_newest_are_read_at_once(
    device: Device, campus: Campus, now: datetime
) -> None:
    others = [enrolled_device(outlet=campus.outlet, number=number, at=now) for number in (2, 3)]
    for other in others:
        for epoch in range(MAX_ENDS + 3):
            stream = make_stream(terminal_of(other), epoch=other.terminal_id * 1_000 + epoch + 1, at=now)
            stream.posted_through = 5
            stream.save(update_fields=["posted_through"])
    with CaptureQueriesContext(
        connection,
    ) as few:
        found = peers(device, now)
    assert [len(each.posted) for each in found] == [MAX_ENDS, MAX_ENDS]
    assert min(each.epoch for each in found[0].posted) == others[0].terminal_id * 1_000 + 4
    assert sum("terminals_stream" in query["sql"] for query in few.captured_queries) <= 3
