"""A programme that issues another amount by now: its runs of the stretch count with it, lot by lot."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ecard.benefits.models import Programme, ProgrammeKind, Run, RunKind, Schedule
from ecard.benefits.operations import open_programme, transfer_voucher
from ecard.benefits.queries import policy_by_number
from ecard.benefits.runs.people import upload_from_text
from ecard.settlement.models import Rehearsal, RehearsalPerson
from ecard.settlement.rehearsal import queries, telling
from tests.benefits.paying import paid, reversed_whole, subsidy
from tests.support.campus import NOON
from tests.support.policies import publish_rules
from tests.support.rehearsing import rehearse, results
from tests.support.settling import Till, World

pytestmark = pytest.mark.django_db
TO_COME = NOON + timedelta(days=10)


def monthly(world: World, *, amount_minor: int = 20_00, **terms: Any) -> Programme:
    """A programme by schedule that is in force."""
    made = open_programme(name="餐补", name_en="Meals")
    given = {"schedule": Schedule.MONTHLY, "amount_minor": amount_minor, **terms}
    Programme.objects.filter(pk=made.pk).update(**given)
    world.policy = policy_by_number(publish_rules(at=world.at - timedelta(minutes=5)).number)
    return Programme.objects.get(pk=made.pk)


def issued(programme: Programme, **terms: Any) -> Run:
    """The run of its schedule, paid to everybody."""
    given = {"kind": RunKind.SUBSIDY, "amount_minor": programme.amount_minor, "scheduled": True, **terms}
    return paid(subsidy(programme=programme, period_key="2026-11", expires_at=TO_COME, **given))


def changed(programme: Programme, amount_minor: int) -> Rehearsal:
    """The programme's amount is another; the stretch is rehearsed."""
    Programme.objects.filter(pk=programme.pk).update(amount_minor=amount_minor)
    return rehearse()


def sell(world: World, till: Till, programme: Programme, *amounts_minor: int, place: int = 0) -> None:
    """Sales of one person, each with what is left of the programme's lots then."""
    for amount_minor in amounts_minor:
        lots = tuple(lot for lot in world.lots(place) if lot.programme == programme.pk)
        till.sell(place, amount_minor, lots=lots)
        till.upload()
        world.settle()


def sponsored(rehearsal: Rehearsal) -> tuple[int, int]:
    (pair,) = results(rehearsal)["sponsors"].values()
    return pair["now_minor"], pair["draft_minor"]


@pytest.mark.parametrize(
    ("amount_minor", "draft_minor", "own_minor"),
    [(25_00, 25_00, 11_00), (50_00, 36_00, 0), (5_00, 5_00, 31_00), (20_00, 20_00, 16_00)],
)
def test_a_raised_or_lowered_monthly_subsidy_shows_what_it_would_cost(
    world: World, till: Till, amount_minor: int, draft_minor: int, own_minor: int
) -> None:
    """20 were spent whole on the second of four sales."""
    programme = monthly(world)
    issued(programme)
    sell(world, till, programme, 12_00, 12_00, 8_00, 4_00)
    rehearsal = changed(programme, amount_minor)
    assert sponsored(rehearsal) == (20_00, draft_minor)
    assert results(rehearsal)["own"] == {"now_minor": 16_00, "draft_minor": own_minor}


def test_each_person_has_the_difference_once_and_only_in_what_they_were_given(world: World, till: Till) -> None:
    programme = monthly(world)
    issued(programme, uploaded=upload_from_text("S0001\nS0002"))
    for place in range(3):
        sell(world, till, programme, 15_00, 15_00, place=place)
    rehearsal = changed(programme, 25_00)
    assert sponsored(rehearsal) == (40_00, 50_00)
    more = {row.account_ref: row.more_minor for row in RehearsalPerson.objects.all()}
    assert [more[world.person(place).account_ref] for place in range(3)] == [-5_00, -5_00, 0]


def test_a_persons_page_replays_to_the_same_as_the_rehearsal(world: World, till: Till) -> None:
    programme = monthly(world)
    issued(programme)
    sell(world, till, programme, 12_00, 12_00, 8_00)
    rehearsal = changed(programme, 25_00)
    Programme.objects.filter(pk=programme.pk).update(amount_minor=99_00)
    person = RehearsalPerson.objects.get()
    assert [sale.draft_minor for sale in queries.sales_of_person(person)] == [0, 0, 7_00]
    assert person.draft_minor == 7_00
    rehearsal.refresh_from_db()
    told = " ".join(telling.assumptions(rehearsal))
    assert "“Meals” is ¥25.00 instead of ¥20.00: its runs paid ¥60.00, and would have paid ¥75.00." in told


def test_what_was_paid_by_hand_or_taken_back_keeps_its_amount(world: World, till: Till) -> None:
    programme = monthly(world)
    issued(programme, scheduled=False)
    sell(world, till, programme, 30_00)
    rehearsal = changed(programme, 25_00)
    assert (sponsored(rehearsal), rehearsal.altered) == ((20_00, 20_00), [])
    Run.objects.update(scheduled=True)
    assert sponsored(rehearse()) == (20_00, 25_00)
    reversed_whole(Run.objects.get())
    assert sponsored(rehearse()) == (20_00, 20_00)


def test_a_voucher_is_worth_its_new_amount_once(world: World, till: Till) -> None:
    programme = monthly(world, kind=ProgrammeKind.VOUCHER)
    issued(programme, kind=RunKind.VOUCHER)
    sell(world, till, programme, 18_00, 18_00, 18_00)
    assert sponsored(changed(programme, 15_00)) == (18_00, 15_00)
    assert sponsored(changed(programme, 50_00)) == (18_00, 18_00), "its rest pays for no other sale"


def test_a_voucher_that_was_given_away_is_worth_its_new_amount_to_whoever_got_it(world: World, till: Till) -> None:
    programme = monthly(world, kind=ProgrammeKind.VOUCHER, transferable=True)
    run = issued(programme, kind=RunKind.VOUCHER, uploaded=upload_from_text("S0001\nS0002"))
    sell(world, till, programme, 15_00, place=1)
    for giver, taker in ((0, 2), (2, 1)):
        grant = world.person(giver).grants.get(programme=programme, ended_at=None)
        transfer_voucher(grant_id=grant.pk, to=world.person(taker).number, by=world.person(giver).pk, at=world.at)
    for place in range(3):
        sell(world, till, programme, 30_00, place=place)
    assert run.people == 2
    assert sponsored(changed(programme, 25_00)) == (35_00, 40_00)
