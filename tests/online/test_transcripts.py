"""What terminal and server say to each other about one sale, in every order that lines and deaths can make of it.

After each transcript the person has paid once or not at all, the books balance, and nothing is held any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from devices.core.declines import Why
from devices.core.messages import Ack, Authorised, Refusal
from ecard.cardholders.operations import stop_account, stop_codes
from ecard.ledger.models import Hold, HoldState, Transfer, TransferKind
from ecard.ledger.queries import funds
from ecard.settlement import operations
from ecard.settlement.checkpoints import watcher
from ecard.settlement.models import AuthorisedHold, AuthorisedState, ExceptionKind, Sale
from ecard.settlement.queries import recheck
from tests.support.asking import Asker
from tests.support.books import assert_books_balance, loss, told
from tests.support.settling import World

PRICE_MINOR = 30_00
LOT_MINOR = 5_00
LEFT_MINOR = 100_00 - (PRICE_MINOR - LOT_MINOR)


@pytest.fixture(autouse=True)
def books_balance(world: World) -> Iterator[None]:
    yield
    assert_books_balance()
    for sale in Sale.objects.all():
        parts = sale.purse_minor + sale.grant_minor + sale.sponsor_minor + sale.loss_minor + sale.suspense_minor
        assert parts == sale.amount_minor
    assert not Transfer.objects.filter(hold__isnull=False).exclude(hold__state=HoldState.CAPTURED).exists()
    assert not AuthorisedHold.objects.exclude(state=AuthorisedState.OPEN).exclude(answer=b"").exists()


def held_minor(world: World, person: int = 0) -> int:
    purse = world.person(person).purse_id
    return funds([purse])[purse].held_minor


def upload(world: World, asker: Asker) -> None:
    answer = asker.till.upload()
    assert isinstance(answer, Ack)
    world.settle()


def states() -> list[AuthorisedState]:
    return [AuthorisedState(state) for state in AuthorisedHold.objects.order_by("id").values_list("state", flat=True)]


def test_an_authorised_sale_takes_the_very_money_that_was_held(world: World, asker: Asker) -> None:
    question, said = asker.ask(PRICE_MINOR)
    assert said.lapses_at_ms > question.at_ms
    assert held_minor(world) == PRICE_MINOR - LOT_MINOR
    asker.write(question, said)
    upload(world, asker)
    sale = Sale.objects.get()
    assert (world.purse(), held_minor(world), told()) == (LEFT_MINOR, 0, [])
    assert states() == [AuthorisedState.CAPTURED]
    assert AuthorisedHold.objects.get().sale_id == sale.pk
    named = dict(Transfer.objects.filter(hold__isnull=False).values_list("kind", "amount_minor"))
    assert named == {TransferKind.SALE_PURSE: PRICE_MINOR - LOT_MINOR, TransferKind.SALE_GRANT: LOT_MINOR}
    assert set(Hold.objects.values_list("state", flat=True)) == {HoldState.CAPTURED}
    assert recheck(sale).same


def test_more_than_the_offline_limit_is_authorised_from_the_true_funds(world: World, asker: Asker) -> None:
    group = world.campus.group
    type(group).objects.filter(pk=group.pk).update(offline_limit_minor=1_00, max_offline_sales=0)
    _question, said = asker.ask(PRICE_MINOR)
    assert said.quote.approved


def test_the_limit_per_sale_of_the_group_holds_online_too(world: World, asker: Asker) -> None:
    group = world.campus.group
    type(group).objects.filter(pk=group.pk).update(per_sale_limit_minor=20_00)
    _question, said = asker.ask(PRICE_MINOR)
    assert said.quote.decline is not None
    assert said.quote.decline.why is Why.OVER_SALE_LIMIT


def test_a_time_out_and_an_offline_approval_under_the_same_key_charge_once(world: World, asker: Asker) -> None:
    question, _said = asker.ask(PRICE_MINOR)
    asker.write_offline(question)
    upload(world, asker)
    assert (world.purse(), held_minor(world), told()) == (100_00 - PRICE_MINOR, 0, [])
    assert states() == [AuthorisedState.CAPTURED]


def test_a_question_that_arrives_behind_its_record_holds_nothing(world: World, asker: Asker) -> None:
    question = asker.question(PRICE_MINOR)
    asker.write_offline(question)
    asker.till.upload()
    late = asker.send(question)
    assert isinstance(late, Refusal)
    assert late.error == "late"
    world.settle()
    again = asker.send(question)
    assert isinstance(again, Refusal)
    assert (world.purse(), held_minor(world), Sale.objects.count()) == (100_00 - PRICE_MINOR, 0, 1)


def test_a_retry_under_the_same_key_has_the_same_answer_and_one_hold(world: World, asker: Asker) -> None:
    question, said = asker.ask(PRICE_MINOR)
    assert [asker.send(question) for _again in range(3)] == [said] * 3
    assert held_minor(world) == PRICE_MINOR - LOT_MINOR
    assert AuthorisedHold.objects.count() == 1
    asker.write(question, said)
    upload(world, asker)
    assert world.purse() == LEFT_MINOR


def test_another_person_under_the_same_key_frees_the_first(world: World, asker: Asker) -> None:
    asker.ask(PRICE_MINOR)
    question, said = asker.ask(PRICE_MINOR, person=1)
    assert (held_minor(world), held_minor(world, 1)) == (0, PRICE_MINOR - LOT_MINOR)
    asker.write(question, said)
    upload(world, asker)
    assert (world.purse(0), world.purse(1), told()) == (100_00, LEFT_MINOR, [])


def test_another_question_that_is_declined_frees_the_first_too(world: World, asker: Asker) -> None:
    asker.ask(PRICE_MINOR)
    _question, said = asker.ask(150_00, person=1)
    assert said.quote.decline is not None
    assert said.quote.decline.why is Why.INSUFFICIENT
    assert (held_minor(world), held_minor(world, 1)) == (0, 0)


def test_a_hold_that_lapsed_before_its_record_came_leaves_an_offline_sale(world: World, asker: Asker) -> None:
    question, said = asker.ask(PRICE_MINOR)
    asker.write(question, said)
    assert operations.lapse_authorised(at=asker.till.clock + timedelta(minutes=6)) == 1
    assert (held_minor(world), states()) == (0, [AuthorisedState.LAPSED])
    upload(world, asker)
    assert (world.purse(), told()) == (LEFT_MINOR, [])
    assert not Transfer.objects.filter(hold__isnull=False).exists()


def test_a_hold_that_lapsed_is_asked_for_anew_under_its_key(world: World, asker: Asker) -> None:
    question, said = asker.ask(PRICE_MINOR)
    operations.lapse_authorised(at=asker.till.clock + timedelta(minutes=6))
    again = asker.send(question)
    assert isinstance(again, Authorised)
    assert again.quote == said.quote
    assert states() == [AuthorisedState.OPEN]
    asker.write(question, again)
    upload(world, asker)
    assert (world.purse(), held_minor(world)) == (LEFT_MINOR, 0)


def test_a_record_that_arrives_twice_is_paid_once(world: World, asker: Asker) -> None:
    question, said = asker.ask(PRICE_MINOR)
    asker.write(question, said)
    data = asker.till.sealed()
    answers = [asker.till.send(data), asker.till.send(data)]
    world.settle()
    answers.append(asker.till.send(data))
    world.settle()
    assert [each.status for each in answers if isinstance(each, Ack)] == ["accepted", "repeat", "repeat"]
    assert (world.purse(), held_minor(world), Sale.objects.count()) == (LEFT_MINOR, 0, 1)


def test_a_terminal_killed_before_it_wrote_frees_the_money_with_its_next_record(world: World, asker: Asker) -> None:
    asker.ask(PRICE_MINOR)
    asker.till.sell(1, 8_00)
    upload(world, asker)
    assert (world.purse(0), held_minor(world), states()) == (100_00, 0, [AuthorisedState.RELEASED])


def test_a_terminal_that_starts_anew_frees_what_its_last_epoch_left_behind(world: World, asker: Asker) -> None:
    upload(world, asker)
    asker.ask(PRICE_MINOR)
    asker.till.world.at = asker.till.clock + timedelta(seconds=30)
    asker.till.start()
    upload(world, asker)
    assert (world.purse(), held_minor(world), states()) == (100_00, 0, [AuthorisedState.RELEASED])


def test_a_terminal_that_never_comes_back_frees_the_money_by_the_lapse(world: World, asker: Asker) -> None:
    asker.ask(PRICE_MINOR)
    assert operations.lapse_authorised(at=asker.till.clock + timedelta(minutes=4)) == 0
    assert operations.lapse_authorised(at=asker.till.clock + timedelta(minutes=6)) == 1
    assert (world.purse(), held_minor(world)) == (100_00, 0)


class Died(BaseException):
    """The server's process ends here."""


@pytest.mark.parametrize(("point", "held"), [("authorise.held", 0), ("authorise.committed", 1)])
def test_a_server_killed_between_hold_and_answer_holds_once_for_the_retry(
    world: World, asker: Asker, point: str, held: int
) -> None:
    question = asker.question(PRICE_MINOR)

    def die(name: str) -> None:
        if name == point:
            raise Died

    token = watcher.set(die)
    try:
        with pytest.raises(Died):
            asker.send(question)
    finally:
        watcher.reset(token)
    assert AuthorisedHold.objects.count() == held
    said = asker.send(question)
    assert isinstance(said, Authorised)
    assert held_minor(world) == PRICE_MINOR - LOT_MINOR
    asker.write(question, said)
    upload(world, asker)
    assert (world.purse(), held_minor(world)) == (LEFT_MINOR, 0)


def test_money_held_for_one_terminal_is_not_offered_to_another(world: World, asker: Asker, other: Asker) -> None:
    first, said = asker.ask(100_00)
    _second, refused = other.ask(10_00)
    assert said.quote.approved
    assert refused.quote.decline is not None
    assert (refused.quote.decline.why, refused.person.purse_minor) == (Why.INSUFFICIENT, 5_00)
    asker.write(first, said)
    upload(world, asker)
    assert (world.purse(), told()) == (5_00, [])


def test_an_offline_sale_of_the_same_group_cannot_take_held_money(world: World, asker: Asker, other: Asker) -> None:
    """It is a fact, so its merchant is paid; the house bears what the purse could not."""
    other.till.sell(0, 50_00)
    other.till.upload()
    question, said = asker.ask(100_00)
    asker.write(question, said)
    asker.till.upload()
    world.settle()
    authorised = Sale.objects.get(terminal=asker.till.terminal)
    assert (authorised.loss_minor, authorised.purse_minor) == (0, 95_00)
    assert (world.purse(), loss(), told()) == (0, 45_00, [ExceptionKind.PURSE_SHORT])


def test_a_code_held_elsewhere_is_not_taken_here(world: World, asker: Asker, other: Asker) -> None:
    question, _said = asker.ask(10_00)
    other.till.clock = asker.till.clock
    same = other.send(other.question(10_00, code=question.evidence))
    assert isinstance(same, Authorised)
    assert same.quote.decline is not None
    assert same.quote.decline.why is Why.ALREADY_USED


def test_a_code_already_posted_elsewhere_is_not_taken_here(world: World, asker: Asker, other: Asker) -> None:
    question, said = asker.ask(10_00)
    asker.write(question, said)
    upload(world, asker)
    other.till.clock = asker.till.clock
    same = other.send(other.question(10_00, code=question.evidence))
    assert isinstance(same, Authorised)
    assert same.quote.decline is not None
    assert same.quote.decline.why is Why.ALREADY_USED


def test_a_reversed_sale_gives_back_what_was_held_and_taken(world: World, asker: Asker) -> None:
    question, said = asker.ask(PRICE_MINOR)
    seq = asker.write(question, said)
    asker.till.reverse(seq)
    upload(world, asker)
    assert (world.purse(), held_minor(world), told()) == (100_00, 0, [])
    assert world.lots() != ()


def test_a_sale_reversed_after_it_was_posted_gives_the_money_back(world: World, asker: Asker) -> None:
    question, said = asker.ask(PRICE_MINOR)
    seq = asker.write(question, said)
    upload(world, asker)
    asker.till.reverse(seq)
    upload(world, asker)
    assert (world.purse(), held_minor(world), told()) == (100_00, 0, [])


def test_another_policy_than_the_terminals_holds_nothing(world: World, asker: Asker) -> None:
    question = msgspec.structs.replace(asker.question(PRICE_MINOR), policy=world.policy.number + 1)
    said = asker.send(question)
    assert isinstance(said, Refusal)
    assert (said.error, held_minor(world)) == ("policy", 0)


def test_a_tap_of_another_time_than_the_servers_holds_nothing(world: World, asker: Asker) -> None:
    question = asker.question(PRICE_MINOR)
    off = msgspec.structs.replace(question, at_ms=question.at_ms - 200_000)
    said = asker.send(off)
    assert isinstance(said, Refusal)
    assert said.error == "clock"


def test_a_terminal_cannot_freeze_more_than_a_few_purses(
    world: World, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecard.settlement.authorising.operations.HOLDS_MAX", 2)
    for seq in (2, 3):
        assert isinstance(asker.send(asker.question(10_00, seq=seq)), Authorised)
    refused = asker.send(asker.question(10_00, seq=4))
    assert isinstance(refused, Refusal)
    assert (refused.error, held_minor(world)) == ("too_many", 15_00)


def test_a_stopped_person_and_a_code_of_before_a_stop_are_declined(world: World, asker: Asker) -> None:
    questions = [asker.question(10_00, person=person) for person in (0, 1)]
    stop_account(cardholder=world.person(0), by=None, reason="left", at=world.at)
    stop_codes(cardholder=world.person(1), before=world.at + timedelta(hours=1), by=None, reason="lost", at=world.at)
    for question, why in zip(questions, (Why.STOPPED, Why.DENIED), strict=True):
        said = asker.send(question)
        assert isinstance(said, Authorised)
        assert said.quote.decline is not None
        assert said.quote.decline.why is why
