"""What a terminal says of itself beside its requests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from devices.core.status import MAX_STATUS_CHARACTERS, STATUS_HEADER, Status, encode_status, read_status
from devices.drivers.network import Answer
from devices.lan.udp import LanOptions
from devices.terminal import Terminal
from tests.devices import world
from tests.devices.world import FakeClock, FakeRandomness, FakeServer


class Listening(FakeServer):
    """Keeps what it is told."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.told: list[Status | None] = []

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        self.told.append(read_status(headers.get(STATUS_HEADER, "")))
        return super().request(method, target, body=body, headers=headers, limit_bytes=limit_bytes)


@pytest.mark.parametrize(("lan", "said"), [(None, None), (LanOptions(bind=("127.0.0.1", 0)), 2)])
def test_the_server_is_told_how_many_neighbours_are_heard_where_there_is_a_network_to_hear_them_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lan: LanOptions | None, said: int | None
) -> None:
    clock = FakeClock()
    server = Listening(clock)
    terminal = Terminal.open(
        tmp_path / "t",
        server_url="http://server.invalid",
        clock=clock,
        randomness=FakeRandomness(1),
        transport=server,
        lan=lan,
    )
    if terminal.lan is not None:
        monkeypatch.setattr(terminal.lan, "heard", lambda: 2)
    terminal.enrol(world.ENROLMENT_CODE)
    while not terminal.sync.step():
        pass
    terminal.close()
    assert server.told[-1] is not None
    assert server.told[-1].neighbours == said


def test_the_longest_status_fits_its_header() -> None:
    most = 2**31 - 1
    header = encode_status(Status(most, "x" * 64, most, most, most))
    assert len(header) <= MAX_STATUS_CHARACTERS
    assert read_status(header) == Status(most, "x" * 64, most, most, most)


def test_an_older_terminal_says_nothing_of_neighbours() -> None:
    assert read_status('{"unsent":3,"software":"1.2","policy":4}') == Status(3, "1.2", 4, 0, None)
    assert "neighbours" not in encode_status(Status(3, "1.2", 4))
