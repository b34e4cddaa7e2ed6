"""The process is killed (SIGKILL) at any point of boot, sale, reversal, upload and snapshot, several times over.

What it wrote is in the page cache and survives it: this alone proves nothing about a power cut. For that see
`tests/endurance/test_power_cut.py`.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.core.journal import EpochRecord, ReversalRecord, SaleRecord
from devices.drivers.network import Answer
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import FakeClock, FakeServer, Phone

POINTS = (
    "epoch.begin",
    "epoch.commit",
    "epoch.done",
    "sale.decided",
    "append.begin",
    "append.commit",
    "append.done",
    "sale.durable",
    "sale.shown",
    "reversal.durable",
    "upload.send",
    "server.stored",
    "upload.answered",
    "acknowledge.begin",
    "acknowledge.done",
    "snapshot.begin",
    "snapshot.commit",
    "snapshot.done",
    "prune.done",
)
LIFE_MS = 600_000
PRICE_MINOR = 30_00
PURSE_MINOR = 100_00

Life = tuple[str, int]


class StoredServer(FakeServer):
    """Outlives the terminal's process: what it acknowledges is in a file first."""

    def __init__(self, clock: FakeClock, path: Path, passing: Callable[[str], None]) -> None:
        super().__init__(clock)
        self.path, self.passing = path, passing
        if path.exists():
            self.streams, self.device_public = pickle.loads(path.read_bytes())  # noqa: S301  # written by this test

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        answer = super().request(method, target, body=body, headers=headers, limit_bytes=limit_bytes)
        draft = self.path.with_suffix(".draft")
        draft.write_bytes(pickle.dumps((self.streams, self.device_public)))
        draft.replace(self.path)
        self.passing("server.stored")
        return answer


class Killer:
    """Ends the process the hard way when a point is passed for the nth time."""

    def __init__(self, point: str, nth: int) -> None:
        self.point, self.left = point, nth

    def __call__(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _bench(folder: Path, life: int, passing: Callable[[str], None]) -> Bench:
    clock = FakeClock()
    clock.pass_ms(life * LIFE_MS)
    server = StoredServer(clock, folder / "server.pickle", passing)
    world.add_people(server, world.row(1, purse_minor=PURSE_MINOR), world.row(2, purse_minor=PURSE_MINOR))
    bench = Bench(folder / "terminal", clock, server, boots=life)
    bench.open(passing=passing)
    return bench


def _live(folder: Path, life: int, passing: Callable[[str], None]) -> None:
    """Two sales, an upload, a reversal, another sale, an upload. What was shown is noted as a cashier would see it."""
    bench = _bench(folder, life, passing)
    seen = os.open(folder / "shown", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(kind: str, epoch: int, seq: int) -> None:
        os.write(seen, f"{kind} {epoch} {seq}\n".encode())

    for step, account_ref in enumerate((1, 2, 0, 1)):
        bench.clock.pass_ms(6_000)
        if account_ref:
            outcome = bench.pay(PRICE_MINOR, Phone(account_ref).show(bench.clock.now_s))
            if outcome.approved:
                note("sale", outcome.epoch, outcome.seq)
        else:
            outcome = bench.control.reverse_last()
            if outcome.approved:
                note("reversal", outcome.epoch, outcome.seq)
        if step % 2:
            bench.sync(steps=4)
    bench.control.maintain()


def _in_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001  # the child must end here whatever happens, and say that it failed
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("enrolled")
    bench = _bench(folder, 0, lambda _: None)
    bench.enrol()
    bench.terminal.close()
    return folder


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    root = tmp_path_factory.mktemp("crashes")
    return lambda: root / str(len(list(root.iterdir())))


@settings(max_examples=60)
@given(lives=st.lists(st.tuples(st.sampled_from(POINTS), st.integers(1, 3)), min_size=1, max_size=4))
@example(lives=[(point, 1) for point in POINTS])
@example(lives=[(point, 2) for point in POINTS])
def test_wherever_it_is_killed_what_was_shown_is_posted_once_and_at_most_one_more(
    enrolled: Path, places: Callable[[], Path], lives: list[Life]
) -> None:
    folder = places()
    shutil.copytree(enrolled, folder)
    killed = 0
    for life, (point, nth) in enumerate(lives, start=1):
        killer = Killer(point, nth)
        ended = _in_child(lambda life=life, killer=killer: _live(folder, life, killer))  # type: ignore[misc]
        assert ended in (0, -signal.SIGKILL)
        killed += ended == -signal.SIGKILL
    bench = _bench(folder, len(lives) + 1, lambda _: None)
    bench.sync(steps=40)
    assert bench.control.screen().unsent == 0
    _check(folder, bench.server, killed=killed)
    bench.terminal.close()
    shutil.rmtree(folder)
    folder.mkdir()


def _check(folder: Path, server: FakeServer, *, killed: int) -> None:
    records = {
        (epoch, record.seq): record
        for epoch, stream in server.streams.items()
        for record in stream.records
        if not isinstance(record, EpochRecord)
    }
    lines = (folder / "shown").read_text().splitlines() if (folder / "shown").exists() else []
    shown = {(int(epoch), int(seq)): kind for kind, epoch, seq in (line.split() for line in lines)}
    assert len(shown) == len(lines)
    kinds = {"sale": SaleRecord, "reversal": ReversalRecord}
    for place, kind in shown.items():
        assert isinstance(records[place], kinds[kind])
    assert len(records.keys() - shown.keys()) <= killed
    sales = {place: record for place, record in records.items() if isinstance(record, SaleRecord)}
    assert len({record.evidence for record in sales.values()}) == len(sales)
    undone = {(each.of_epoch, each.of_seq) for each in records.values() if isinstance(each, ReversalRecord)}
    for account_ref in (1, 2):
        spent = sum(
            sale.shown_minor for place, sale in sales.items() if sale.account_ref == account_ref and place not in undone
        )
        assert spent <= PURSE_MINOR
    _check_epochs(server)


def _check_epochs(server: FakeServer) -> None:
    """Each epoch names the end of the one before, byte for byte: nothing forked, nothing fell out."""
    firsts = [record for stream in server.streams.values() for record in stream.records[:1]]
    for first in firsts:
        assert isinstance(first, EpochRecord)
        if first.previous_epoch:
            previous = server.streams[first.previous_epoch]
            assert (len(previous.lines), previous.head.hex()) == (first.previous_seq, first.previous_head)
    named = [first.previous_epoch for first in firsts if isinstance(first, EpochRecord)]
    assert len(set(named)) == len(named)


def test_every_point_is_passed_in_a_life_without_a_kill(enrolled: Path, places: Callable[[], Path]) -> None:
    """Else the property above would not be killing anything there."""
    folder = places()
    shutil.copytree(enrolled, folder)
    passed: set[str] = set()
    _live(folder, 1, passed.add)
    assert passed == set(POINTS)
