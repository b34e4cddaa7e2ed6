"""A till that asks the server about a sale before it makes it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from devices.core.messages import Authorise, Authorised, Refusal
from devices.core.quote import Line
from ecard.settlement import operations
from ecard.terminals.models import Terminal
from tests.support.settling import Till


@dataclass
class Asker:
    """A till, and the question it asks about its next record."""

    till: Till

    def question(
        self, amount_minor: int, *, person: int = 0, code: str | None = None, seq: int | None = None
    ) -> Authorise:
        """About the record that would be written next; the clock goes on, so that each code is new."""
        till = self.till
        if code is None:
            till.wait()
            code = till.world.code(person, at=till.clock)
        at_ms = int(till.clock.timestamp() * 1000)
        number = till.world.policy.number
        return Authorise(till.epoch, seq or len(till.lines) + 1, at_ms, number, code, (Line(amount_minor),))

    def send(self, question: Authorise) -> Authorised | Refusal:
        """What the server says to it."""
        terminal = Terminal.objects.select_related("outlet__site").get(pk=self.till.terminal.pk)
        body = msgspec.json.encode(question)
        return operations.authorise(terminal=terminal, asked=question, body=body, at=self.till.clock)

    def ask(self, amount_minor: int, *, person: int = 0) -> tuple[Authorise, Authorised]:
        """A question that is answered."""
        question = self.question(amount_minor, person=person)
        said = self.send(question)
        assert isinstance(said, Authorised), said
        return question, said

    def write(self, question: Authorise, said: Authorised) -> int:
        """The record of the sale that the server approved."""
        assert said.quote.approved, said.quote.decline
        ref = said.person.account_ref
        sale = self.till.sale(ref, said.quote.list_minor, question.evidence, purse_minor=0x7FFF_FFFF)
        authorised = msgspec.structs.replace(
            sale, person=said.person, quote=said.quote, shown_minor=said.quote.amount_minor, authorised=True
        )
        return self.till.write(authorised)

    def write_offline(self, question: Authorise, *, person: int = 0) -> int:
        """The record that the offline rules make under the same key, the answer not having come."""
        ref, amount_minor = self.till.world.person(person).account_ref, question.basket[0].unit_minor
        return self.till.write(self.till.sale(ref, amount_minor, question.evidence, purse_minor=500_00))
