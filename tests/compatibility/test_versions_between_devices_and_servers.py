"""A terminal of this release at a server one version older or newer, in memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from devices.core.funds import PersonRow
from devices.core.journal import Facts
from devices.core.messages import Ack, EnrolRequest, Parameters, open_batch
from devices.core.signing import SNAPSHOT_DOMAIN
from devices.drivers.network import Answer
from devices.master.screen import Phase
from tests.compatibility import release_2
from tests.compatibility.conftest import Counter
from tests.devices import world
from tests.devices.world import FakeClock, FakeServer

ROUTES_OF_RELEASE_2 = {"enrol", "keys", "snapshot", "batches"}
Begin = Callable[[FakeServer], Counter]


class OlderServer(FakeServer):
    """As release 2 was: it knows four routes, no cards, and takes no record that it cannot read."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.card_key = b""
        self.read: list[release_2.Record] = []
        self.unknown: list[str] = []

    def _answer(self, method: str, route: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if route not in ROUTES_OF_RELEASE_2:
            self.unknown.append(route)
            return Answer(404, b"<h1>Not Found</h1>")
        return super()._answer(method, route, target, body, headers)

    def receive(self, body: bytes) -> Ack:
        _, lines = open_batch(body, device_public=bytes.fromhex(self.device_public))
        try:
            self.read += [msgspec.json.decode(line, type=release_2.Record) for line in lines]
        except msgspec.MsgspecError:
            return Ack("quarantined", 0, 0)
        return super().receive(body)


@pytest.fixture
def older() -> OlderServer:
    return OlderServer(FakeClock())


def test_a_newer_terminal_works_at_an_older_server(older: OlderServer, started: Begin) -> None:
    counter = started(older)
    assert counter.terminal.control.screen().phase is Phase.READY
    assert counter.pay(1, 12_50).approved
    assert counter.terminal.control.reverse_last().approved
    assert counter.pay(2, 3_00).approved
    counter.sync()
    assert counter.terminal.control.screen().unsent == 0
    assert [type(record).__name__ for record in older.read] == [
        "EpochRecord", "SaleRecord", "ReversalRecord", "SaleRecord"
    ]  # fmt: skip
    older.post_all()
    counter.sync()
    assert counter.terminal._journal.pending(2).sales == 0


def test_a_newer_terminal_writes_nothing_that_an_older_server_cannot_read(older: OlderServer, started: Begin) -> None:
    counter = started(older)
    control = counter.terminal.control
    control.set_amount(2_00)
    assert not control.tap_card(bytes.fromhex("04a1b2c3")).approved
    assert not control.note("shift_opened", by=("1",))
    control.set_mode("pass")
    counter.clock.pass_ms(30_000)
    assert not control.scan(counter.shows(1), facts=Facts(device="gate")).approved
    control.set_mode("typed")
    counter.clock.pass_ms(30_000)
    control.set_amount(2_00)
    assert control.scan(counter.shows(1), facts=Facts(device="weighing", grams=350)).approved
    counter.sync()
    assert control.screen().unsent == 0
    assert [type(record).__name__ for record in older.read] == ["EpochRecord", "SaleRecord"]


@pytest.mark.parametrize(("journal", "asked"), [(1, set()), (2, {"authorise"})])
def test_a_question_that_a_server_does_not_know_is_not_asked_or_changes_nothing(
    older: OlderServer, started: Begin, journal: int, asked: set[str]
) -> None:
    older.parameters = world.parameters(floor_minor=1_00, journal=journal)
    counter = started(older)
    assert counter.pay(1, 20_00).approved
    counter.sync()
    assert counter.terminal.control.screen().phase is not Phase.STOPPED
    assert counter.pay(2, 2_00).approved
    assert set(older.unknown) - {"news"} == asked
    assert journal > 1 or not older.unknown


class NewerServer(FakeServer):
    """A release to come: it says more than this one knows, everywhere."""

    def seal(self, rows: list[PersonRow], *, base: int, terminal: int = world.TERMINAL, made_s: int = 0) -> bytes:
        data = super().seal(rows, base=base, terminal=terminal, made_s=made_s)
        first, *people = zlib.decompress(data[69:]).split(b"\n")
        head = msgspec.json.decode(first) | {"weather": "fine", "moons": [1, {"name": "Io"}]}
        head["parameters"] |= {"journal": 9, "perfume": {"kind": "jasmine"}}
        head["posted_through"] = [[*each, "more"] for each in head["posted_through"]]
        more = [[*msgspec.json.decode(row), *_padding(row), "extra", [7]] for row in people if row]
        packed = zlib.compress(b"\n".join(map(msgspec.json.encode, [head, *more])))
        return data[:5] + world.SNAPSHOT_SIGNER.sign(SNAPSHOT_DOMAIN, packed) + packed

    def _answer(self, method: str, route: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer = super()._answer(method, route, target, body, headers)
        if route == "snapshot" or answer.status != 200:
            return answer
        more = msgspec.json.decode(answer.body) | {"tomorrow": True, "nested": {"deep": [1, 2]}}
        return Answer(answer.status, msgspec.json.encode(more), answer.headers)


def _padding(row: bytes) -> list[Any]:
    """What this release would leave out at the end of a row, so that what follows is new to it."""
    whole = msgspec.to_builtins(msgspec.json.decode(row, type=PersonRow))
    return list(whole[len(msgspec.json.decode(row)) :])


def test_a_terminal_passes_over_what_a_newer_server_says_more(started: Begin) -> None:
    server = NewerServer(FakeClock())
    counter = started(server)
    assert counter.terminal.control.screen().phase is Phase.READY
    assert counter.terminal._store.people() == 2
    assert counter.pay(1, 12_50).approved
    counter.sync()
    assert counter.terminal.control.screen().unsent == 0
    server.post_all()
    counter.sync()
    assert counter.terminal._journal.pending(1).sales == 0


def test_what_a_terminal_sends_at_enrolment_is_what_release_2_knew() -> None:
    asked = msgspec.json.decode(msgspec.json.encode(EnrolRequest("C", "0" * 64, "x")))
    assert set(asked) == {"code", "public", "software"}


def test_settings_of_an_older_server_mean_the_older_behaviour() -> None:
    """What is missing has a default that changes nothing: no gate, no neighbours, no question, journal format 1."""
    plain = msgspec.json.encode(world.parameters())
    old = msgspec.json.decode(plain, type=release_2.Parameters)
    assert msgspec.to_builtins(old)["mode"] == "typed"
    new = msgspec.json.decode(msgspec.json.encode(old), type=Parameters)
    assert (new.journal, new.floor_minor, new.claim_wait_ms, new.groups, new.supervisors) == (1, None, 0, (), ())
    assert new.device == "canteen"
