"""Conversations of neighbours, datagram by datagram: loss, partitions, restarts, claims, and who misuses them."""

from __future__ import annotations

import random

import msgspec
import pytest

from devices.core.funds import Pending
from devices.core.messages import Peer
from devices.core.signing import SigningKey
from devices.lan.messages import Item, Objection, Want, seal, site_key
from devices.lan.neighbours import CLAIM_AGE_S, LIVELY_MS
from devices.lan.peer import MAX_PER_S
from tests.devices import world
from tests.devices.world import NOON_S
from tests.lan.claiming import Claiming
from tests.lan.test_messages import a_sale
from tests.lan.wire import Node, Sent, Wire, make_wire, public_of, seed_of, shown


def said_by(number: int, *items: Item, signer: int = 0, site: int = world.SITE, nonce: int = 1) -> Sent:
    """A datagram that terminal `number` could have sent, signed by the key of `signer`."""
    data = seal(
        items,
        terminal=number,
        signer=SigningKey(seed_of(signer or number)),
        key_id=world.KEY_ID,
        key=site_key(world.SEALING_KEY, site=site),
        nonce=nonce.to_bytes(24, "big"),
    )
    return Sent(number, None, data)


# Telling


def test_a_sale_is_known_next_door_after_one_datagram() -> None:
    wire = make_wire(1, 2)
    code = shown(1, NOON_S)
    wire.nodes[1].sell(code, 8_00)
    wire.deliver()
    assert wire.nodes[2].knows(code)
    assert wire.nodes[2].spent(1) == 8_00
    assert wire.nodes[1].spent(1) == 0


def test_what_is_told_three_times_counts_once() -> None:
    wire = make_wire(1, 2)
    wire.nodes[1].sell(shown(1, NOON_S), 8_00)
    wire.pass_ms(5_000)
    assert wire.nodes[2].lan.pending(1).sales == 1


@pytest.mark.parametrize("seed", range(8))
def test_of_many_sales_over_a_lossy_line_each_is_known_in_the_end(seed: int) -> None:
    chance = random.Random(seed)
    wire = make_wire(1, 2, 3)
    wire.lost, wire.chance = lambda _sent, _to: chance.random() < 0.3, chance
    sold = {1: 0, 2: 0, 3: 0}
    for place in range(60):
        seller = chance.choice((1, 2, 3))
        wire.nodes[seller].sell(shown(place % 5 + 1, wire.clock.now_s, number=place), 1_00)
        sold[seller] += 1
        wire.pass_ms(100)
    wire.pass_ms(20_000)
    for number, node in wire.nodes.items():
        heard = sum(node.spent(person) for person in range(1, 6))
        assert heard == 1_00 * sum(count for other, count in sold.items() if other != number)


def test_a_partition_that_heals_merges_what_both_sides_sold() -> None:
    wire = make_wire(1, 2)
    wire.lost = lambda _sent, _to: True
    here, there = shown(1, NOON_S), shown(2, NOON_S)
    wire.nodes[1].sell(here)
    wire.nodes[2].sell(there)
    wire.pass_ms(LIVELY_MS + 4_000)
    assert wire.nodes[1].lan.heard() == wire.nodes[2].lan.heard() == 0
    assert not wire.nodes[2].knows(here)
    wire.lost = lambda _sent, _to: False
    wire.pass_ms(6_000)
    assert wire.nodes[1].lan.heard() == 1
    assert wire.nodes[2].knows(here)
    assert wire.nodes[1].knows(there)
    assert (wire.nodes[2].spent(1), wire.nodes[1].spent(2)) == (8_00, 8_00)


def test_a_terminal_that_restarts_hears_everything_again() -> None:
    wire = make_wire(1, 2)
    code = shown(1, NOON_S)
    for place in range(40):
        wire.nodes[1].sell(shown(2, NOON_S, number=place), 1_00)
    wire.nodes[1].sell(code)
    wire.deliver()
    again = wire.nodes[2].restart()
    assert not again.knows(code)
    wire.pass_ms(3_000)
    assert again.knows(code)
    assert again.lan.pending(2).sales == 40


def test_a_terminal_that_restarts_tells_what_it_sold_before() -> None:
    wire = make_wire(1, 2)
    wire.lost = lambda _sent, _to: True
    code = shown(1, NOON_S)
    wire.nodes[1].sell(code)
    wire.deliver()
    again = wire.nodes[1].restart()
    wire.lost = lambda _sent, _to: False
    again.sell(shown(2, NOON_S))
    wire.pass_ms(3_000)
    assert wire.nodes[2].knows(code)
    assert (wire.nodes[2].spent(1), wire.nodes[2].spent(2)) == (8_00, 8_00)


def test_a_new_snapshot_ends_the_counting_of_what_it_has() -> None:
    wire = make_wire(1, 2)
    first, second = shown(1, NOON_S), shown(1, NOON_S, number=2)
    sale = wire.nodes[1].sell(first)
    wire.nodes[1].sell(second, 5_00)
    wire.deliver()
    assert wire.nodes[2].spent(1) == 13_00
    wire.introduce(1, 2, posted={1: {wire.nodes[1].epoch: sale.seq}})
    assert wire.nodes[2].spent(1) == 5_00
    assert wire.nodes[2].knows(first)


def test_a_neighbour_cannot_call_anothers_sales_posted() -> None:
    wire = make_wire(1, 2, 3)
    wire.nodes[1].sell(shown(1, NOON_S))
    wire.deliver()
    wire.introduce(1, 2, 3, posted={3: {wire.nodes[1].epoch: 1_000}})
    assert wire.nodes[2].spent(1) == 8_00


# Reversals


def test_after_a_reversal_the_code_is_free_where_it_was_taken_and_nowhere_else() -> None:
    wire = make_wire(1, 2)
    code = shown(1, NOON_S)
    sale = wire.nodes[1].sell(code)
    wire.deliver()
    wire.nodes[1].reverse(sale, code)
    wire.deliver()
    assert wire.nodes[2].spent(1) == 0
    assert wire.nodes[2].knows(code)
    assert not wire.nodes[1].knows(code)
    assert wire.nodes[1].lan.claim(code)


def test_a_code_that_is_taken_again_after_a_reversal_counts_once_next_door() -> None:
    wire = make_wire(1, 2)
    code = shown(1, NOON_S)
    wire.nodes[1].reverse(wire.nodes[1].sell(code, 80_00), code)
    wire.nodes[1].sell(code, 8_00)
    wire.pass_ms(3_000)
    assert wire.nodes[2].spent(1) == 8_00


def test_a_neighbour_does_not_object_to_a_code_that_the_claimer_itself_gave_back() -> None:
    wire = make_wire(1, 2)
    code = shown(1, NOON_S)
    wire.nodes[1].reverse(wire.nodes[1].sell(code), code)
    wire.deliver()
    before = len(wire.log)
    assert wire.nodes[1].lan.claim(code)
    wire.deliver()
    assert [sent.sender for sent in wire.log[before:]] == [1]


# Claims


def test_of_two_claims_under_way_at_once_the_lower_number_wins() -> None:
    wire = make_wire(1, 2, claim_wait_ms=600)
    one, other = Claiming(wire, 1), Claiming(wire, 2)
    wire.deliver()
    assert (one.ends(), other.ends()) == (True, False)


def test_a_claim_that_is_heard_while_waiting_ends_the_wait_where_the_objection_is_lost() -> None:
    wire = make_wire(1, 2, claim_wait_ms=600)
    wire.lost = lambda sent, to: to == 2 and sent.to == 2
    one, other = Claiming(wire, 1), Claiming(wire, 2)
    wire.deliver()
    assert (one.ends(), other.ends()) == (True, False)


def test_of_three_claims_under_way_at_once_one_wins() -> None:
    wire = make_wire(1, 2, 3, claim_wait_ms=600)
    started = [Claiming(wire, number) for number in (3, 2, 1)]
    wire.deliver()
    assert [claim.ends() for claim in started] == [False, False, True]


def test_a_claim_heard_before_ones_own_goes_first_whatever_the_number() -> None:
    wire = make_wire(1, 2)
    code = shown(1, NOON_S)
    assert wire.nodes[2].lan.claim(code)
    wire.deliver()
    assert not wire.nodes[1].lan.claim(code)


def test_a_claim_without_a_sale_lapses() -> None:
    wire = make_wire(1, 2)
    code = shown(1, NOON_S)
    assert wire.nodes[2].lan.claim(code)
    wire.deliver()
    wire.clock.pass_ms(3_500)
    assert wire.nodes[1].lan.claim(code)


def test_a_terminal_that_sold_it_objects_where_its_telling_was_lost() -> None:
    wire = make_wire(1, 2, claim_wait_ms=600)
    wire.lost = lambda _sent, _to: True
    wire.nodes[2].sell(shown(1, NOON_S))
    wire.deliver()
    wire.lost = lambda _sent, _to: False
    claim = Claiming(wire, 1)
    wire.deliver()
    assert not claim.ends()


def test_a_terminal_that_was_restarted_objects_to_what_it_sold_before() -> None:
    wire = make_wire(1, 2, claim_wait_ms=600)
    wire.lost = lambda _sent, _to: True
    kept, reversed_there = shown(1, NOON_S), shown(3, NOON_S)
    wire.nodes[2].sell(kept)
    wire.nodes[2].reverse(wire.nodes[2].sell(reversed_there), reversed_there)
    wire.deliver()
    wire.nodes[2].restart()
    wire.lost = lambda sent, _to: b"told" in sent.data
    wire.nodes[1].lan.tick()
    for account_ref, taken in ((1, False), (3, False), (5, True)):
        claim = Claiming(wire, 1, account_ref)
        wire.nodes[2].lan.receive(wire.under_way.pop(0).data, ("1", 0))
        for sent in wire.under_way:
            wire.nodes[sent.to or 1].lan.receive(sent.data, ("2", 0))
        wire.under_way.clear()
        assert claim.ends() == taken
        wire.under_way.clear()


def test_a_third_terminal_objects_for_one_that_is_off() -> None:
    wire = make_wire(1, 2, 3, claim_wait_ms=600)
    wire.lost = lambda _sent, to: to == 1
    wire.nodes[2].sell(shown(1, NOON_S))
    wire.deliver()
    del wire.nodes[2]
    wire.lost = lambda _sent, _to: False
    claim = Claiming(wire, 1)
    wire.deliver()
    assert not claim.ends()


def test_alone_at_the_site_nobody_is_waited_for() -> None:
    wire = make_wire(1, claim_wait_ms=60_000)
    wire.introduce(1, 2, claim_wait_ms=60_000)
    assert wire.nodes[1].lan.claim(shown(1, NOON_S))


# Attacks


def test_a_replayed_claim_keeps_nobody_from_a_code() -> None:
    wire = make_wire(1, 2)
    code = shown(1, NOON_S)
    assert wire.nodes[2].lan.claim(code)
    recorded = wire.log[-1]
    wire.clock.pass_ms((CLAIM_AGE_S + 5) * 1000)
    wire.put(recorded)
    wire.deliver()
    assert wire.nodes[1].lan.claim(code)


def test_a_replayed_sale_changes_nothing() -> None:
    wire = make_wire(1, 2)
    code = shown(1, NOON_S)
    wire.nodes[1].reverse(wire.nodes[1].sell(code), code)
    recorded = list(wire.log)
    wire.deliver()
    for sent in recorded * 3:
        wire.put(sent)
    wire.deliver()
    assert wire.nodes[2].lan.pending(1) == Pending()


def test_a_forged_sale_in_a_neighbours_name_is_not_believed() -> None:
    wire = make_wire(1, 2)
    wire.put(said_by(1, a_sale(2), signer=9))
    wire.deliver()
    assert wire.nodes[2].lan.pending(1) == Pending()


def test_a_stranger_who_signs_in_its_own_name_is_not_believed() -> None:
    wire = make_wire(1, 2)
    wire.put(said_by(9, a_sale(2)))
    wire.deliver()
    assert wire.nodes[2].lan.pending(1) == Pending()


def test_a_sale_told_at_another_site_is_not_heard_here() -> None:
    wire = make_wire(1, 2)
    wire.put(said_by(1, a_sale(2), site=world.SITE + 1))
    wire.deliver()
    assert wire.nodes[2].lan.pending(1) == Pending()


def test_a_stolen_terminal_that_was_revoked_is_neither_heard_nor_counted() -> None:
    wire = make_wire(1, 2, 3)
    code = shown(1, NOON_S)
    wire.nodes[3].sell(code)
    wire.deliver()
    assert wire.nodes[2].spent(1) == 8_00
    wire.introduce(1, 2)
    assert (wire.nodes[2].spent(1), wire.nodes[2].knows(code)) == (0, False)
    wire.nodes[3].sell(shown(2, NOON_S))
    wire.nodes[3].lan.claim(shown(5, NOON_S))
    wire.pass_ms(3_000)
    assert wire.nodes[2].spent(2) == 0
    assert wire.nodes[2].lan.claim(shown(5, NOON_S))
    assert wire.nodes[2].lan.heard() == 1


def test_a_successor_in_a_stolen_terminals_place_starts_without_what_the_thief_told() -> None:
    wire = make_wire(1, 2)
    wire.put(said_by(1, a_sale(2, account_ref=1)))
    wire.deliver()
    assert wire.nodes[2].spent(1) == 8_00
    held = wire.nodes[2].shelf.held
    assert held is not None
    wire.nodes[2].shelf.held = msgspec.structs.replace(held, peers=(Peer(1, public_of(99)),))
    assert wire.nodes[2].spent(1) == 0


def test_a_flood_of_a_stolen_terminal_is_bounded() -> None:
    wire = make_wire(1, 2)
    for place in range(MAX_PER_S + 200):
        wire.nodes[2].lan.receive(said_by(1, a_sale(place + 1, account_ref=place + 1)).data, ("1", 0))
    assert wire.nodes[2].lan.pending(MAX_PER_S + 150) == Pending()
    assert wire.nodes[2].lan.pending(5).sales == 1


def test_questions_without_end_are_answered_by_one_datagram_each() -> None:
    wire = make_wire(1, 2)
    for place in range(100):
        wire.nodes[2].sell(shown(1, NOON_S, number=place), 1_00)
    wire.under_way.clear()
    before = len(wire.log)
    wire.nodes[2].lan.receive(said_by(1, *[Want(wire.nodes[2].epoch, 0)] * 30).data, ("1", 0))
    assert len(wire.log) - before <= 2


def test_an_objection_to_somebody_elses_claim_or_another_code_stops_nobody() -> None:
    wire = make_wire(1, 2, 3, claim_wait_ms=600)
    code = shown(1, NOON_S).code
    claim = Claiming(wire, 1)
    wire.nodes[1].lan.receive(said_by(3, Objection(2, code.code_id, code.shown_at_s)).data, ("3", 0))
    wire.nodes[1].lan.receive(said_by(3, Objection(1, b"87654321", code.shown_at_s)).data, ("3", 0))
    wire.nodes[1].lan.receive(said_by(3, Objection(1, code.code_id, code.shown_at_s - 9)).data, ("3", 0))
    assert claim.ends()


def test_a_terminal_of_an_older_server_that_names_no_peers_says_nothing_and_sells() -> None:
    wire = Wire()
    node = Node(wire, 1)
    wire.introduce(1)
    code = shown(1, NOON_S)
    assert node.lan.claim(code)
    node.sell(code)
    node.lan.tick()
    assert wire.log == []
