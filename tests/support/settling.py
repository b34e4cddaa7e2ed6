"""Terminals that sell and keep a journal, in memory: what settlement receives, made as a device makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from devices.core.code import show
from devices.core.evaluate import evaluate, place
from devices.core.journal import (
    GENESIS,
    EpochRecord,
    NoteRecord,
    PassRecord,
    Record,
    ReversalRecord,
    SaleRecord,
    chain_all,
    encode_record,
)
from devices.core.messages import MAX_BATCH_RECORDS, Ack, BatchHead, Refusal, seal_batch
from devices.core.policy import Policy
from devices.core.quote import Line, Lot, Person
from devices.core.signing import SigningKey
from ecard.benefits.models import Programme
from ecard.benefits.operations import issue_grants, open_programme
from ecard.benefits.queries import lots_of, policy_by_number
from ecard.cardholders.models import Cardholder
from ecard.codes.operations import issue_credentials, issue_pre_signed
from ecard.codes.values import Credential
from ecard.ledger.queries import balances
from ecard.payments.operations import top_up
from ecard.settlement import operations
from ecard.settlement.values import SettleReport
from ecard.terminals.models import Terminal
from ecard.terminals.operations import publish
from tests.support.campus import Campus, make_campus
from tests.support.device import enrolled_device
from tests.support.issuing import make_keys_ready

INSTITUTION = "EC"
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class Phone:
    """A cardholder's phone: one key and one credential for the day."""

    person: Cardholder
    credential: Credential
    key: SigningKey

    def code(self, at: datetime) -> str:
        """What it shows at a moment."""
        return show(self.credential.credential, institution=INSTITUTION, shown_at_s=int(at.timestamp()), phone=self.key)


@dataclass
class World:
    """A campus whose keys are ready, with one policy, a subsidy, and phones in hand."""

    campus: Campus
    policy: Policy
    programme: Programme
    at: datetime
    phones: dict[int, Phone] = field(default_factory=dict)
    tills: list[Till] = field(default_factory=list)

    def person(self, place: int = 0) -> Cardholder:
        return self.campus.people[place]

    def purse(self, place: int = 0) -> int:
        """What is in a purse."""
        return balances([self.person(place).purse_id])[self.person(place).purse_id]

    def code(self, place: int = 0, *, at: datetime) -> str:
        """The device-bound code that a person's phone shows."""
        person = self.person(place)
        if person.pk not in self.phones:
            key = SigningKey(person.pk.to_bytes(32, "little"))
            day = date.fromisoformat(f"{at.astimezone(ZONE):%Y-%m-%d}")
            (credential,) = issue_credentials(cardholder=person, days=[(day, key.public)], at=self.at)
            self.phones[person.pk] = Phone(person, credential, key)
        return self.phones[person.pk].code(at)

    def pre_signed(self, place: int = 0, *, slot: int = 0) -> tuple[str, datetime]:
        """A pre-signed code of a person and a moment within its slot."""
        codes = issue_pre_signed(cardholder=self.person(place), from_=self.at, hours=1, at=self.at)
        chosen = codes[slot]
        return chosen.text, datetime.fromtimestamp(chosen.not_before_s + 1, ZONE)

    def lots(self, place: int = 0, *, at: datetime | None = None) -> tuple[Lot, ...]:
        ref = self.person(place).account_ref
        return lots_of([ref], at=at or self.at).get(ref, ())

    def settle(self, **limits: int) -> SettleReport:
        """Check and post everything."""
        return operations.settle(clock=lambda: self.at, **limits)


@dataclass
class Till:
    """One terminal with one journal. `lines` are the present epoch's; earlier epochs are in `past`."""

    world: World
    terminal: Terminal
    key: SigningKey
    epoch: int
    clock: datetime
    lines: list[bytes] = field(default_factory=list)
    past: dict[int, list[bytes]] = field(default_factory=dict)
    sent: int = 0

    def start(self, *, epoch: int | None = None, previous: tuple[int, int, bytes] | None = None) -> None:
        """A new epoch, as at each start of the process. `previous` is (epoch, sequence, head) if it is to differ."""
        if previous is None:
            previous = (self.epoch, len(self.lines), self.head()) if self.lines else (0, 0, b"")
        if self.lines:
            self.past[self.epoch] = self.lines
            self.epoch = epoch or self.epoch + 1
        elif epoch:
            self.epoch = epoch
        self.lines, self.sent = [], 0
        self.write(
            EpochRecord(1, self._ms(), self.epoch, previous[0], previous[1], previous[2].hex(), software="test 1")
        )

    def head(self, upto: int | None = None, *, lines: Sequence[bytes] | None = None) -> bytes:
        """The chain after `upto` lines."""
        return chain_all(GENESIS, list(self.lines if lines is None else lines)[:upto])

    def write(self, record: Record) -> int:
        """Append a record; gives its sequence."""
        self.lines.append(encode_record(record))
        return len(self.lines)

    def wait(self, seconds: int = 10) -> None:
        self.clock += timedelta(seconds=seconds)

    def sell(
        self,
        place_of_person: int = 0,
        amount_minor: int = 10_00,
        *,
        purse_minor: int = 500_00,
        lots: tuple[Lot, ...] = (),
        code: str | None = None,
        account_ref: int | None = None,
    ) -> int:
        """Sell by a fresh code and write it; gives the sequence. The clock goes on, so that each code is new."""
        self.wait()
        text = self.world.code(place_of_person, at=self.clock) if code is None else code
        ref = account_ref if account_ref is not None else self.world.person(place_of_person).account_ref
        return self.write(self.sale(ref, amount_minor, text, purse_minor=purse_minor, lots=lots))

    def sale(
        self, account_ref: int, amount_minor: int, evidence: str, *, purse_minor: int, lots: tuple[Lot, ...] = ()
    ) -> SaleRecord:
        """The record of an approved sale."""
        campus, policy = self.world.campus, self.world.policy
        at_s = int(self.clock.timestamp())
        tap = place(
            at_s=at_s,
            zone=ZONE,
            site=campus.site.pk,
            outlet=self.terminal.outlet_id,
            day_starts_min=0,
            policy=policy,
        )
        person = Person(
            account_ref=account_ref,
            price_class=1,
            purse_minor=purse_minor,
            per_sale_minor=1_000_00,
            groups=(campus.group.pk,),
            lots=lots,
        )
        basket = (Line(amount_minor),)
        quote = evaluate(policy=policy, person=person, tap=tap, basket=basket)
        assert quote.approved, quote
        return SaleRecord(
            seq=len(self.lines) + 1,
            at_ms=self._ms(),
            account_ref=account_ref,
            evidence=evidence,
            shown_minor=quote.amount_minor,
            person=person,
            tap=tap,
            basket=basket,
            quote=quote,
        )

    def let_through(
        self, place_of_person: int = 0, way: Literal["in", "out"] = "in", *, code: str | None = None
    ) -> int:
        """Somebody passes a gate by a fresh code; gives the sequence."""
        self.wait()
        text = self.world.code(place_of_person, at=self.clock) if code is None else code
        tap = place(
            at_s=int(self.clock.timestamp()),
            zone=ZONE,
            site=self.world.campus.site.pk,
            outlet=self.terminal.outlet_id,
            day_starts_min=0,
            policy=self.world.policy,
        )
        ref = self.world.person(place_of_person).account_ref
        return self.write(PassRecord(len(self.lines) + 1, self._ms(), ref, text, way, tap))

    def note(self, what: str, *, by: tuple[str, ...] = (), **params: int) -> int:
        """A note of a supervisor or of the device; gives the sequence."""
        self.wait(1)
        return self.write(NoteRecord(len(self.lines) + 1, self._ms(), what, by, params))

    def reverse(self, seq: int, *, epoch: int | None = None) -> int:
        """Reverse a sale of this terminal."""
        self.wait(1)
        return self.write(ReversalRecord(len(self.lines) + 1, self._ms(), epoch or self.epoch, seq))

    def sealed(
        self, first: int = 1, last: int | None = None, *, epoch: int | None = None, head_before: bytes | None = None
    ) -> bytes:
        """An upload of the records from `first` to `last`."""
        lines = self.lines if epoch in (None, self.epoch) else self.past[epoch or 0]
        chosen = lines[first - 1 : last]
        before = self.head(first - 1, lines=lines) if head_before is None else head_before
        head = BatchHead(
            terminal=self.terminal.pk,
            epoch=epoch or self.epoch,
            first_seq=first,
            count=len(chosen),
            head_before=before.hex(),
            head_after=chain_all(before, chosen).hex(),
        )
        return seal_batch(head, chosen, device=self.key)

    def upload(self, first: int | None = None, last: int | None = None, *, epoch: int | None = None) -> Ack | Refusal:
        """Send records; without bounds what was not sent yet."""
        if first is None:
            first, last = self.sent + 1, min(len(self.lines), self.sent + MAX_BATCH_RECORDS)
        answer = self.send(self.sealed(first, last, epoch=epoch))
        if isinstance(answer, Ack) and answer.epoch == self.epoch:
            self.sent = answer.acknowledged
        return answer

    def send(self, data: bytes) -> Ack | Refusal:
        """Hand bytes to the server."""
        terminal = Terminal.objects.get(pk=self.terminal.pk)
        return operations.receive(terminal=terminal, data=data, at=self.world.at)

    def _ms(self) -> int:
        return int(self.clock.timestamp() * 1000)


def make_world(*, at: datetime, people: int = 3, purse_minor: int = 100_00, subsidy_minor: int = 0) -> World:
    """A campus ready to sell. Everybody has `purse_minor`, and with `subsidy_minor` one lot of that much."""
    make_keys_ready(at=at - timedelta(days=1))
    campus = make_campus(people=people, at=at - timedelta(hours=2))
    programme = open_programme(name="餐补", name_en="Meal subsidy")
    published = publish(at=at - timedelta(hours=1), starts_at=at - timedelta(hours=1), by=None)
    for person in campus.people:
        if purse_minor:
            top_up(cardholder=person, amount_minor=purse_minor, by=None, at=at, key=f"first {person.pk}")
    if subsidy_minor:
        issue_grants(
            programme=programme,
            cardholders=campus.people,
            amount_minor=subsidy_minor,
            period_key="first",
            expires_at=at + timedelta(days=1),
            at=at,
        )
    return World(campus, policy_by_number(published.number), programme, at)


def make_till(world: World, *, number: int = 1, other_outlet: bool = False, epoch: int | None = None) -> Till:
    """An enrolled terminal whose first epoch has begun. Clocks differ by seconds, so that codes do."""
    outlet = world.campus.other_outlet if other_outlet else world.campus.outlet
    device = enrolled_device(outlet=outlet, number=number, at=world.at)
    terminal = Terminal.objects.get(pk=device.terminal_id)
    till = Till(world, terminal, device.key, epoch or 1_000 * number, world.at + timedelta(seconds=number))
    till.start()
    world.tills.append(till)
    return till
