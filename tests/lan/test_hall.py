"""Gates of one hall share who is inside, without a server: told, lost, repeated, partitioned, restarted, cleared."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.journal.walked import AHEAD_MS, Clearing, Seen, Step, Walked, inside
from devices.lan.messages import OfPassages, site_key, unseal, verified
from devices.lan.neighbours import REREAD_MS
from tests.devices import world
from tests.devices.world import NOON_S
from tests.lan.wire import DAY, Node, Sent, Wire, make_wire, public_of, shown

PEOPLE = range(1, 7)


def items_of(sent: Sent) -> tuple[object, ...]:
    keys = {world.KEY_ID: site_key(world.SEALING_KEY, site=world.SITE)}
    return verified(unseal(sent.data, keys=keys), public=bytes.fromhex(public_of(sent.sender)))


def agreed(wire: Wire) -> set[int]:
    """Whom all gates count as inside."""
    found = [node.inside(PEOPLE) for node in wire.nodes.values()]
    assert all(each == found[0] for each in found), found
    return found[0]


# One after another


def test_who_went_in_by_one_gate_is_inside_for_the_other() -> None:
    wire = make_wire(1, 2, gates=True)
    wire.nodes[1].walks(1, "in")
    wire.deliver()
    assert agreed(wire) == {1}


def test_who_went_in_by_one_gate_and_out_by_the_other_may_come_in_again() -> None:
    wire = make_wire(1, 2, gates=True)
    wire.nodes[1].walks(1, "in")
    wire.pass_ms(1_000)
    wire.nodes[2].walks(1, "out")
    wire.deliver()
    assert agreed(wire) == set()


def test_a_gate_of_another_outlet_is_another_hall() -> None:
    wire = Wire()
    for number, outlet in ((1, 11), (2, 12), (3, 11)):
        Node(wire, number).outlet = outlet
    wire.introduce(1, 2, 3, gates=True)
    wire.pass_ms(100)
    wire.nodes[1].walks(1, "in")
    wire.nodes[2].walks(2, "in")
    wire.pass_ms(3_000)
    assert [wire.nodes[number].inside(PEOPLE) for number in (1, 2, 3)] == [{1}, {2}, {1}]


def test_a_till_neither_asks_for_passages_nor_keeps_them() -> None:
    wire = make_wire(1, 2, 3, gates=True)
    till = wire.nodes[3]
    held = till.shelf.held
    assert held is not None
    till.shelf.held = msgspec.structs.replace(held, parameters=world.parameters())
    wire.lost = lambda sent, to: to == 3 and sent.to is None
    wire.nodes[1].walks(1, "in")
    wire.pass_ms(500)
    wire.lost = lambda _sent, _to: False
    wire.log.clear()
    wire.pass_ms(5_000)
    said = [item for sent in wire.log if sent.sender == 3 for item in items_of(sent)]
    assert said
    assert not any(isinstance(item, OfPassages) for item in said)
    assert till.lan.seen(1, business_date=DAY) == []


def test_a_supervisor_at_one_gate_lets_everybody_into_the_hall_again() -> None:
    wire = make_wire(1, 2, gates=True)
    wire.nodes[1].walks(1, "in")
    wire.nodes[2].walks(2, "in")
    wire.pass_ms(1_000)
    assert agreed(wire) == {1, 2}
    wire.nodes[2].clears()
    wire.pass_ms(1_000)
    assert agreed(wire) == set()
    wire.nodes[1].walks(1, "in")
    wire.deliver()
    assert agreed(wire) == {1}


def test_a_gate_that_restarts_learns_of_the_others_passages_and_clearings_again() -> None:
    wire = make_wire(1, 2, gates=True)
    wire.nodes[1].walks(3, "in")
    wire.pass_ms(100)
    wire.nodes[1].clears()
    wire.pass_ms(100)
    for person in (1, 2):
        wire.nodes[1].walks(person, "in")
    wire.nodes[2].walks(4, "in")
    wire.deliver()
    again = wire.nodes[2].restart()
    assert again.inside(PEOPLE) == {4}
    wire.pass_ms(3_000)
    assert agreed(wire) == {1, 2, 4}


def test_with_the_lan_cut_each_gate_goes_by_what_it_knows_and_agrees_afterwards() -> None:
    wire = make_wire(1, 2, gates=True)
    wire.nodes[1].walks(1, "in")
    wire.deliver()
    wire.lost = lambda _sent, _to: True
    wire.pass_ms(500)
    wire.nodes[2].walks(1, "out")
    wire.nodes[1].walks(2, "in")
    wire.pass_ms(3_000)
    assert wire.nodes[1].inside(PEOPLE) == {1, 2}
    assert wire.nodes[2].inside(PEOPLE) == set()
    wire.lost = lambda _sent, _to: False
    wire.pass_ms(5_000)
    assert agreed(wire) == {2}


def test_a_gate_moved_to_another_outlet_goes_by_the_passages_of_its_new_hall() -> None:
    wire = make_wire(1, 2, gates=True)
    wire.nodes[1].outlet = 12
    wire.introduce(1, 2, gates=True)
    wire.nodes[1].walks(1, "in")
    wire.nodes[2].walks(2, "in")
    wire.pass_ms(3_000)
    assert wire.nodes[2].inside(PEOPLE) == {2}
    wire.nodes[2].outlet = 12
    wire.introduce(1, 2, gates=True)
    wire.pass_ms(3_000)
    assert wire.nodes[2].inside(PEOPLE) == {1}


# Codes


def test_a_code_that_one_gate_took_is_known_to_the_others_of_the_hall_and_to_no_till() -> None:
    wire = make_wire(1, 2, gates=True)
    code = shown(1, NOON_S)
    wire.nodes[1].walks(1, "in", code=code)
    wire.deliver()
    there = wire.nodes[2].lan
    assert there.last_passed_s(code.code.code_id, outlet=world.OUTLET) == NOON_S
    assert there.last_passed_s(code.code.code_id, outlet=99) is None
    assert there.last_presented_s(code.code.code_id) is None
    assert there.claim(code)


def test_of_two_gates_that_claim_one_code_the_first_goes_in() -> None:
    wire = make_wire(1, 2, gates=True)
    code = shown(1, NOON_S)
    assert wire.nodes[2].lan.claim_way(code, outlet=world.OUTLET)
    wire.deliver()
    assert not wire.nodes[1].lan.claim_way(code, outlet=world.OUTLET)
    assert wire.nodes[1].lan.claim(code)


# All at once


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_after_loss_reordering_restarts_and_partitions_all_gates_agree_who_is_inside(seed: int, skewed: bool) -> None:
    """Where their clocks agree, too, they agree with the truth."""
    chance = random.Random(seed)
    wire = make_wire(1, 2, 3, 4, gates=True)
    if skewed:
        for node in wire.nodes.values():
            node.runs_ahead(chance.randrange(-20_000, 20_000))
    truth: set[int] = set()
    wire.chance, parts = chance, [0] * 5

    def lost(sent: Sent, to: int) -> bool:
        return parts[sent.sender] != parts[to] or chance.random() < 0.3

    wire.lost = lost
    for _turn in range(60):
        gate, person = chance.choice(list(wire.nodes.values())), chance.choice(PEOPLE)
        match chance.choices(("walk", "clear", "restart", "cut"), (80, 3, 7, 10))[0]:
            case "walk":
                inwards = chance.random() < 0.6
                gate.walks(person, "in" if inwards else "out")
                truth = truth | {person} if inwards else truth - {person}
            case "clear":
                gate.clears()
                truth = set()
            case "restart":
                gate.restart()
            case _:
                parts[:] = [chance.randrange(2) for _gate in parts]
        wire.pass_ms(100)
    parts[:] = [0] * 5
    wire.pass_ms(15_000)
    wire.clock.pass_ms(60_000)
    assert agreed(wire) == truth or skewed


steps = st.builds(
    Step,
    at_ms=st.integers(min_value=0, max_value=20),
    epoch=st.integers(min_value=1, max_value=3),
    seq=st.integers(min_value=1, max_value=30),
    inwards=st.booleans(),
)
clearings = st.builds(
    Clearing,
    at_ms=st.integers(min_value=0, max_value=20),
    epoch=st.integers(min_value=1, max_value=3),
    seq=st.integers(min_value=31, max_value=40),
)


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(st.one_of(steps, clearings), max_size=8, unique_by=lambda each: (each.epoch, each.seq)), max_size=3
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_the_order_and_the_repeats_the_same_people_are_inside(
    gates: list[list[Step | Clearing]], chance: random.Random
) -> None:
    def merged(*, shuffled: bool) -> bool:
        seen = []
        for facts in gates:
            walked = Walked()
            for fact in chance.sample(facts * 2, len(facts) * 2) if shuffled else facts:
                if isinstance(fact, Step):
                    walked.passed(fact, account_ref=1, business_date=DAY)
                else:
                    walked.cleared(fact)
            seen.append(walked.of(1, business_date=DAY))
        if shuffled:
            chance.shuffle(seen)
        return inside(seen, now_ms=100)

    assert merged(shuffled=True) == merged(shuffled=False)


# Clocks


def seen(*steps_of_it: Step, cleared: tuple[Clearing, ...] = ()) -> Seen:
    return Seen(steps_of_it, cleared)


def test_at_the_same_millisecond_the_way_out_counts() -> None:
    came, went = Step(5, 1, 2, inwards=True), Step(5, 7, 2, inwards=False)
    for gates in ([seen(came), seen(went)], [seen(went), seen(came)], [seen(came, went)]):
        assert not inside(gates, now_ms=100)


def test_a_gate_whose_clock_was_set_back_goes_by_the_order_in_which_it_wrote() -> None:
    walked = Walked()
    walked.passed(Step(50, 1, 2, inwards=True), account_ref=1, business_date=DAY)
    walked.passed(Step(20, 1, 3, inwards=False), account_ref=1, business_date=DAY)
    assert not inside([walked.of(1, business_date=DAY)], now_ms=100)
    walked.cleared(Clearing(10, 1, 4))
    walked.passed(Step(5, 1, 5, inwards=True), account_ref=1, business_date=DAY)
    assert inside([walked.of(1, business_date=DAY)], now_ms=100)


def test_a_gate_whose_clock_runs_hours_ahead_shuts_nobody_out_now() -> None:
    later = seen(Step(100 + AHEAD_MS + 1, 1, 2, inwards=True))
    assert not inside([later], now_ms=100)
    assert inside([later], now_ms=101)


def test_passages_of_long_ago_are_not_asked_for_without_end() -> None:
    wire = make_wire(1, 2, gates=True)
    wire.nodes[1].walks(1, "in")
    wire.clock.pass_ms(3 * 24 * 3_600_000)
    again = wire.nodes[2].restart()
    wire.pass_ms(1_000)
    wire.clock.pass_ms(REREAD_MS)
    wire.pass_ms(5_000)
    before = len(wire.log)
    wire.pass_ms(6_000)
    assert len(wire.log) - before <= 8
    assert again.inside(PEOPLE) == set()


def test_a_bad_gate_that_tells_of_ever_new_people_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.journal.walked.MAX_PEOPLE", 50)
    walked = Walked()
    for person in range(1, 80):
        walked.passed(Step(person, person, 2, inwards=True), account_ref=person, business_date=DAY)
    for epoch in range(1, 80):
        walked.passed(Step(epoch, epoch, 2, inwards=True), account_ref=79, business_date=DAY)
        walked.cleared(Clearing(0, epoch, 1))
    assert walked.of(1, business_date=DAY).steps == ()
    assert len(walked.of(79, business_date=DAY).steps) == len(walked.of(79, business_date=DAY).clearings) == 16
