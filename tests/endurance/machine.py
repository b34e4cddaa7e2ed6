"""A terminal on a faulty disk, with the server in memory, and what the world saw of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devices.core.journal import EpochRecord, Record, ReversalRecord, SaleRecord
from devices.drivers.network import Answer
from devices.journal.values import DAY_MS, Limits, Passing, unwatched
from devices.master.screen import Outcome, Phase, Result
from devices.terminal import Terminal
from firmware_sim.disk import Image, Noted
from firmware_sim.storage import FaultyDisk
from tests.devices import world
from tests.devices.world import FakeClock, FakeRandomness, FakeServer, Phone, Sent

PURSE_MINOR = 500_00
SMALL = Limits(reserve_bytes=16 * 1024)


@dataclass(frozen=True)
class Shown:
    """A cashier and a cardholder saw this approval."""

    at_ms: int
    kind: str
    epoch: int
    seq: int
    code_id: bytes = b""
    moment_s: int = 0


@dataclass(frozen=True)
class Received:
    """The server holds this, as it was when the answer left."""

    at_ms: int
    streams: Mapping[int, Sent]
    device_public: str


class NotingServer(FakeServer):
    """Notes beside the terminal's disk what it holds, and when, before each answer leaves."""

    disk: FaultyDisk | None = None

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        answer = super().request(method, target, body=body, headers=headers, limit_bytes=limit_bytes)
        if self.disk is not None:
            self.disk.note(self.holds())
        return answer

    def holds(self) -> Received:
        """As it is now."""
        return Received(self.clock.now_ms, copy.deepcopy(self.streams), self.device_public)


@dataclass
class Machine:
    """One terminal: its disk, its clock, its server."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    limits: Limits = SMALL
    boots: int = 0
    keep_log: bool = True
    _strangers: int = 1_000

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server = NotingServer(self.clock)
        self.listen()
        people = (world.row(ref, purse_minor=PURSE_MINOR) for ref in range(1, 10))
        world.add_people(self.server, *people)
        self.opened: Terminal | None = None

    def listen(self) -> None:
        """Begin the disk's log here."""
        self.disk = FaultyDisk(self.folder, keep_log=self.keep_log)
        self.server.disk = self.disk if self.keep_log else None

    @property
    def terminal(self) -> Terminal:
        assert self.opened is not None
        return self.opened

    def boot(self, *, passing: Passing = unwatched) -> None:
        self.boots += 1
        self.opened = Terminal.open(
            self.folder,
            server_url="http://server.invalid",
            clock=self.clock,
            randomness=FakeRandomness(self.boots),
            transport=self.server,
            limits=self.limits,
            passing=passing,
            storage=self.disk,
        )

    def ready(self) -> None:
        """Boot, enrol where that is to be done, and sync."""
        self.boot()
        if self.terminal.control.screen().phase is Phase.UNENROLLED:
            self.terminal.enrol(world.ENROLMENT_CODE)
        self.sync()

    def sync(self, *, steps: int = 12) -> None:
        self.terminal.sync.nudge()
        for _ in range(steps):
            if self.terminal.sync.step():
                break

    def wait(self, duration_ms: int) -> None:
        """Time passes."""
        self.clock.pass_ms(duration_ms)
        self.disk.note(self.server.holds())

    def pay(self, account_ref: int, *, amount_minor: int = 10_00) -> Outcome:
        self.clock.pass_ms(6_000)
        phone = Phone(account_ref)
        self.terminal.control.set_amount(amount_minor)
        outcome = self.terminal.control.scan(phone.show(self.clock.now_s))
        if outcome.approved:
            place = outcome.epoch, outcome.seq
            self.disk.note(Shown(self.clock.now_ms, "sale", *place, phone.credential[8:16], self.clock.now_s))
        return outcome

    def sell_out(self) -> Result:
        """To one new person after the other, until a sale is refused; why it was."""
        while True:
            self._strangers += 1
            outcome = self.pay(self._strangers, amount_minor=1_00)
            if not outcome.approved:
                return outcome.result

    def undo(self) -> Outcome:
        self.clock.pass_ms(3_000)
        outcome = self.terminal.control.reverse_last()
        if outcome.approved:
            self.disk.note(Shown(self.clock.now_ms, "reversal", outcome.epoch, outcome.seq))
        return outcome

    @property
    def noted(self) -> tuple[object, ...]:
        """What the world saw since the disk's log began."""
        return tuple(event.what for event in self.disk.log if isinstance(event, Noted))

    @property
    def shown(self) -> list[Shown]:
        """The approvals among it."""
        return [what for what in self.noted if isinstance(what, Shown)]

    def close(self) -> None:
        if self.opened is not None:
            self.opened.close()

    def records(self) -> dict[tuple[int, int], Record]:
        """What the server holds."""
        return {(epoch, each.seq): each for epoch, stream in self.server.streams.items() for each in stream.records}


def after_the_cut(image: Image, folder: Path, *, boots: int) -> Machine:
    """A machine with that disk, and the server and the time as they were at that moment."""
    folder.mkdir(parents=True)
    for name, data in image.files.items():
        path = folder / name
        path.write_bytes(data)
        path.chmod(0o600)
    clock = FakeClock()
    last = next((what for what in reversed(image.noted) if isinstance(what, Shown | Received)), None)
    clock.pass_ms(last.at_ms + 1_000 - clock.now_ms if last is not None else 1_000)
    machine = Machine(folder, clock, boots=boots, keep_log=False)
    received = next((what for what in reversed(image.noted) if isinstance(what, Received)), None)
    if received is not None:
        machine.server.streams, machine.server.device_public = (
            copy.deepcopy(dict(received.streams)),
            received.device_public,
        )
    return machine


def check(machine: Machine, noted: tuple[object, ...], *, unseen: int = 1) -> None:
    """All that was shown is with the server, in its kind; at most `unseen` more; no code and no purse twice."""
    found = machine.records()
    records = {place: each for place, each in found.items() if isinstance(each, SaleRecord | ReversalRecord)}
    shown = {(what.epoch, what.seq): what for what in noted if isinstance(what, Shown)}
    kinds = {"sale": SaleRecord, "reversal": ReversalRecord}
    for place, what in shown.items():
        assert isinstance(records.get(place), kinds[what.kind]), f"{what} is lost"
    assert len(records.keys() - shown.keys()) <= unseen
    sales = [record for record in records.values() if isinstance(record, SaleRecord)]
    assert len({record.evidence for record in sales}) == len(sales)
    undone = {(each.of_epoch, each.of_seq) for each in records.values() if isinstance(each, ReversalRecord)}
    for (epoch, seq), what in shown.items():
        lives = machine.clock.now_ms - what.at_ms < DAY_MS
        if lives and what.kind == "sale" and (epoch, seq) not in undone:
            last_s = machine.terminal._journal.last_presented_s(what.code_id)
            assert last_s is not None
            assert last_s >= what.moment_s
    check_epochs(machine.server)


def check_epochs(server: FakeServer) -> None:
    """Each epoch names the end of the one before, byte for byte: nothing forked, nothing fell out."""
    firsts = [record for stream in server.streams.values() for record in stream.records[:1]]
    for first in firsts:
        assert isinstance(first, EpochRecord)
        if first.previous_epoch:
            previous = server.streams[first.previous_epoch]
            assert (len(previous.lines), previous.head.hex()) == (first.previous_seq, first.previous_head)
