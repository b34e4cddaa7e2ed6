"""The worker with a server in memory: what is believed, what is refused, and what survives a bad line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from devices.core import enrolment
from devices.core.keys import KeyListError, open_key_list, sign_key_list
from devices.core.messages import MessageError, Refusal
from devices.core.signing import SigningKey
from devices.drivers.network import Answer
from devices.master import texts
from devices.master.screen import Phase
from devices.sync.verify import verify_snapshot
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import NOON_S


def test_enrolment_binds_the_devices_own_key_and_pins_the_root(bench: Bench) -> None:
    screen = bench.control.screen()
    assert (screen.phase, screen.terminal, screen.outlet.en) == (Phase.READY, world.TERMINAL, "Noodles")
    assert screen.network.online
    bench.restart()
    assert bench.control.screen().phase is Phase.READY


def test_a_wrong_enrolment_code_is_told_and_may_be_tried_again(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(enrolled=False)
    other = enrolment.make(secret=1, root_public=world.ROOT.public)
    bench.terminal.enrol(other)
    bench.sync()
    assert bench.control.screen().notice == texts.enrolment_refused("code")
    bench.enrol()
    assert bench.control.screen().phase is Phase.READY


def test_a_false_server_with_another_root_enrols_nobody(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(enrolled=False)
    forged = SigningKey(bytes([77]) * 32).public.hex().encode()
    bench.server.tamper = lambda data: data.replace(world.ROOT.public.hex().encode(), forged)
    bench.enrol()
    screen = bench.control.screen()
    assert (screen.phase, screen.notice) == (Phase.UNENROLLED, texts.enrolment_refused("answer"))


def test_a_qr_of_an_enrolment_does_what_typing_does(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(enrolled=False)
    invitation = enrolment.Invitation(server="https://pay.example", code=world.ENROLMENT_CODE)
    bench.terminal.enrol(enrolment.qr_text(invitation))
    bench.sync()
    assert bench.control.screen().phase is Phase.READY


def test_sales_made_while_the_line_is_down_arrive_once_when_it_is_back(bench: Bench) -> None:
    bench.server.down = True
    for account_ref in range(100, 120):
        assert bench.pay(1_00, bench.show(account_ref)).approved
        bench.sync(steps=1)
    screen = bench.control.screen()
    assert (screen.network.online, screen.unsent) == (False, 20)
    bench.server.down = False
    bench.sync()
    assert bench.control.screen().unsent == 0
    assert sum(len(stream.lines) for stream in bench.server.streams.values()) == 21


def test_an_answer_lost_on_the_way_back_leads_to_a_repeat_and_to_nothing_twice(bench: Bench) -> None:
    bench.pay(1_00, bench.show(1))
    bench.server.lose_answers = True
    bench.sync(steps=1)
    assert bench.control.screen().unsent == 1
    bench.server.lose_answers = False
    bench.clock.pass_ms(60_000)
    bench.sync()
    assert bench.control.screen().unsent == 0
    (stream,) = bench.server.streams.values()
    assert len(stream.lines) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails_is_offline_and_tried_again(bench: Bench, status: int) -> None:
    bench.pay(1_00, bench.show(1))
    bench.server.status = status
    bench.sync(steps=1)
    assert not bench.control.screen().network.online
    assert bench.pay(1_00, bench.show(2)).approved
    bench.server.status = 200
    bench.sync()
    assert bench.control.screen().unsent == 0


def test_a_refused_clock_signs_by_the_servers_time_and_goes_on(bench: Bench) -> None:
    bench.pay(1_00, bench.show(1))
    bench.server.clock_off_ms = 600_000
    bench.sync()
    assert bench.control.screen().unsent == 0


def test_an_upload_the_server_keeps_apart_is_told_and_nothing_is_dropped(bench: Bench) -> None:
    bench.pay(1_00, bench.show(1))
    bench.server.refuse = Refusal("malformed")
    bench.sync(steps=1)
    screen = bench.control.screen()
    assert (screen.notice, screen.unsent) == (texts.UPLOAD_HELD, 1)
    bench.server.refuse = None
    bench.sync()
    screen = bench.control.screen()
    assert (screen.notice, screen.unsent) == (None, 0)


BAD_SNAPSHOTS: dict[str, Callable[[Bench], bytes]] = {
    "a flipped bit": lambda b: _flip(b.server.seal([world.row(1)], base=0)),
    "cut off": lambda b: b.server.seal([world.row(1)], base=0)[:-5],
    "another terminal's": lambda b: b.server.seal([world.row(1)], base=0, terminal=8),
    "older than the one held": lambda b: b.server.seal([world.row(1)], base=0, made_s=NOON_S - 500),
    "a delta on something else": lambda b: b.server.seal([world.row(1)], base=55),
    "no snapshot": lambda _: b"<html>captive portal</html>",
    "nothing": lambda _: b"",
}


def _flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("name", BAD_SNAPSHOTS)
def test_a_snapshot_that_is_not_to_be_believed_leaves_the_old_one(bench: Bench, name: str) -> None:
    bad = BAD_SNAPSHOTS[name](bench)
    held = bench.terminal._store.held
    bench.server.tamper = lambda data: bad if data.startswith(b"ECS1") else data
    bench.clock.pass_ms(10_000)
    bench.sync(steps=2)
    assert bench.terminal._store.held == held
    assert bench.pay(1_00, bench.show(1)).approved
    bench.server.tamper = lambda data: data
    bench.clock.pass_ms(60_000)
    bench.sync()
    now = bench.terminal._store.held
    assert now is not None
    assert held is not None
    assert now.made_s > held.made_s


def test_a_snapshot_signed_with_a_code_key_is_not_believed(bench: Bench) -> None:
    swapped = world.key_list()
    keys = tuple(
        msgspec.structs.replace(key, public=world.ISSUER.public.hex()) if key.role == "snapshot" else key
        for key in swapped.keys
    )
    with pytest.raises(MessageError):
        verify_snapshot(
            bench.server.seal([], base=0), key_list=msgspec.structs.replace(swapped, keys=keys), terminal=world.TERMINAL
        )


def test_a_key_list_older_than_the_one_held_is_refused(bench: Bench) -> None:
    bench.server.keys = world.key_list(number=5)
    bench.sync()
    bench.sync()
    bench.server.keys = world.key_list(number=4)
    bench.server.number += 1
    bench.terminal.sync._machine._keys_due_ms = 0
    bench.sync()
    keys = bench.terminal._store.keys
    assert keys is not None
    assert keys.key_list.number == 5


def test_a_key_list_of_a_false_root_is_refused() -> None:
    forged = sign_key_list(world.key_list(), root=SigningKey(bytes([77]) * 32))
    with pytest.raises(KeyListError):
        open_key_list(forged, root_public=world.ROOT.public, institution=world.INSTITUTION)


def test_the_price_list_of_a_forged_policy_is_never_used(bench: Bench) -> None:
    forged = world.policy(number=9)
    seal = world.signed_body
    bench.server.policies = (forged,)
    try:
        world.signed_body = lambda body: msgspec.structs.replace(seal(body), signature=bytes(64))
        bench.clock.pass_ms(10_000)
        bench.sync(steps=2)
    finally:
        world.signed_body = seal
    held = bench.terminal._store.held
    assert held is not None
    assert [policy.number for policy in held.policies] == [1]


def test_a_snapshot_file_beyond_use_is_fetched_anew(bench: Bench) -> None:
    bench.terminal.close()
    (bench.folder / "snapshot.sqlite3").write_bytes(b"not a database" * 1000)
    bench.open()
    assert bench.control.screen().phase is Phase.BOOTING
    bench.sync()
    assert bench.pay(1_00, bench.show(1)).approved


def test_sales_go_on_while_a_thread_uploads(bench: Bench) -> None:
    bench.terminal.start()
    done = threading.Event()
    bench.control.subscribe(lambda screen: done.set() if not screen.unsent else None)
    for account_ref in range(100, 160):
        assert bench.pay(1_00, bench.show(account_ref)).approved
    bench.terminal.sync.nudge()
    for _ in range(500):
        if not bench.control.screen().unsent:
            break
        done.clear()
        done.wait(0.2)
    assert bench.control.screen().unsent == 0
    records = [record for stream in bench.server.streams.values() for record in stream.records]
    assert len(records) == 61


def test_a_fault_nobody_foresaw_does_not_end_the_upload(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a terminal would sell for weeks and send nothing, and say so to nobody."""
    answer, faults = bench.server.request, [KeyError("unforeseen"), OSError("no space left on device")]

    def faulty(method: str, target: str, **content: Any) -> Answer:
        if faults:
            raise faults.pop()
        return answer(method, target, **content)

    monkeypatch.setattr(bench.server, "request", faulty)
    assert bench.pay(1_00, bench.show(1)).approved
    bench.terminal.start()
    for _ in range(1_000):
        bench.clock.pass_ms(1_000)
        bench.terminal.sync.nudge()
        if not bench.control.screen().unsent:
            break
        time.sleep(0.05)
    assert not faults
    assert bench.control.screen().unsent == 0
