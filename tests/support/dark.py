"""Terminals without a line: each decides by the real rules from what it last heard, and keeps its own journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from devices.core.accept import Genuine
from devices.core.code import parse, unseal
from devices.core.funds import PersonRow
from devices.core.messages import Parameters, decode_row
from devices.core.policy import decode_policy
from devices.core.quote import Line, Quote
from devices.journal.spending import Spending
from devices.master.decide import Declined, Memory, decide, zone_of
from devices.store.held import Held
from ecard.benefits.queries import policies_for_terminals
from ecard.codes.queries import evidence_trust
from ecard.terminals.rules import business_dates
from ecard.terminals.snapshots.people import some
from tests.support.settling import INSTITUTION, Till, World, make_till


@dataclass
class Dark:
    """`till` is its journal and its clock; `held` and `rows` are what it heard before its line was cut."""

    till: Till
    held: Held = field(init=False)
    rows: dict[int, PersonRow] = field(init=False)
    spending: Spending = field(default_factory=Spending)

    @property
    def world(self) -> World:
        return self.till.world

    def hear(self, at: datetime) -> None:
        """All that a snapshot of that moment says."""
        outlet = self.till.terminal.outlet
        policies = tuple(decode_policy(each.body) for each in policies_for_terminals(at))
        parameters = Parameters("T", outlet.name, outlet.name_en, outlet.site_id, outlet.pk, outlet.site.zone, 0)
        self.held = Held(1, 1, 1, int(at.timestamp()), policies, {}, {}, parameters, 1)
        dates = business_dates(at, days=[(outlet.site.zone, 0)])
        refs = [person.account_ref for person in self.world.campus.people]
        self.rows = {ref: decode_row(data) for ref, data in some(refs, dates=dates, at=at) if data is not None}

    def tap(self, place: int, basket: tuple[Line, ...]) -> Quote | Declined:
        """One person presents a fresh code; an approved sale is journaled."""
        self.till.wait()
        text = self.world.code(place, at=self.till.clock)
        code = parse(text, institution=INSTITUTION)
        trust = evidence_trust(self.world.at).trust
        grant = unseal(code.sealed, sealing_key=trust.sealing_keys[code.key_id], code_id=code.code_id)
        memory = Memory(
            find=lambda ref: (self.held, self.rows.get(ref)),
            pending=self.spending.of,
            last_presented_s=lambda _code_id: None,
            zone=zone_of,
        )
        at_ms = int(self.till.clock.timestamp() * 1000)
        seq = len(self.till.lines) + 1
        decided = decide(text, code=Genuine(code, grant), memory=memory, at_ms=at_ms, seq=seq, basket=basket)
        if isinstance(decided, Declined):
            return decided
        self.till.write(decided.record)
        self.spending.add(self.till.epoch, decided.record)
        return decided.record.quote

    def sell(self, place: int = 0, amount_minor: int = 10_00, *, category: int = 0) -> Quote:
        """A sale that this terminal approves; gives what it showed."""
        quote = self.tap(place, (Line(amount_minor, category=category),))
        assert isinstance(quote, Quote), quote.decline
        return quote

    def upload(self) -> None:
        """The line is back; nothing is posted yet."""
        self.till.upload()


def dark(world: World, *, number: int, hears_at: datetime | None = None) -> Dark:
    """A terminal that heard everything at a moment, the world's at first, and nothing since."""
    made = Dark(make_till(world, number=number))
    made.hear(hears_at or world.at)
    return made


def own_minor(quote: Quote) -> int:
    """What the screen said that the person pays."""
    return quote.leg_minor("purse")
