"""Questions, records, uploads, postings, lapses and deaths of two terminals in any order: nobody ever pays twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.core.messages import Ack, Authorise, Authorised
from ecard.ledger.models import Hold, HoldState, Transfer
from ecard.ledger.queries import replay_check, sum_of_balances
from ecard.settlement import operations
from ecard.settlement.models import AuthorisedHold, AuthorisedState, Sale
from ecard.settlement.queries import recheck
from tests.support.asking import Asker
from tests.support.settling import World, make_till

ASK, RETRY, WRITE, OFFLINE, REVERSE, UPLOAD, SETTLE, LAPSE, RESTART = range(9)
STEPS = st.lists(
    st.tuples(st.sampled_from(range(9)), st.integers(0, 1), st.integers(0, 1), st.sampled_from((4_00, 30_00, 60_00))),
    min_size=4,
    max_size=24,
)


@dataclass
class Script:
    """Two terminals and what they wrote: (person, amount) of each sale by terminal."""

    world: World
    askers: list[Asker]
    open: dict[int, tuple[Authorise, Authorised, int]] = field(default_factory=dict)
    wrote: Counter[int] = field(default_factory=Counter)
    reversible: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def do(self, step: int, place: int, person: int, amount_minor: int) -> None:
        asker = self.askers[place]
        if step == ASK:
            said = asker.send(question := asker.question(amount_minor, person=person))
            self.open.pop(place, None)
            if isinstance(said, Authorised) and said.quote.approved:
                self.open[place] = question, said, person
        elif step == RETRY and place in self.open:
            question, said, _person = self.open[place]
            assert asker.send(question).quote == said.quote  # type: ignore[union-attr]  # never refused here
        elif step == WRITE and place in self.open:
            question, said, person = self.open.pop(place)
            self.wrote[person] += said.quote.amount_minor
            self.reversible[place] = asker.write(question, said), person, said.quote.amount_minor
        elif step == OFFLINE:
            self.open.pop(place, None)
            self.wrote[person] += amount_minor
            self.reversible[place] = asker.till.sell(person, amount_minor), person, amount_minor
        elif step == REVERSE and place in self.reversible:
            seq, person, paid_minor = self.reversible.pop(place)
            self.open.pop(place, None)
            asker.till.reverse(seq)
            self.wrote[person] -= paid_minor
        elif step == UPLOAD:
            assert isinstance(
                asker.till.upload() if asker.till.sent < len(asker.till.lines) else Ack("repeat", 1, 1), Ack
            )
        elif step == SETTLE:
            self.world.settle()
        elif step == LAPSE:
            operations.lapse_authorised(at=self.world.at + timedelta(minutes=4))
        elif step == RESTART:
            self.do(UPLOAD, place, 0, 0)
            self.open.pop(place, None)
            self.reversible.pop(place, None)
            asker.till.start()


@pytest.mark.django_db
@given(steps=STEPS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_in_any_order_every_sale_is_paid_once_and_nothing_stays_held(
    world: World, steps: list[tuple[int, ...]]
) -> None:
    with transaction.atomic():
        askers = [Asker(make_till(world, number=number, other_outlet=number == 2)) for number in (1, 2)]
        script = Script(world, askers)
        for step, place, person, amount_minor in steps:
            script.do(step, place, person, amount_minor)
        for place in (0, 1):
            script.do(UPLOAD, place, 0, 0)
        world.settle()
        captured = AuthorisedHold.objects.filter(state=AuthorisedState.CAPTURED).values_list("sale_id", flat=True)
        assert not Sale.objects.filter(pk__in=list(captured), loss_minor__gt=0).exists()
        operations.lapse_authorised(at=world.at + timedelta(hours=1))
        assert not Hold.objects.filter(state=HoldState.OPEN).exists()
        stood = Sale.objects.filter(reversal__isnull=True)
        paid: Counter[int] = Counter()
        for sale in stood:
            assert sum((sale.purse_minor, sale.grant_minor, sale.sponsor_minor, sale.loss_minor)) == sale.amount_minor
            assert sale.suspense_minor == 0
            paid[sale.account_ref] += sale.amount_minor
        for person in (0, 1):
            ref = world.person(person).account_ref
            assert paid[ref] == script.wrote[person]
            purse_minor = sum(sale.purse_minor for sale in stood if sale.account_ref == ref)
            assert world.purse(person) == 100_00 - purse_minor
        assert all(recheck(sale).same for sale in stood)
        taken = Transfer.objects.filter(hold__isnull=False).values_list("hold", flat=True)
        assert len(set(taken)) == len(taken)
        assert (sum_of_balances(), replay_check().differences) == (0, ())
        transaction.set_rollback(True)
