"""A terminal beside a shop's register."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from devices.core.journal import NoteRecord, Record, ReversalRecord, SaleRecord, decode_record
from devices.drivers.randomness import SystemRandomness
from devices.kinds.base import Device
from devices.master.screen import Outcome
from devices.till.desk import Desk
from devices.till.http import TillServer, token_of
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import FakeClock, FakeServer, Phone


@dataclass
class Shop:
    bench: Bench

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.desk = Desk(self.bench.control, clock=self.bench.clock)
        self.device = Device(self.bench.control, self.desk)

    def restart(self) -> None:
        """The terminal loses its power."""
        self.bench.restart()
        self.start()

    def tap(self, account_ref: int = 1) -> Outcome | None:
        self.bench.clock.pass_ms(6_000)
        return self.device.scanned(Phone(account_ref).show(self.bench.clock.now_s))

    def told(self) -> list[str]:
        """What the journal tells the server."""
        for _ in range(10):
            self.bench.sync(steps=12)
        lines = [line for stream in self.bench.server.streams.values() for line in stream.lines]
        return [word for word in map(_word, map(decode_record, lines)) if word]


def _word(record: Record) -> str:
    match record:
        case SaleRecord():
            return f"sale {record.shown_minor} {record.facts.order if record.facts else ''}".strip()
        case ReversalRecord():
            return f"reversal {record.of_seq} {record.reason}"
        case NoteRecord():
            return f"note {record.what}"
        case _:
            return ""


@pytest.fixture
def make_shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    benches: list[Bench] = []

    def make(*, journal: int = 2) -> Shop:
        clock = FakeClock()
        server = FakeServer(clock)
        world.add_people(server, world.row(1), world.row(2, name="李*", purse_minor=1_00))
        server.parameters = world.parameters(journal=journal)
        bench = Bench(tmp_path / "terminal", clock, server)
        bench.open()
        bench.enrol()
        benches.append(bench)
        return Shop(bench)

    yield make
    for bench in benches:
        bench.terminal.close()


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    return make_shop()


@dataclass
class Register:
    """A register's program: it knows the address and the token."""

    shop: Shop
    server: TillServer
    token: str

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, trust_env=False, timeout=40
        )

    def sell(self, order: str, amount_minor: int) -> httpx.Response:
        return self.http.post("/sales", json={"order": order, "amount_minor": amount_minor})

    def post(self, path: str) -> httpx.Response:
        return self.http.post(path, headers={"Content-Type": "application/json"})

    def state(self, order: str) -> str:
        return str(self.http.get(f"/sales/{order}").json()["state"])

    def waiting(self, order: str, *, version: int) -> Callable[[], httpx.Response]:
        """A long-poll under way; call to have its answer."""
        answers: list[httpx.Response] = []
        path = f"/sales/{order}?wait_s=20&version={version}"
        thread = threading.Thread(target=lambda: answers.append(self.http.get(path)))
        thread.start()

        def answer() -> httpx.Response:
            thread.join(25)
            return answers[0]

        return answer


@pytest.fixture
def register(shop: Shop) -> Iterator[Register]:
    token = token_of(shop.bench.folder, SystemRandomness())
    server = TillServer(shop.desk, token=token, port=0)
    server.start()
    made = Register(shop, server, token)
    yield made
    made.http.close()
    server.stop()
