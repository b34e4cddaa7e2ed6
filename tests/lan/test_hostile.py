"""A bad day on a site's network: floods, clones, wrong clocks, old epochs, and everybody starting at once."""

from __future__ import annotations

import random

from devices.core.funds import Pending
from devices.lan.heard import Heard
from devices.lan.messages import MAX_ENDS, Have, Want
from devices.lan.peer import MAX_ANSWERS_PER_S, MAX_PER_S
from tests.devices.world import DAY_S, NOON_S
from tests.lan.test_messages import a_sale
from tests.lan.test_transcripts import said_by
from tests.lan.wire import Node, Wire, make_wire, shown


def test_epochs_too_old_to_be_told_keep_nobody_from_asking_for_newer_ones() -> None:
    """A site dark for more than a week, whose terminal was restarted now and then, and did not sell in between."""
    wire = make_wire(1, 2)
    node = wire.nodes[1]
    for _epoch in range(3):
        node.sell(shown(1, NOON_S))
        node = node.restart()
    wire.clock.pass_ms(8 * DAY_S * 1000)
    again = wire.nodes[2].restart()
    wire.lost = lambda _sent, _to: True
    code = shown(2, NOON_S)
    node.sell(code)
    wire.deliver()
    wire.pass_ms(1_000)
    wire.lost = lambda _sent, _to: False
    wire.pass_ms(6_000)
    assert again.knows(code)
    before = len(wire.log)
    wire.pass_ms(10_000)
    assert len(wire.log) - before < 20, "what nobody has is asked for without end"


def test_a_neighbour_that_names_ever_new_epochs_fills_no_memory() -> None:
    wire = make_wire(1, 2)
    for place in range(200):
        ends = tuple((1 + place * 24 + each, 5) for each in range(24))
        wire.nodes[2].lan.receive(said_by(1, Have(ends), nonce=place).data, ("1", 0))
    assert len(wire.nodes[2].lan._peers[1].ends) <= MAX_ENDS


def test_forged_datagrams_in_a_neighbours_name_do_not_silence_it() -> None:
    wire = make_wire(1, 2, 3)
    forged = said_by(1, a_sale(2), signer=3)
    for _place in range(MAX_PER_S + 10):
        wire.nodes[2].lan.receive(forged.data, ("3", 0))
    code = shown(1, NOON_S)
    wire.nodes[1].sell(code)
    wire.deliver()
    assert wire.nodes[2].knows(code)


def test_a_flood_of_questions_is_answered_so_many_times_a_second_and_no_more() -> None:
    wire = make_wire(1, 2)
    for place in range(40):
        wire.nodes[2].sell(shown(1, NOON_S, number=place), 1_00)
    wire.under_way.clear()
    before = len(wire.log)
    for place in range(MAX_PER_S):
        wire.nodes[2].lan.receive(said_by(1, Want(wire.nodes[2].epoch, 0), nonce=place).data, ("1", 0))
    assert 0 < len(wire.log) - before <= MAX_ANSWERS_PER_S
    wire.clock.pass_ms(1_000)
    wire.nodes[2].lan.receive(said_by(1, Want(wire.nodes[2].epoch, 0)).data, ("1", 0))
    assert wire.log[-1].sender == 2


def test_a_terminal_that_started_with_a_wrong_clock_hears_and_tells_all_once_it_is_set_right() -> None:
    wire = make_wire(1, 2)
    here, there = shown(1, NOON_S), shown(2, NOON_S)
    wire.nodes[1].sell(here)
    wire.lost = lambda _sent, _to: True
    wire.nodes[2].sell(there)
    wire.deliver()
    wire.lost = lambda _sent, _to: False
    wrong_ms = 30 * DAY_S * 1000
    wire.clock.jump_ms(wrong_ms)
    again = wire.nodes[2].restart()
    again.lan.go_by(lambda: wire.clock.now_ms)
    wire.nodes[1].lan.go_by(lambda: NOON_S * 1000)
    wire.pass_ms(3_000)
    wire.clock.jump_ms(-wrong_ms)
    wire.pass_ms(6_000)
    assert again.knows(here)
    assert wire.nodes[1].knows(there)


def test_a_neighbour_whose_clock_is_ahead_did_not_sell_in_the_future() -> None:
    """Else whoever may eat once in some hours would wait until then at every terminal."""
    heard = Heard()
    heard.take(a_sale(2, at_s=NOON_S + 5 * 3600), now_s=NOON_S)
    assert heard.pending(1).last_s == NOON_S


def test_two_machines_that_speak_as_one_terminal_are_both_heard() -> None:
    """A copied disk: each goes on in an epoch of its own, under one number and one key."""
    wire = make_wire(1, 2)
    one = wire.nodes[1]
    first = shown(1, NOON_S)
    one.sell(first)
    wire.deliver()
    copy = Node(wire, 1, shelf=one.shelf, epoch=9_999, place=100)
    copy.memory.records = {epoch: list(records) for epoch, records in one.memory.records.items()}
    clones = {1: one, 100: copy}
    chance = random.Random(3)
    wire.lost = lambda _sent, _to: chance.random() < 0.5
    for place in range(30):
        clones[chance.choice((1, 100))].sell(shown(2, NOON_S, number=place), 1_00)
        wire.pass_ms(200)
    wire.lost = lambda _sent, _to: False
    wire.pass_ms(15_000)
    assert (wire.nodes[2].lan.pending(1).sales, wire.nodes[2].lan.pending(2).sales) == (1, 30)


def test_forty_terminals_that_start_at_once_know_of_each_other_at_once() -> None:
    numbers = range(1, 41)
    wire = Wire()
    for number in numbers:
        Node(wire, number)
    wire.introduce(*numbers)
    wire.lost = lambda _sent, _to: True
    for number in numbers:
        wire.nodes[number].sell(shown(number, NOON_S), 1_00)
    wire.deliver()
    for number in numbers:
        wire.nodes[number].restart()
    wire.lost = lambda _sent, _to: False
    before = len(wire.log)
    wire.pass_ms(100)
    for number in numbers:
        node = wire.nodes[number]
        assert node.lan.heard() == 39
        assert sum(node.spent(other) for other in numbers) == 39_00
        assert node.lan.pending(number) == Pending()
    assert len(wire.log) - before < 40 * 39 * 6
