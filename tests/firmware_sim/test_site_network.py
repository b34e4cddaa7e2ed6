"""The plug of a terminal's cable, between real sockets; and what the page knows of a question to the server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import pytest

from devices.drivers.network import Answer, NoAnswer
from devices.lan.udp import LanOptions
from devices.master.screen import Result, Said
from ecard.embedded import any_port
from firmware_sim.parts.asked import AskedPart, AskedState
from firmware_sim.parts.base import BadPress
from firmware_sim.parts.cable import LOOPBACK, VirtualCable
from tests.devices.world import FakeClock

PATIENCE_S = 30.0
HELLO = b"hello"


@dataclass
class Wired:
    """A terminal's own socket at the inner end of its cable."""

    cable: VirtualCable
    sdk: socket.socket

    @property
    def options(self) -> LanOptions:
        return self.cable.options

    def say(self, data: bytes) -> None:
        for face in self.options.peers:
            self.sdk.sendto(data, face)

    def hears(self) -> tuple[bytes, object]:
        return self.sdk.recvfrom(100)

    def loses(self, count: int) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while self.cable.lost < count:
            assert time.monotonic() < until_s, "the cable carried what it should have lost"
            time.sleep(0.005)


@pytest.fixture
def wired() -> Iterator[Callable[[int], list[Wired]]]:
    """Terminals on one network, each of which has said hello to all others."""
    made: list[Wired] = []

    def wire(count: int) -> list[Wired]:
        places = [(LOOPBACK, any_port(datagrams=True)) for _terminal in range(count)]
        for place in places:
            sdk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sdk.bind((LOOPBACK, 0))
            sdk.settimeout(PATIENCE_S)
            made.append(Wired(VirtualCable(place, [each for each in places if each != place]), sdk))
            made[-1].cable.start()
        for each in made:
            each.say(HELLO)
            until_s = time.monotonic() + PATIENCE_S
            while each.cable._sdk is None:  # else the next one's hello finds no way to it
                assert time.monotonic() < until_s, "the cable never heard its own terminal"
                time.sleep(0.005)
        for each in made[:-1]:  # who speaks first is not heard by those who have not spoken yet
            assert each.hears()[0] == HELLO
        return made

    yield wire
    for each in made:
        each.cable.close()
        each.sdk.close()


def test_a_neighbour_is_heard_from_its_own_face_and_answered_there(wired: Callable[[int], list[Wired]]) -> None:
    first, second = wired(2)
    second.say(b"sold")
    data, face = first.hears()
    assert (data, face) == (b"sold", first.options.peers[0])
    first.sdk.sendto(b"thanks", first.options.peers[0])
    heard = [second.hears()[0]]
    assert b"thanks" in heard or second.hears()[0] == b"thanks"


def test_who_pulls_the_plug_neither_speaks_nor_hears_until_it_is_back(wired: Callable[[int], list[Wired]]) -> None:
    first, second = wired(2)
    before = first.cable.lost
    first.cable.press(b'{"plugged":false}')
    assert not first.cable.state().plugged
    first.say(b"unsaid")
    second.say(b"unheard")
    first.loses(before + 2)
    first.cable.press(b'{"plugged":true}')
    second.say(b"again")
    assert first.hears()[0] == b"again"
    first.say(b"here")
    heard = b""
    while heard != b"here":
        heard = second.hears()[0]
        assert heard != b"unsaid"


def test_a_stranger_at_the_cable_is_not_heard(wired: Callable[[int], list[Wired]]) -> None:
    first, second = wired(2)
    before = first.cable.lost
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"listen", first.cable._there.getsockname())
        first.loses(before + 1)
    second.say(b"sold")
    assert first.hears()[0] == b"sold"


def test_a_cable_knows_no_other_press(wired: Callable[[int], list[Wired]]) -> None:
    first, _second = wired(2)
    with pytest.raises(BadPress):
        first.cable.press(b'{"cut":true}')


SAID = Said("", "")


class Line:
    """A way to the server on which a question takes so long, and is answered so or not at all."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.takes_ms, self.status = clock, 40, 200
        self.closed = False

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        self.clock.pass_ms(self.takes_ms)
        if not self.status:
            raise NoAnswer("silence")
        return Answer(self.status, b"")

    def close(self) -> None:
        self.closed = True


@dataclass
class Watched:
    """A part that watches, and the marks of a sale as the SDK makes them."""

    part: AskedPart
    line: Line
    number: int = 0

    def sell(self, *, ask: bool = True) -> AskedState:
        if ask:
            self.part.passing("sale.asked")
            with suppress(NoAnswer):
                self.part.request("POST", "/authorise", body=b"", headers={}, limit_bytes=1)
            self.part.passing("sale.answered")
        self.number += 1
        self.part.passing("sale.shown")
        return self.part.state()


@pytest.fixture
def watched() -> Watched:
    clock = FakeClock()
    line = Line(clock)
    made = Watched(AskedPart(line, clock), line)
    result = Result(0, "approved", "approved", 0, 0, 0, SAID, SAID, 1_00)
    made.part.shows(lambda: msgspec.structs.replace(result, number=made.number))
    return made


def test_an_answer_of_the_server_stands_beside_the_sale_it_was_about(watched: Watched) -> None:
    assert watched.part.state() == AskedState()
    assert watched.sell() == AskedState(number=1, answered=True, took_ms=40)
    assert watched.sell(ask=False).number == 1  # the second sale was nobody's question


@pytest.mark.parametrize("status", [0, 403, 500])
def test_silence_and_a_refusal_to_answer_are_no_answer(watched: Watched, status: int) -> None:
    watched.sell()
    watched.line.status, watched.line.takes_ms = status, 300
    assert watched.sell() == AskedState(number=2, answered=False, took_ms=300)


def test_keeping_the_line_warm_is_no_answer(watched: Watched) -> None:
    watched.part.passing("sale.asked")
    watched.part.request("GET", "/news", body=b"", headers={}, limit_bytes=1)
    watched.part.passing("sale.answered")
    watched.part.passing("sale.shown")
    assert not watched.part.state().answered


def test_nobody_presses_the_server_and_its_line_is_given_back(watched: Watched) -> None:
    with pytest.raises(BadPress):
        watched.part.press(b"{}")
    watched.part.close()
    assert watched.line.closed
