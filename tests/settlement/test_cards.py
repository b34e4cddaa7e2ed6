"""Sales paid by a card: whose the card was at that moment is the server's to say, from its own history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from devices.core.card import evidence_of, name_of
from ecard.cardholders.operations import close_cardholder
from ecard.codes.operations import card_key
from ecard.media import operations
from ecard.media.models import Card
from ecard.payments.operations import top_up
from ecard.settlement import queries
from ecard.settlement.evidence_facts import evidence_facts
from ecard.settlement.models import ExceptionKind, Sale, SaleException
from ecard.settlement.sentences import exception_sentence
from tests.support.books import assert_books_balance, loss, parts, received, suspense, told
from tests.support.campus import NOON
from tests.support.settling import Till, World, make_till, make_world

UID = bytes.fromhex("04a1b2c3d4e5f6")
OTHER_UID = bytes.fromhex("1a2b3c4d")


def bind(world: World, place: int = 0, uid: bytes = UID, *, minutes: int = -60) -> Card:
    at = world.at + timedelta(minutes=minutes)
    return operations.bind_card(cardholder=world.person(place), uid=uid, by=None, at=at)


def tapped(till: Till, amount_minor: int = 10_00, *, uid: bytes = UID, place: int = 0, later_s: int = 10) -> int:
    """What a terminal writes that took this card for that person's."""
    till.wait(later_s - 10)
    name = name_of(uid, card_key=card_key(at=till.world.at))
    return till.sell(place, amount_minor, code=evidence_of(name))


def settled(world: World, *tills: Till) -> None:
    for till in tills:
        till.upload()
    world.settle()


def told_sentence() -> str:
    with translation.override("en"):
        return exception_sentence(SaleException.objects.get())


def test_a_genuine_card_pays_what_the_terminal_showed(world: World, till: Till) -> None:
    bind(world)
    tapped(till, 12_00)
    settled(world, till)
    sale = Sale.objects.get()
    assert parts(sale) == (12_00, 0, 0, 0, 0)
    assert (sale.code_id, world.purse(0), received(world)) == (None, 88_00, 12_00)
    assert told() == []
    assert queries.recheck(sale).same
    assert_books_balance()


def test_the_same_card_pays_again_and_again_even_within_one_second(world: World, till: Till, other: Till) -> None:
    bind(world)
    other.clock = till.clock
    for each in (till, other):
        tapped(each, 3_00)
        tapped(each, 4_00)
    settled(world, till, other)
    assert (Sale.objects.count(), world.purse(0), told()) == (4, 86_00, [])
    assert_books_balance()


def test_the_same_second_in_a_later_group_is_another_sale_too(world: World, till: Till, other: Till) -> None:
    bind(world)
    other.clock = till.clock
    tapped(till, 3_00)
    settled(world, till)
    tapped(other, 150_00)
    settled(world, other)
    assert told() == [ExceptionKind.PURSE_SHORT]
    assert world.purse(0) == 0
    assert_books_balance()


def test_a_card_of_another_account_is_never_charged_to_the_one_the_terminal_named(world: World, till: Till) -> None:
    bind(world, 1)
    tapped(till, 12_00)
    settled(world, till)
    assert parts(Sale.objects.get()) == (0, 0, 0, 0, 12_00)
    assert (world.purse(0), world.purse(1), suspense(), received(world)) == (100_00, 100_00, 12_00, 12_00)
    assert told() == [ExceptionKind.EVIDENCE_BAD]
    assert told_sentence() == (
        "The card kept with this sale does not hold (it belongs to another account). ¥12.00 waits in suspense; "
        "the merchant was paid and the cardholder charged nothing."
    )
    assert_books_balance()


def test_a_card_that_was_never_bound_charges_nobody(world: World, till: Till) -> None:
    tapped(till, 12_00)
    settled(world, till)
    assert (world.purse(0), suspense(), told()) == (100_00, 12_00, [ExceptionKind.EVIDENCE_BAD])
    assert "The card kept with this sale does not hold" in told_sentence()


def test_a_sale_before_the_card_was_bound_charges_nobody(world: World, till: Till) -> None:
    bind(world, minutes=30)
    tapped(till, 12_00)
    settled(world, till)
    assert (world.purse(0), told()) == (100_00, [ExceptionKind.EVIDENCE_BAD])


def test_a_card_stopped_before_the_sale_while_the_terminal_was_dark_is_booked_and_told_once(
    world: World, till: Till
) -> None:
    card = bind(world)
    operations.stop_card(card=card, reason="lost", by=None, at=world.at)
    tapped(till, 12_00, later_s=600)
    settled(world, till)
    assert parts(Sale.objects.get()) == (12_00, 0, 0, 0, 0)
    assert (world.purse(0), suspense(), told()) == (88_00, 0, [ExceptionKind.CARD_STOPPED])
    assert told_sentence() == (
        "The card had been stopped when it was tapped; the terminal had not heard of that. ¥12.00 was booked as shown."
    )
    assert_books_balance()


def test_a_card_stopped_after_the_sale_but_before_its_upload_is_nothing_to_tell(world: World, till: Till) -> None:
    card = bind(world)
    tapped(till, 12_00)
    operations.stop_card(card=card, reason="lost", by=None, at=till.clock + timedelta(minutes=5))
    settled(world, till)
    assert (world.purse(0), told()) == (88_00, [])


def test_a_card_replaced_meanwhile_is_booked_and_told_as_that(world: World, till: Till, other: Till) -> None:
    old = bind(world)
    operations.replace_card(card=old, uid=OTHER_UID, reason="broken", by=None, at=world.at)
    tapped(till, 12_00, later_s=600)
    tapped(other, 3_00, uid=OTHER_UID, later_s=600)
    settled(world, till, other)
    assert (world.purse(0), told()) == (85_00, [ExceptionKind.CARD_STOPPED])
    assert "had been replaced when it was tapped" in told_sentence()


def test_a_card_handed_to_the_next_person_does_not_charge_the_one_before(world: World, till: Till) -> None:
    card = bind(world)
    operations.stop_card(card=card, reason="given back", by=None, at=world.at)
    bind(world, 1, minutes=1)
    tapped(till, 12_00, later_s=600)
    settled(world, till)
    assert (world.purse(0), world.purse(1), suspense()) == (100_00, 100_00, 12_00)
    assert told() == [ExceptionKind.EVIDENCE_BAD]


def test_a_stopped_card_of_a_poor_person_is_told_once_for_each_matter(world: World, till: Till) -> None:
    card = bind(world)
    operations.stop_card(card=card, reason="lost", by=None, at=world.at)
    tapped(till, 120_00, later_s=600)
    settled(world, till)
    assert (world.purse(0), loss()) == (0, 20_00)
    assert set(told()) == {ExceptionKind.CARD_STOPPED, ExceptionKind.PURSE_SHORT}
    assert_books_balance()


def test_a_card_of_a_person_whose_account_was_closed_is_the_institutions_loss(db: None) -> None:
    world = make_world(at=NOON, purse_minor=0)
    till = make_till(world)
    bind(world)
    tapped(till, 12_00)
    close_cardholder(cardholder=world.person(0), at=world.at)
    settled(world, till)
    assert parts(Sale.objects.get()) == (0, 0, 0, 12_00, 0)
    assert told() == [ExceptionKind.ACCOUNT_CLOSED]
    assert_books_balance()


def test_a_card_sale_is_taken_back_whole_and_the_card_pays_again(world: World, till: Till) -> None:
    bind(world)
    till.reverse(tapped(till, 12_00))
    tapped(till, 5_00)
    settled(world, till)
    assert (Sale.objects.count(), world.purse(0), told()) == (2, 95_00, [])
    assert_books_balance()


def test_a_made_up_card_in_a_stolen_terminals_journal_charges_nobody(world: World, till: Till) -> None:
    bind(world)
    for text in ("U1", "U1" + "A" * 22, "U1" + "!" * 22, "U1" + "A" * 40):
        till.sell(0, 5_00, code=text)
    settled(world, till)
    assert (world.purse(0), suspense()) == (100_00, 20_00)
    assert told() == [ExceptionKind.EVIDENCE_BAD] * 4


def test_checking_asks_once_however_many_cards_were_tapped_and_never_without_one(world: World, till: Till) -> None:
    def asked(sales: int, *, cards: bool) -> int:
        for number in range(sales):
            if cards:
                tapped(till, 1_00, place=number % 3, uid=bytes([7, 7, 7, number % 3]))
            else:
                till.sell(0, 1_00)
        till.upload()
        with CaptureQueriesContext(connection) as captured:
            world.settle()
        return sum("media_card" in each["sql"] for each in captured.captured_queries)

    for place in range(3):
        bind(world, place, uid=bytes([7, 7, 7, place]))
    assert asked(20, cards=False) == 0
    assert asked(1, cards=True) == 1
    assert asked(30, cards=True) == 1
    assert told() == []


def test_what_a_sale_says_of_its_card_is_which_and_since_when(world: World, till: Till) -> None:
    card = bind(world)
    tapped(till, 12_00)
    settled(world, till)
    sale = Sale.objects.get()
    with translation.override("en"):
        facts = evidence_facts(sale, queries.record_of(sale))
    assert facts[0] == f"Card {card.pk}, bound on 2026-11-20"
    assert facts[1].startswith("Tapped at ")


@pytest.mark.parametrize("minutes", [-30, 30])
def test_money_loaded_meanwhile_changes_nothing_about_whose_card_it_was(world: World, till: Till, minutes: int) -> None:
    bind(world)
    tapped(till, 12_00)
    top_up(cardholder=world.person(0), amount_minor=5_00, by=None, at=world.at + timedelta(minutes=minutes), key="more")
    settled(world, till)
    assert (world.purse(0), told()) == (93_00, [])
