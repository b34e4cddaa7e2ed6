"""The gate: who may pass, which way, and once; the record before the arm."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from devices.core.accept import FOREVER_S, Denial
from devices.core.card import name_of
from devices.core.journal import NoteRecord, PassRecord
from devices.core.notes import CLEARED
from devices.journal.journal import Journal
from devices.journal.values import JournalFull
from devices.kinds.base import Device
from devices.kinds.gate import Arm, Gate
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import CARD_KEY, DAY_S, parameters, pre_signed, row
from tests.kinds.conftest import FakeRelay, MakeKind

UID = bytes.fromhex("04a1b2c3d4e5f6")


@pytest.fixture
def bench(make_kind: MakeKind) -> Bench:
    return make_kind(device="gate", mode="pass", anti_passback=True)


@pytest.fixture
def relay() -> FakeRelay:
    return FakeRelay()


def gate(bench: Bench, way: str = "in", relay: FakeRelay | None = None) -> Device:
    return Device(bench.control, Gate("out" if way == "out" else "in"), signals=(Arm(relay),) if relay else ())


def goes(bench: Bench, account_ref: int, way: str = "in") -> str:
    """Somebody holds up their phone, a minute after the last; why not, or "approved"."""
    bench.clock.pass_ms(60_000)
    outcome = gate(bench, way).scanned(bench.show(account_ref))
    assert outcome is not None
    return outcome.result.why


def passes(bench: Bench) -> list[tuple[int, str]]:
    written = bench.terminal._journal.written(PassRecord, since_ms=0)
    return [(each.record.account_ref, each.record.direction) for each in written if isinstance(each.record, PassRecord)]


def set_to(bench: Bench, **changes: object) -> None:
    bench.server.parameters = parameters(device="gate", mode="pass", **{"journal": 2, **changes})
    bench.server.number += 1
    bench.sync()


def test_a_passage_moves_no_money_and_opens_the_arm(bench: Bench, relay: FakeRelay) -> None:
    outcome = gate(bench, relay=relay).scanned(bench.show(1))
    assert outcome is not None
    assert outcome.approved
    assert (outcome.result.amount_minor, outcome.result.left_minor, outcome.result.name) == (0, None, "张*")
    assert (relay.pulses, passes(bench)) == ([500], [(1, "in")])
    assert bench.terminal._journal.newest_sale is None


def test_the_arm_opens_only_for_what_is_on_disk(
    bench: Bench, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object, **_named: object) -> None:
        raise JournalFull("no room")

    monkeypatch.setattr(Journal, "append_pass", full)
    outcome = gate(bench, relay=relay).scanned(bench.show(1))
    assert outcome is not None
    assert not outcome.approved
    assert relay.pulses == []


def test_an_arm_that_does_not_answer_changes_nothing_of_the_record(bench: Bench) -> None:
    outcome = gate(bench, relay=FakeRelay(gone=True)).scanned(bench.show(1))
    assert outcome is not None
    assert outcome.approved
    assert passes(bench) == [(1, "in")]


def test_nobody_enters_twice_without_leaving(bench: Bench) -> None:
    assert [goes(bench, 1), goes(bench, 1), goes(bench, 2)] == ["approved", "already_inside", "approved"]
    assert [goes(bench, 1, "out"), goes(bench, 1)] == ["approved", "approved"]


def test_who_is_inside_is_known_after_a_power_cut(bench: Bench) -> None:
    goes(bench, 1)
    goes(bench, 2)
    goes(bench, 2, "out")
    bench.restart()
    bench.sync()
    assert [goes(bench, 1), goes(bench, 2)] == ["already_inside", "approved"]


def test_who_is_inside_is_known_after_a_restart_when_all_is_uploaded(bench: Bench) -> None:
    goes(bench, 1)
    bench.sync()
    assert bench.terminal._journal.unsent == 0
    bench.restart()
    assert goes(bench, 1) == "already_inside"


def test_with_the_business_day_it_begins_anew(bench: Bench) -> None:
    goes(bench, 1)
    bench.clock.pass_ms(DAY_S * 1000)
    outcome = gate(bench).scanned(pre_signed(1, slot_s=bench.clock.now_s - 10))
    assert outcome is not None
    assert outcome.approved


def test_a_supervisor_lets_everybody_in_again_also_over_a_restart(bench: Bench) -> None:
    goes(bench, 1)
    journal = bench.terminal._journal
    journal.append_note(NoteRecord(journal.next_seq, bench.clock.now_ms, CLEARED))
    bench.restart()
    assert goes(bench, 1) == "approved"


def test_without_the_rule_anybody_enters_again(bench: Bench) -> None:
    set_to(bench, anti_passback=False)
    assert [goes(bench, 1), goes(bench, 1)] == ["approved", "approved"]


def test_passing_back_a_code_over_the_turnstile(bench: Bench, relay: FakeRelay) -> None:
    """Attack: the one inside hands the phone, or a picture of its code, back over the arm."""
    text = bench.show(1)
    device = gate(bench, relay=relay)
    first = device.scanned(text)
    bench.clock.pass_ms(6_000)
    again = device.scanned(text)
    assert first is not None
    assert again is not None
    assert (first.approved, again.result.why, len(relay.pulses)) == (True, "already_used", 1)
    bench.clock.pass_ms(10_000)
    fresh = device.scanned(bench.show(1))
    assert fresh is not None
    assert fresh.result.why == "already_inside"
    other_side = gate(bench, "out").scanned(text)
    assert other_side is not None
    assert other_side.result.why == "already_used"


def test_a_camera_that_sees_the_code_many_times_opens_once(bench: Bench, relay: FakeRelay) -> None:
    device, text = gate(bench, relay=relay), bench.show(1)
    for _ in range(5):
        device.scanned(text)
        bench.clock.pass_ms(200)
    assert (len(relay.pulses), passes(bench)) == (1, [(1, "in")])


def test_a_card_and_a_phone_are_the_same_person(bench: Bench) -> None:
    person = msgspec.structs.replace(row(1), cards=(name_of(UID, card_key=CARD_KEY),))
    world.add_people(bench.server, person)
    bench.server.number += 1
    bench.sync()
    assert goes(bench, 1) == "approved"
    bench.clock.pass_ms(60_000)
    tapped = gate(bench).tapped(UID)
    assert tapped is not None
    assert tapped.result.why == "already_inside"


@pytest.mark.parametrize(("groups", "why"), [((), "approved"), ((1, 9), "approved"), ((9,), "no_passage")])
def test_a_gate_for_some_groups_is_shut_to_others(bench: Bench, groups: tuple[int, ...], why: str) -> None:
    set_to(bench, groups=groups)
    assert goes(bench, 1) == why


def test_a_stranger_with_a_genuine_code_passes_where_everybody_may(bench: Bench) -> None:
    assert goes(bench, 77) == "approved"
    set_to(bench, groups=(1,))
    assert goes(bench, 78) == "no_passage"


def test_the_stopped_do_not_enter_and_nobody_is_held_in(bench: Bench) -> None:
    goes(bench, 1)
    bench.server.denials = (Denial(1, FOREVER_S), Denial(2, FOREVER_S))
    set_to(bench, groups=(9,))
    assert [goes(bench, 2), goes(bench, 1, "out")] == ["stopped", "approved"]


def test_too_old_a_snapshot_shuts_the_way_in_and_not_the_way_out(bench: Bench) -> None:
    bench.server.down = True
    bench.clock.pass_ms(7 * DAY_S * 1000 + 60_000)
    for way, why in (("in", "snapshot_too_old"), ("out", "approved")):
        outcome = gate(bench, way).scanned(pre_signed(1, slot_s=bench.clock.now_s - 10))
        assert outcome is not None
        assert outcome.result.why == why


def test_a_gate_of_one_way_does_not_ask_its_readers(bench: Bench) -> None:
    set_to(bench, direction="out")
    goes(bench, 1, "in")
    assert passes(bench) == [(1, "out")]


def test_a_server_that_knows_no_passages_is_sent_none(bench: Bench) -> None:
    set_to(bench, journal=1)
    assert goes(bench, 1) == "not_ready"
    assert passes(bench) == []


def test_the_same_code_rides_the_bus_and_passes_the_gate(make_kind: MakeKind, bench: Bench, tmp_path: Path) -> None:
    bus = make_kind(device="bus", mode="fixed", fixed_minor=2_00, line="1", stops=())
    text = bench.show(1)
    assert bus.control.scan(text).approved
    outcome = gate(bench).scanned(text)
    assert outcome is not None
    assert outcome.approved
