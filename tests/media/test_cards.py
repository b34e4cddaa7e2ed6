"""A card's life: bound by a tap, stopped, replaced; its number is kept nowhere, its history for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from devices.core.card import name_of
from ecard.cardholders.operations import close_cardholder
from ecard.changes.models import Change, Topic
from ecard.codes.models import CardKey
from ecard.codes.operations import card_key
from ecard.media import operations, queries
from ecard.media.errors import CardInUse, CardReplaced, HolderClosed, NotACardNumber, TooManyCards
from ecard.media.models import Card, CardState
from ecard.media.rules import CARDS_MOST
from tests.support.campus import NOON, Campus, make_campus
from tests.support.database import OtherThread

UID = bytes.fromhex("04a1b2c3d4e5f6")
OTHER_UID = bytes.fromhex("1a2b3c4d")


@pytest.fixture
def campus(db: None) -> Campus:
    return make_campus()


def bind(campus: Campus, place: int = 0, uid: bytes = UID) -> Card:
    return operations.bind_card(cardholder=campus.people[place], uid=uid, by=None, at=NOON)


def heard() -> list[int]:
    """The account refs that terminals will hear of, oldest first."""
    return [ref for refs in Change.objects.filter(topic=Topic.CARDHOLDER).order_by("id").values_list("refs", flat=True)
            for ref in refs]  # fmt: skip


def test_a_tap_at_the_desk_binds_the_card_by_its_hash_and_tells_terminals(campus: Campus) -> None:
    before = len(heard())
    card = bind(campus)
    assert card.state == CardState.ACTIVE
    assert card.name == name_of(UID, card_key=card_key(at=NOON))
    assert heard()[before:] == [campus.people[0].account_ref]
    assert queries.cards_of([person.account_ref for person in campus.people]) == {
        campus.people[0].account_ref: (card.name,)
    }


def test_a_second_tap_of_the_same_card_changes_nothing(campus: Campus) -> None:
    card, before = bind(campus), len(heard())
    assert bind(campus).pk == card.pk
    assert len(heard()) == before
    assert Card.objects.count() == 1


def test_a_card_that_is_somebody_elses_is_refused_and_named(campus: Campus) -> None:
    card = bind(campus)
    with pytest.raises(CardInUse) as refused:
        bind(campus, 1)
    assert refused.value.card.pk == card.pk
    assert Card.objects.count() == 1


def test_two_desks_binding_one_card_at_once_give_it_to_one_person(committed_db: None) -> None:
    campus = make_campus()
    with transaction.atomic():
        card = bind(campus)
        second = OtherThread(lambda: bind(campus, 1))
    with pytest.raises(CardInUse) as refused:
        second.wait()
    assert refused.value.card.pk == card.pk


def test_a_stopped_card_stays_in_the_history_and_can_be_bound_to_somebody_else(campus: Campus) -> None:
    card, later = bind(campus), NOON + timedelta(hours=1)
    before = len(heard())
    assert operations.stop_card(card=card, reason="lost", by=None, at=later)
    assert not operations.stop_card(card=card, reason="again", by=None, at=later)
    assert heard()[before:] == [campus.people[0].account_ref]
    card.refresh_from_db()
    assert (card.state, card.stopped_at, card.reason) == (CardState.STOPPED, later, "lost")
    assert queries.cards_of([campus.people[0].account_ref]) == {}
    again = operations.bind_card(cardholder=campus.people[1], uid=UID, by=None, at=later)
    assert [each.card_id for each in queries.bindings([card.name])[card.name]] == [card.pk, again.pk]


def test_a_replaced_card_names_its_successor_and_is_out_of_use(campus: Campus) -> None:
    old = bind(campus)
    new = operations.replace_card(card=old, uid=OTHER_UID, reason="broken", by=None, at=NOON)
    old.refresh_from_db()
    assert (old.state, old.replaced_by_id, old.reason) == (CardState.REPLACED, new.pk, "broken")
    assert queries.cards_of([campus.people[0].account_ref]) == {campus.people[0].account_ref: (new.name,)}
    with pytest.raises(CardReplaced):
        operations.replace_card(card=old, uid=bytes(range(4, 8)), reason="", by=None, at=NOON)


def test_a_card_stopped_as_lost_can_be_replaced_and_keeps_when_it_was_stopped(campus: Campus) -> None:
    old, later = bind(campus), NOON + timedelta(hours=1)
    operations.stop_card(card=old, reason="lost", by=None, at=NOON)
    operations.replace_card(card=old, uid=OTHER_UID, reason="lost", by=None, at=later)
    old.refresh_from_db()
    assert (old.state, old.stopped_at) == (CardState.REPLACED, NOON)


def test_a_card_is_not_replaced_by_itself(campus: Campus) -> None:
    card = bind(campus)
    with pytest.raises(CardInUse):
        operations.replace_card(card=card, uid=UID, reason="", by=None, at=NOON)


def test_one_person_has_at_most_so_many_cards_and_a_replacement_is_not_one_more(campus: Campus) -> None:
    cards = [bind(campus, uid=bytes([1, 2, 3, number])) for number in range(CARDS_MOST)]
    with pytest.raises(TooManyCards):
        bind(campus)
    operations.replace_card(card=cards[0], uid=UID, reason="", by=None, at=NOON)
    assert len(queries.cards_of([campus.people[0].account_ref])[campus.people[0].account_ref]) == CARDS_MOST


def test_a_closed_account_gets_no_card_and_its_old_one_goes_to_the_next(campus: Campus) -> None:
    card = bind(campus)
    close_cardholder(cardholder=campus.people[0], at=NOON)
    with pytest.raises(HolderClosed):
        bind(campus, uid=OTHER_UID)
    assert bind(campus, 1).cardholder_id == campus.people[1].pk
    card.refresh_from_db()
    assert card.state == CardState.STOPPED


@pytest.mark.parametrize("uid", [b"", b"abc", bytes(11)])
def test_what_no_card_has_is_not_bound(campus: Campus, uid: bytes) -> None:
    with pytest.raises(NotACardNumber):
        bind(campus, uid=uid)


def test_a_stolen_database_holds_neither_the_number_nor_the_key_that_it_is_hashed_under(campus: Campus) -> None:
    bind(campus)
    key = card_key(at=NOON)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(card)::text FROM media_card AS card")
        kept = cursor.fetchone()[0]
        cursor.execute("SELECT row_to_json(line)::text FROM django_admin_log AS line")
        kept += "".join(row[0] for row in cursor.fetchall())
    assert UID.hex() not in kept.lower()
    assert UID[-2:].hex() not in kept.lower().replace(Card.objects.get().name.lower(), "")
    sealed = bytes(CardKey.objects.get().sealed_key)
    assert key not in sealed
    assert name_of(UID, card_key=bytes(32)) != Card.objects.get().name


def test_the_card_key_is_made_once_and_the_server_may_not_change_it(campus: Campus) -> None:
    assert card_key(at=NOON) == card_key(at=NOON + timedelta(days=400))
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        CardKey.objects.update(made_at=NOON)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        CardKey.objects.all().delete()


def test_no_card_is_deleted_handed_over_or_brought_back(campus: Campus) -> None:
    card = bind(campus)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Card.objects.all().delete()
    with pytest.raises(DatabaseError, match="for ever"), transaction.atomic():
        Card.objects.update(cardholder=campus.people[1])
    operations.stop_card(card=card, reason="", by=None, at=NOON)
    with pytest.raises(DatabaseError, match="stays so"), transaction.atomic():
        Card.objects.update(state=CardState.ACTIVE, stopped_at=None)


def test_the_database_itself_keeps_a_card_to_one_person_at_a_time(campus: Campus) -> None:
    card = bind(campus)
    with pytest.raises(IntegrityError), transaction.atomic():
        Card.objects.create(cardholder=campus.people[1], name=card.name, bound_at=NOON)


def test_cards_of_any_number_of_people_are_one_statement(campus: Campus) -> None:
    for place in range(3):
        bind(campus, place, uid=bytes([9, 9, 9, place]))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert len(queries.cards_of([person.account_ref for person in campus.people])) == 3
        assert len(queries.bindings(Card.objects.values_list("name", flat=True))) == 3
    assert len(asked) == 3
