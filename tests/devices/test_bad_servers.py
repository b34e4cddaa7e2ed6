"""A server that answers nonsense, or in part: what a terminal believes, and what it never forgets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices.core.declines import Why
from devices.core.messages import Ack, open_batch
from devices.journal.values import DAY_MS, Limits
from devices.master.screen import Phase
from devices.sync.machine import KEYS_EVERY_MS
from tests.devices import world
from tests.devices.conftest import Bench

FAR_AHEAD = 9_999


def _answers(bench: Bench, monkeypatch: pytest.MonkeyPatch, receive: Callable[[bytes], Ack]) -> None:
    monkeypatch.setattr(bench.server, "receive", receive)


def _lines(bench: Bench) -> int:
    return sum(len(stream.lines) for stream in bench.server.streams.values())


@pytest.mark.parametrize("status", ["accepted", "repeat", "quarantined"])
def test_an_acknowledgement_of_more_than_was_sent_loses_no_sale_made_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    receive = bench.server.receive

    def while_a_sale_is_made(body: bytes) -> Ack:
        ack = receive(body)
        assert bench.pay(2_00, bench.show(2)).approved
        return Ack(status, ack.epoch, FAR_AHEAD)  # type: ignore[arg-type]  # the three are real ones

    bench.pay(1_00, bench.show(1))
    _answers(bench, monkeypatch, while_a_sale_is_made)
    bench.sync(steps=1)
    assert bench.control.screen().unsent == 1
    _answers(bench, monkeypatch, receive)
    bench.sync()
    assert _lines(bench) == 3


def test_keys_that_cannot_be_had_hold_up_neither_sales_nor_snapshots(bench: Bench) -> None:
    """As after the server was restored from a backup with an older list."""
    bench.server.keys = world.key_list(number=0)
    bench.clock.pass_ms(KEYS_EVERY_MS)
    bench.sync()
    before = bench.terminal._store.held
    assert bench.pay(1_00, bench.show(1)).approved
    for _ in range(3):
        bench.clock.pass_ms(20_000)
        bench.sync()
    held = bench.terminal._store.held
    assert bench.control.screen().unsent == 0
    assert before is not None
    assert held is not None
    assert held.made_s > before.made_s


def test_a_terminal_enrolled_in_another_place_does_not_sell_what_the_first_one_sold(bench: Bench) -> None:
    """Its cursor is good at the other place too, but the changes since say nothing of what was different all along."""
    bench.server.catalogue = world.catalogue()
    bench.server.number += 1
    bench.sync()
    assert bench.control.catalogue().product(world.COLA) is not None
    bench.server.terminal += 1
    bench.server.catalogue = bench.server._catalogue_sent = world.catalogue(without=world.COLA)
    bench.server.people.pop(2)
    bench.enrol()
    assert bench.control.catalogue().product(world.COLA) is None
    assert bench.terminal._store.people() == 1


def test_a_terminal_enrolled_in_another_place_waits_for_what_is_sold_there(bench: Bench) -> None:
    bench.server.terminal += 1
    bench.terminal.enrol(world.ENROLMENT_CODE)
    bench.sync(steps=1)
    bench.server.down = True
    bench.sync()
    assert bench.control.screen().phase is Phase.BOOTING
    assert bench.pay(1_00, bench.show(1)).result.why == Why.NOT_READY
    bench.server.down = False
    bench.clock.pass_ms(30_000)
    bench.sync()
    assert bench.pay(1_00, bench.show(1)).approved


def _forged(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack: whoever sits on the line says that all is well and keeps the records."""

    def swallow(body: bytes) -> Ack:
        head, _ = open_batch(body, device_public=bytes.fromhex(bench.server.device_public))
        return Ack("accepted", head.epoch, head.first_seq + head.count - 1)

    _answers(bench, monkeypatch, swallow)


def test_forged_acknowledgements_are_found_out_by_the_signed_snapshots_and_no_sale_is_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = bench.server.receive
    _forged(bench, monkeypatch)
    bench.pay(1_00, bench.show(1))
    bench.sync()
    assert (bench.control.screen().unsent, _lines(bench)) == (0, 1), "the sale is believed to be there, and is not"
    for _ in range(20):
        bench.clock.pass_ms(DAY_MS)
        bench.sync()
        bench.control.maintain()
        bench.sync()
    _answers(bench, monkeypatch, receive)
    bench.clock.pass_ms(DAY_MS + 60_000)
    bench.sync()
    bench.control.maintain()
    bench.sync()
    assert (bench.control.screen().unsent, _lines(bench)) == (0, 2)


def test_what_was_posted_is_not_sent_again_and_what_was_not_once_a_day(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive, sent = bench.server.receive, []

    def count(body: bytes) -> Ack:
        sent.append(bench.clock.now_ms)
        return receive(body)

    bench.pay(1_00, bench.show(1))
    bench.sync()
    bench.server.post_all()
    bench.pay(1_00, bench.show(2))
    bench.sync()
    _answers(bench, monkeypatch, count)
    for _ in range(12):
        bench.clock.pass_ms(6 * 3600 * 1000)
        bench.sync()
        bench.control.maintain()
        bench.sync()
    assert len(sent) == 2
    bench.server.post_all()
    for _ in range(12):
        bench.clock.pass_ms(6 * 3600 * 1000)
        bench.sync()
        bench.control.maintain()
    assert len(sent) == 2
    assert _lines(bench) == 3


def test_too_many_to_send_again_never_stop_sales(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(limits=Limits(max_unacknowledged=6))
    for account_ref in range(100, 105):
        assert bench.pay(1_00, bench.show(account_ref)).approved
        bench.sync()
    bench.clock.pass_ms(2 * DAY_MS)
    bench.sync()
    bench.control.maintain()
    assert bench.control.screen().unsent == 0
