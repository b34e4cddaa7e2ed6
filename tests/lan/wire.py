"""Neighbours without sockets, threads or a running clock: datagrams lie on a wire until a test delivers them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, cast

from devices.core import accept
from devices.core.accept import Genuine, Trust
from devices.core.card import evidence_of
from devices.core.journal import NoteRecord, PassRecord, Record, ReversalRecord, SaleRecord
from devices.core.messages import Mode, Parameters, Peer, PostedThrough
from devices.core.notes import CLEARED
from devices.core.quote import Leg, Line, Person, Quote, Tap
from devices.core.signing import SigningKey
from devices.journal.journal import Journal
from devices.journal.looking import Written
from devices.journal.telling import Topic
from devices.lan.neighbours import Lan
from devices.lan.peer import Address
from devices.master.passage import Passage
from devices.store.held import Held, Keys
from tests.devices import world
from tests.devices.world import FakeClock, FakeRandomness, Phone

DAY = "2026-11-21"
TWICE = 0.2
KINDS: dict[Topic, tuple[type[Record], ...]] = {
    "sales": (SaleRecord, ReversalRecord),
    "passages": (PassRecord, NoteRecord),
}
TRUST = Trust(world.INSTITUTION, world.key_list(), {world.KEY_ID: world.SEALING_KEY})


def seed_of(number: int) -> bytes:
    return number.to_bytes(32, "big")


def public_of(number: int) -> str:
    return SigningKey(seed_of(number)).public.hex()


@dataclass
class Memory:
    """A journal without a disk; what it holds survives a restart of the rest."""

    records: dict[int, list[Record]] = field(default_factory=dict)

    def add(self, epoch: int, record: Record) -> None:
        self.records.setdefault(epoch, []).append(record)

    def written(self, *kinds: type[Record], since_ms: int) -> list[Written]:
        return [
            Written(epoch, each)
            for epoch, held in self.records.items()
            for each in held
            if isinstance(each, kinds) and each.at_ms >= since_ms
        ]

    def told_ends(self, topic: Topic, *, since_ms: int) -> dict[int, int]:
        ends = {epoch: self.told_after(topic, epoch, 0, since_ms=since_ms, limit=100_000) for epoch in self.records}
        return {epoch: found[-1].seq for epoch, found in ends.items() if found}

    def told_after(self, topic: Topic, epoch: int, seq: int, *, since_ms: int, limit: int) -> list[Record]:
        held = self.records.get(epoch, [])
        return [each for each in held if isinstance(each, KINDS[topic]) and each.seq > seq and each.at_ms >= since_ms][
            :limit
        ]


@dataclass
class Shelf:
    """A store as the neighbours read it."""

    held: Held | None
    keys: Keys | None


@dataclass
class Sent:
    """A datagram under way; `to` is None for everybody."""

    sender: int
    to: int | None
    data: bytes


class Wire:
    """All that was said is in `log`; what was not delivered yet in `under_way`."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.nodes: dict[int, Node] = {}
        self.under_way: list[Sent] = []
        self.log: list[Sent] = []
        self.lost: Callable[[Sent, int], bool] = lambda _sent, _to: False
        self.chance: random.Random | None = None
        """Where there is one, datagrams overtake one another, and some come twice."""

    def put(self, sent: Sent) -> None:
        self.under_way.append(sent)
        self.log.append(sent)

    def deliver(self) -> None:
        """Everything, and all that is said because of it."""
        for _datagram in range(20_000):
            if not self.under_way:
                return
            sent = self.under_way.pop(self.chance.randrange(len(self.under_way)) if self.chance else 0)
            if self.chance and self.chance.random() < TWICE:
                self.under_way.append(sent)
            for number in self.nodes if sent.to is None else [sent.to]:
                if number != sent.sender and number in self.nodes and not self.lost(sent, number):
                    self.nodes[number].lan.receive(sent.data, (str(sent.sender), 0))
        raise AssertionError("they talk without end")

    def pass_ms(self, duration_ms: int, *, step_ms: int = 50) -> None:
        """Time goes by; everybody ticks and hears."""
        for _step in range(duration_ms // step_ms):
            self.clock.pass_ms(step_ms)
            for node in list(self.nodes.values()):
                node.lan.tick()
            self.deliver()

    def introduce(
        self,
        *numbers: int,
        claim_wait_ms: int = 0,
        posted: dict[int, dict[int, int]] | None = None,
        gates: bool = False,
    ) -> None:
        """A snapshot for everybody: these are the site."""
        mode: Mode = "pass" if gates else "typed"
        for node in self.nodes.values():
            peers = tuple(
                Peer(other, public_of(other), tuple(PostedThrough(*at) for at in (posted or {}).get(other, {}).items()))
                for other in numbers
                if other != node.number
            )
            where = world.parameters(claim_wait_ms=claim_wait_ms, mode=mode, outlet=node.outlet)
            node.shelf.held = held_of(node.number, peers=peers, parameters=where)


class Node:
    """One terminal's neighbours on the wire, with a journal in memory."""

    def __init__(
        self,
        wire: Wire,
        number: int,
        *,
        memory: Memory | None = None,
        shelf: Shelf | None = None,
        epoch: int = 0,
        place: int = 0,
    ) -> None:
        self.wire, self.number, self.epoch = wire, number, epoch or number * 1_000
        self.place = place or number
        self.memory = memory or Memory()
        self.seq = 1
        self.shelf = shelf or Shelf(None, Keys(TRUST.keys, TRUST.sealing_keys))
        self.lan = Lan(
            seed=seed_of(number),
            store=self.shelf,
            journal=self.memory,
            clock=wire.clock,
            randomness=FakeRandomness(self.epoch),
            link=self,
        )
        self.ahead_ms = 0
        self.outlet = world.OUTLET
        self.passage = Passage(cast("Journal", self.memory), self.lan)
        wire.nodes[self.place] = self

    def send(self, data: bytes, to: Address | None) -> None:
        self.wire.put(Sent(self.place, int(to[0]) if to is not None else None, data))

    def restart(self) -> Node:
        """The same device and journal, a new process."""
        again = Node(self.wire, self.number, memory=self.memory, shelf=self.shelf, epoch=self.epoch + 1)
        again.outlet = self.outlet
        again.runs_ahead(self.ahead_ms)
        return again

    def knows(self, code: Genuine) -> bool:
        return self.lan.last_presented_s(code.code.code_id) is not None

    def sell(self, code: Genuine, amount_minor: int = 8_00) -> SaleRecord:
        """Durable here, and told."""
        self.seq += 1
        record = a_record(code, seq=self.seq, at_ms=self.wire.clock.now_ms, amount_minor=amount_minor)
        self.memory.add(self.epoch, record)
        self.lan.sold(self.epoch, record, code)
        return record

    def reverse(self, sale: SaleRecord, code: Genuine) -> None:
        self.seq += 1
        record = ReversalRecord(self.seq, self.wire.clock.now_ms, self.epoch, sale.seq)
        self.memory.add(self.epoch, record)
        self.lan.undone(self.epoch, record, sale.evidence)

    @property
    def now_ms(self) -> int:
        return self.wire.clock.now_ms + self.ahead_ms

    def runs_ahead(self, ahead_ms: int) -> None:
        """Its clock is wrong by this much."""
        self.ahead_ms = ahead_ms
        self.lan.go_by(lambda: self.now_ms)

    def walks(self, account_ref: int, way: Literal["in", "out"], *, code: Genuine | None = None) -> None:
        """Somebody goes through: durable here, and told."""
        self.seq += 1
        evidence = Phone(account_ref).show(code.code.shown_at_s) if code is not None else evidence_of("00" * 8)
        tap = Tap(self.now_ms // 1000, world.SITE, self.outlet, DAY, 6, 720)
        record = PassRecord(self.seq, self.now_ms, account_ref, evidence, way, tap)
        self.memory.add(self.epoch, record)
        self.passage.passed(self.epoch, record)

    def clears(self) -> None:
        """A supervisor lets everybody in again."""
        self.seq += 1
        record = NoteRecord(self.seq, self.now_ms, CLEARED, ("3",), {"outlet": self.outlet})
        self.memory.add(self.epoch, record)
        self.passage.cleared(self.epoch, record)

    def inside(self, people: Iterable[int]) -> set[int]:
        """Whom this gate counts as inside, by the very decision that a tap gets."""
        self.passage._begin(DAY, self.outlet, self.now_ms)
        return {person for person in people if self.passage._is_inside(person, self.now_ms)}

    def spent(self, account_ref: int) -> int:
        return self.lan.pending(account_ref).purse_minor


def held_of(number: int, *, peers: tuple[Peer, ...], parameters: Parameters) -> Held:
    return Held(
        stamp=1,
        generation=1,
        number=1,
        made_s=world.NOON_S,
        policies=(),
        denials={},
        posted_through={},
        parameters=parameters,
        key_list_number=1,
        terminal=number,
        peers=peers,
    )


def shown(account_ref: int, at_s: int, *, number: int = 0) -> Genuine:
    """A genuine code as a terminal reads it."""
    found = accept.read(Phone(account_ref, number=number).show(at_s), trust=TRUST, now_s=at_s)
    assert isinstance(found, Genuine)
    return found


def a_record(code: Genuine, *, seq: int, at_ms: int, amount_minor: int) -> SaleRecord:
    legs = (Leg("purse", amount_minor),)
    text = Phone(code.account_ref).show(code.code.shown_at_s)
    return SaleRecord(
        seq=seq,
        at_ms=at_ms,
        account_ref=code.account_ref,
        evidence=text,
        shown_minor=amount_minor,
        person=Person(code.account_ref, 1, 0, 0),
        tap=Tap(at_ms // 1000, world.SITE, world.OUTLET, "2026-11-21", 6, 720, 1),
        basket=(Line(amount_minor),),
        quote=Quote(1, 1, amount_minor, amount_minor, legs),
    )


def make_wire(*numbers: int, claim_wait_ms: int = 0, gates: bool = False) -> Wire:
    """Terminals that heard each other."""
    wire = Wire()
    for number in numbers:
        Node(wire, number)
    wire.introduce(*numbers, claim_wait_ms=claim_wait_ms, gates=gates)
    wire.pass_ms(100)
    return wire
