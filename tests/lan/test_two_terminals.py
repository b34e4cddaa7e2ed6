"""Two or three real terminals of a site on real sockets, with the campus line down."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from devices.core.declines import Why
from devices.core.quote import Lot
from devices.lan.udp import LanError, LanOptions, Udp
from devices.master.screen import Outcome
from firmware_sim.relay.lan import Faults, LanRelay
from tests.devices import world
from tests.devices.world import DAY_S, NOON_S
from tests.lan.site import SiteOfTills, Till, free_addresses, listed, until

Make = Callable[..., SiteOfTills]


@pytest.fixture
def relayed(make: Make) -> Iterator[Callable[..., tuple[SiteOfTills, LanRelay]]]:
    """Terminals that reach each other only over a relay, whose faults a test sets."""
    with ExitStack() as undo:

        def build(count: int, *, seed: int = 1) -> tuple[SiteOfTills, LanRelay]:
            addresses = free_addresses(count)
            relay = LanRelay(addresses, seed=seed)
            relay.start()
            undo.callback(relay.close)
            site = make([LanOptions(peers=relay.peers_of(place), bind=own) for place, own in enumerate(addresses)])
            site.meet()
            site.go_dark()
            return site, relay

        yield build


def tap_at_once(site: SiteOfTills, text: str) -> list[Outcome]:
    """The same code before every terminal of the site, at the same moment."""
    gate = threading.Barrier(len(site.tills))
    outcomes: list[Outcome] = []

    def tap(till: Till) -> None:
        till.terminal.control.set_amount(8_00)
        gate.wait()
        outcomes.append(till.terminal.control.scan(text))

    threads = [threading.Thread(target=tap, args=(till,)) for till in site.tills]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_the_same_code_is_refused_at_the_neighbour_with_the_line_down(pair: SiteOfTills) -> None:
    here, there = pair.tills
    text = pair.show(1)
    assert here.pay(8_00, text).approved
    until(lambda: there.knows(1, sales=1))
    outcome = there.pay(8_00, text)
    assert not outcome.approved
    assert outcome.result.why == Why.ALREADY_USED.value


def test_the_next_moment_of_the_same_phone_pays_at_the_neighbour(pair: SiteOfTills) -> None:
    here, there = pair.tills
    assert here.pay(8_00, pair.show(1)).approved
    until(lambda: there.knows(1, sales=1))
    pair.clock.pass_ms(6_000)
    assert there.pay(8_00, pair.show(1)).approved


def test_spend_at_the_neighbour_lessens_what_may_be_spent_here(pair: SiteOfTills) -> None:
    here, there = pair.tills
    assert here.pay(60_00, pair.show(1)).approved
    until(lambda: there.knows(1, sales=1))
    pair.clock.pass_ms(6_000)
    assert not there.pay(60_00, pair.show(1)).approved
    pair.clock.pass_ms(6_000)
    assert there.pay(40_00, pair.show(1)).approved


def test_a_subsidy_that_paid_at_the_neighbour_pays_nothing_here(make: Make) -> None:
    lots = (Lot(90, 5, 3_00, NOON_S + DAY_S),)
    site = make(listed(2), people=[world.row(1, lots=lots)])
    site.meet()
    site.go_dark()
    here, there = site.tills
    paid = here.pay(5_00, site.show(1))
    assert [leg.source for leg in paid.result.legs] == ["lot", "purse"]
    until(lambda: there.knows(1, sales=1))
    site.clock.pass_ms(6_000)
    assert [leg.source for leg in there.pay(5_00, site.show(1)).result.legs] == ["purse"]


def test_a_reversed_code_pays_again_here_and_not_next_door(pair: SiteOfTills) -> None:
    here, there = pair.tills
    text = pair.show(1)
    assert here.pay(8_00, text).approved
    assert here.terminal.control.reverse_last().approved
    until(lambda: there.lan.last_presented_s(pair.phones[1].credential[8:16]) is not None and there.knows(1, sales=0))
    assert there.pay(8_00, text).result.why == Why.ALREADY_USED.value
    assert here.pay(5_00, text).approved


def test_what_the_server_has_of_a_neighbour_counts_once(make: Make) -> None:
    site = make(listed(2))
    site.meet()
    here, there = site.tills
    assert here.pay(60_00, site.show(1)).approved
    until(lambda: there.knows(1, sales=1))
    here.sync()
    there.server.people[1] = world.row(1, purse_minor=40_00)
    site.introduce(posted=True)
    assert there.knows(1, sales=0)
    site.clock.pass_ms(6_000)
    assert there.pay(40_00, site.show(1)).approved


def test_over_a_multicast_group_nobody_needs_to_be_listed(make: Make) -> None:
    port = free_addresses(1)[0][1]
    options = LanOptions(bind=("127.0.0.1", 0), group=("239.192.69.67", port), interface="127.0.0.1")
    site = make([options] * 3)
    site.meet()
    site.go_dark()
    first, second, third = site.tills
    text = site.show(1)
    assert first.pay(8_00, text).approved
    until(lambda: second.knows(1, sales=1) and third.knows(1, sales=1))
    assert not second.pay(8_00, text).approved
    assert not third.pay(8_00, text).approved


def test_simultaneous_taps_with_a_claim_wait_sell_once(make: Make) -> None:
    site = make(listed(3))
    site.claim_wait(1_000)
    site.introduce()
    site.meet()
    site.go_dark()
    for person in range(1, 4):
        outcomes = tap_at_once(site, site.show(person))
        assert sum(outcome.approved for outcome in outcomes) == 1


def test_the_claim_wait_asks_nothing_of_a_terminal_whose_network_is_gone(
    relayed: Callable[..., tuple[SiteOfTills, LanRelay]],
) -> None:
    site, relay = relayed(2)
    relay.cut([(0, 1)])
    outcomes = tap_at_once(site, site.show(1))
    assert [outcome.approved for outcome in outcomes] == [True, True]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_a_line_that_loses_repeats_and_reorders_everything_is_known_in_the_end(
    relayed: Callable[..., tuple[SiteOfTills, LanRelay]], seed: int
) -> None:
    site, relay = relayed(3, seed=seed)
    relay.set_faults(Faults(loss=0.3, twice=0.3, delay_ms=60))
    for person in range(1, 13):
        assert site.tills[person % 3].pay(1_00, site.show(person)).approved
        site.clock.pass_ms(500)
    for person in range(1, 13):
        others = [till for place, till in enumerate(site.tills) if place != person % 3]
        until(lambda others=others, person=person: all(till.knows(person, sales=1) for till in others))  # type: ignore[misc]  # values of this turn
    assert relay.lost > 0


def test_a_partition_heals_and_both_sides_know_all(relayed: Callable[..., tuple[SiteOfTills, LanRelay]]) -> None:
    site, relay = relayed(3)
    one, two, three = site.tills
    relay.cut([(0, 2), (1, 2)])
    assert one.pay(30_00, site.show(1)).approved
    assert three.pay(20_00, site.show(1)).approved
    until(lambda: two.knows(1, sales=1))
    relay.heal()
    until(lambda: two.knows(1, sales=2) and one.knows(1, sales=1) and three.knows(1, sales=1))
    assert two.lan.pending(1).purse_minor == 50_00


def test_a_terminal_that_was_restarted_asks_its_neighbours_again_and_tells_its_own(pair: SiteOfTills) -> None:
    here, there = pair.tills
    mine, theirs = pair.show(1), pair.show(2)
    assert here.pay(8_00, mine).approved
    assert there.pay(8_00, theirs).approved
    until(lambda: here.knows(2, sales=1) and there.knows(1, sales=1))
    here.close()
    there.close()
    here.open()
    there.open()
    until(lambda: here.knows(2, sales=1) and there.knows(1, sales=1))
    assert not here.pay(8_00, theirs).approved
    assert not there.pay(8_00, mine).approved


def test_a_stolen_terminal_is_no_neighbour_from_the_next_snapshot_on(make: Make) -> None:
    site = make(listed(2))
    site.meet()
    stolen, kept = site.tills
    assert stolen.pay(90_00, site.show(1)).approved
    until(lambda: kept.knows(1, sales=1))
    kept.server.peers = ()
    kept.sync()
    assert kept.knows(1, sales=0)
    site.clock.pass_ms(6_000)
    assert kept.pay(90_00, site.show(1)).approved


def test_a_flood_of_strangers_datagrams_delays_no_sale(make: Make) -> None:
    options = listed(2)
    site = make(options)
    site.meet()
    site.go_dark()
    here, there = site.tills
    stop = threading.Event()

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            while not stop.is_set():
                for _datagram in range(50):
                    stranger.sendto(b"ECL1\3" + bytes(1_100), options[0].bind)
                stop.wait(0.001)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for person in range(1, 6):
            assert here.pay(8_00, site.show(person)).approved
        text = site.show(7)
        assert there.pay(8_00, text).approved
        until(lambda: here.knows(7, sales=1))
        assert not here.pay(8_00, text).approved
    finally:
        stop.set()
        thread.join()


def test_an_address_that_is_taken_is_said_at_the_start() -> None:
    first = Udp(LanOptions(bind=("127.0.0.1", 0)))
    try:
        with pytest.raises(LanError, match="cannot be listened to"):
            Udp(LanOptions(bind=first.address))
    finally:
        first.close()


def test_neighbours_that_fell_silent_are_no_longer_counted(pair: SiteOfTills) -> None:
    here, there = pair.tills
    there.close()
    pair.clock.pass_ms(60_000)
    until(lambda: here.heard() == 0)
    there.open()
    until(lambda: here.heard() == 1)
