"""One code shown at two terminals of a site whose line is down: how often both take it.

Two real terminals, each with its journal on this disk, tell each other over UDP through `firmware_sim.relay.lan`, which
loses datagrams by a seeded chance. The second tap follows the first after the gap. The baseline is the same two taps at
terminals without a LAN, measured in the same run. Terminals share this process, so a datagram also waits for its turn
of the interpreter: on machines of their own it arrives sooner. `lan.nobody.*` is how often neither took it, the worst
of all gaps and losses: the holder then waits for the next code.
"""

from __future__ import annotations

import gc
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from devices.lan.udp import LanOptions
from firmware_sim.relay.lan import Faults, LanRelay
from tests.bench.figures import Figure
from tests.devices import world
from tests.devices.world import Phone
from tests.lan.site import SiteOfTills, Till, free_addresses, make_site

NAME = "lan"
TRIES = 60
GAPS_MS = (0, 1, 10, 100)
LOSSES = (0.0, 0.01, 0.1, 0.3)
WAITS_MS = (0, 20, 50)
SOON_S = 0.004
"""Both hands are ready this long before the first tap."""
OFF_S = 0.001
"""A pair of taps whose gap came out further from what was meant, on a busy machine, is tried again."""
MOST_TRIES = 5
PRICE_MINOR = 1


def run(*, scale: float = 1.0) -> list[Figure]:
    """Rates of 0 to 1."""
    tries = max(5, int(TRIES * scale))
    people = iter(range(1, 10_000_000))
    with _site(relayed=False) as (site, _relay), _Hands(site) as hands:
        alone = {gap_ms: hands.rate(people, gap_ms=gap_ms, tries=tries).both for gap_ms in GAPS_MS}
    figures = []
    with _site(relayed=True) as (site, relay), _Hands(site) as hands:
        for wait_ms in WAITS_MS:
            relay.set_faults(Faults())
            for till in site.tills:
                till.server.down = False
            site.claim_wait(wait_ms)
            site.go_dark()
            nobody = 0.0
            for loss in LOSSES:
                for gap_ms in GAPS_MS:
                    site.meet()
                    relay.set_faults(Faults(loss=loss), seed=wait_ms * 1_000_000 + int(loss * 100) * 1_000 + gap_ms)
                    rate = hands.rate(people, gap_ms=gap_ms, tries=tries)
                    name = f"lan.double_accept.gap_{gap_ms}_ms.loss_{int(loss * 100)}.wait_{wait_ms}_ms"
                    figures.append(Figure(name=name, value=rate.both, unit="rate", baseline=alone[gap_ms]))
                    nobody = max(nobody, rate.neither)
            figures.append(Figure(name=f"lan.nobody.wait_{wait_ms}_ms", value=nobody, unit="rate"))
    return figures


@contextmanager
def _site(*, relayed: bool) -> Iterator[tuple[SiteOfTills, LanRelay]]:
    addresses = free_addresses(2)
    relay = LanRelay(addresses)
    relay.start()
    try:
        with tempfile.TemporaryDirectory(prefix="ecard-bench-") as folder:
            options = [
                LanOptions(peers=relay.peers_of(place), bind=own) if relayed else None
                for place, own in enumerate(addresses)
            ]
            site = make_site(Path(folder), options)
            for till in site.tills:
                till.server.parameters = world.parameters(mode="fixed", fixed_minor=PRICE_MINOR)
                till.sync()
            if relayed:
                site.meet()
            site.go_dark()
            yield site, relay
            site.close()
    finally:
        relay.close()


class _Rate(NamedTuple):
    both: float
    neither: float


class _Tap(NamedTuple):
    began_s: float
    approved: bool


class _Hands:
    """One hand at each terminal, told when to tap and with what."""

    def __init__(self, site: SiteOfTills) -> None:
        self._site = site
        self._told: list[SimpleQueue[tuple[float, str] | None]] = [SimpleQueue() for _till in site.tills]
        self._taken: SimpleQueue[_Tap] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._tap, args=(till, told))
            for till, told in zip(site.tills, self._told, strict=True)
        ]

    def __enter__(self) -> _Hands:
        gc.disable()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        for told in self._told:
            told.put(None)
        for thread in self._threads:
            thread.join()
        gc.enable()

    def rate(self, people: Iterator[int], *, gap_ms: int, tries: int) -> _Rate:
        """How often both took it; each code is another person's, and the terminals take turns to be first."""
        twice = never = turn = tried = 0
        while turn < tries and tried < MOST_TRIES * tries:
            tried += 1
            text = Phone(next(people)).show(self._site.clock.now_s)
            start_s = time.perf_counter() + SOON_S
            for place, told in enumerate(self._told):
                told.put((start_s + (gap_ms / 1000 if place != turn % 2 else 0), text))
            done = sorted(self._taken.get() for _hand in self._told)
            if abs(done[1].began_s - done[0].began_s - gap_ms / 1000) > OFF_S:
                continue
            turn += 1
            taken = [each.approved for each in done]
            twice += all(taken)
            never += not any(taken)
        gc.collect()
        return _Rate(twice / max(1, turn), never / max(1, turn))

    def _tap(self, till: Till, told: SimpleQueue[tuple[float, str] | None]) -> None:
        while (each := told.get()) is not None:
            at_s, text = each
            time.sleep(max(0.0, at_s - time.perf_counter()))
            began_s = time.perf_counter()
            self._taken.put(_Tap(began_s, till.terminal.control.scan(text).approved))
