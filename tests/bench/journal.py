"""A terminal's start with 50,000 records that the server has not acknowledged, beside reading and hashing them."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from hashlib import blake2b
from pathlib import Path

from devices.core.journal import SaleRecord
from devices.drivers.randomness import SystemRandomness
from devices.journal.journal import FILE
from devices.terminal import STORAGE_KEY, Terminal
from tests.bench.figures import Figure
from tests.devices import world
from tests.devices.world import FakeClock, FakeServer, Phone
from tests.support.longjournal import fill

NAME = "journal"
RECORDS = 50_000


def run(*, scale: float) -> list[Figure]:
    """`scale` shortens the journal; the figure is for as many as there are."""
    count = max(500, int(RECORDS * scale))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "terminal"
        clock = FakeClock()
        server = FakeServer(clock)
        world.add_people(server, world.row(1))
        sale = _one_sale(folder, clock, server)
        key = (folder / STORAGE_KEY).read_bytes()
        fill(folder, key=key, randomness=SystemRandomness(), sale=sale, count=count, at_ms=clock.now_ms)
        plain_s = min(_read_and_hash_s(folder) for _ in range(3))
        recover_s = min(_start_s(folder, clock, server, count) for _ in range(3))
    return [Figure(name="journal.recover_50k_s", value=recover_s, unit="s", baseline=plain_s)]


def _one_sale(folder: Path, clock: FakeClock, server: FakeServer) -> SaleRecord:
    terminal = _open(folder, clock, server)
    terminal.enrol(world.ENROLMENT_CODE)
    terminal.sync.nudge()
    while not terminal.sync.step():
        pass
    terminal.control.set_amount(12_50)
    assert terminal.control.scan(Phone(1).show(clock.now_s)).approved
    (written,) = terminal._journal.written(SaleRecord, since_ms=0)
    terminal.close()
    assert isinstance(written.record, SaleRecord)
    return written.record


def _start_s(folder: Path, clock: FakeClock, server: FakeServer, count: int) -> float:
    began = time.perf_counter()
    terminal = _open(folder, clock, server)
    took_s = time.perf_counter() - began
    assert terminal.control.screen().unsent > count
    terminal.close()
    return took_s


def _open(folder: Path, clock: FakeClock, server: FakeServer) -> Terminal:
    return Terminal.open(folder, server_url="http://server.invalid", clock=clock, transport=server)


def _read_and_hash_s(folder: Path) -> float:
    """No decryption, no records: each row read and hashed onto the one before."""
    began = time.perf_counter()
    connection = sqlite3.connect(folder / FILE)
    head = bytes(32)
    for (sealed,) in connection.execute("SELECT sealed FROM record ORDER BY id"):
        head = blake2b(head + sealed, digest_size=32).digest()
    connection.close()
    return time.perf_counter() - began
