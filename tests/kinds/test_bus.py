"""The bus: one fare, the line and the stop in the record."""

from __future__ import annotations

import pytest

from devices.core.journal import Facts, SaleRecord
from devices.kinds import bus as buses
from devices.kinds.base import Device
from devices.kinds.bus import Bus
from tests.devices.conftest import Bench
from tests.devices.world import parameters
from tests.kinds.conftest import MakeKind

STOPS = ("东门", "图书馆", "南区")


@pytest.fixture
def bench(make_kind: MakeKind) -> Bench:
    return make_kind(device="bus", mode="fixed", fixed_minor=2_00, line="1 路", stops=STOPS)


def facts_of(bench: Bench) -> Facts | None:
    newest = bench.terminal._journal.newest_sale
    assert newest is not None
    assert isinstance(newest.record, SaleRecord)
    return newest.record.facts


def test_a_ride_costs_the_fare_and_says_where_it_began(bench: Bench) -> None:
    kind = Bus()
    device = Device(bench.control, kind)
    assert kind.advance(bench.control) == "图书馆"
    outcome = device.scanned(bench.show(1))
    assert outcome is not None
    assert outcome.result.amount_minor == 2_00
    assert facts_of(bench) == Facts(device="bus", line="1 路", stop="图书馆")


def test_the_driver_goes_from_stop_to_stop_and_round_again(bench: Bench) -> None:
    kind = Bus()
    Device(bench.control, kind).scanned(bench.show(1))
    assert [kind.stop, *(kind.advance(bench.control) for _ in STOPS)] == ["东门", "图书馆", "南区", "东门"]
    assert kind.advance(bench.control, by=-1) == "南区"


def test_whatever_was_pressed_the_fare_is_the_servers(bench: Bench) -> None:
    bench.control.set_mode("fixed", fixed_minor=1)
    outcome = Device(bench.control, Bus()).scanned(bench.show(1))
    assert outcome is not None
    assert outcome.result.amount_minor == 2_00


def test_another_line_begins_at_its_first_stop(bench: Bench) -> None:
    kind = Bus()
    device = Device(bench.control, kind)
    kind.advance(bench.control)
    bench.server.parameters = parameters(
        device="bus", journal=2, mode="fixed", fixed_minor=3_00, line="2 路", stops=("西门", "北区")
    )
    bench.server.number += 1
    bench.sync()
    assert device.scanned(bench.show(1)) is not None
    assert facts_of(bench) == Facts(device="bus", line="2 路", stop="西门")


def test_a_bus_without_a_fare_takes_nobodys_money(make_kind: MakeKind) -> None:
    bench = make_kind()
    assert Device(bench.control, Bus()).scanned(bench.show(1)) is None
    result = bench.control.screen().result
    assert result is not None
    assert result.sentence == buses.NO_FARE


def test_a_server_of_the_first_release_is_sent_no_facts(make_kind: MakeKind) -> None:
    bench = make_kind(mode="fixed", fixed_minor=2_00)
    bench.server.parameters = parameters(mode="fixed", fixed_minor=2_00, journal=1)
    bench.server.number += 1
    bench.sync()
    assert Device(bench.control, Bus()).scanned(bench.show(1)) is not None
    assert facts_of(bench) is None
