"""Giving a voucher to somebody else, and every way to give what is not there to give."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ecard.benefits.errors import (
    CannotGive,
    NoSuchRecipient,
    NotTransferable,
    NotYours,
    RecipientHasEnough,
    VoucherGone,
)
from ecard.benefits.models import PERIOD_KEY_LENGTH_MAX, Grant, Programme
from ecard.benefits.operations import issue_grants, open_programme, transfer_voucher
from ecard.benefits.queries import lots_of
from ecard.benefits.vouchers import HELD_MOST
from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import close_cardholder
from ecard.changes.models import Change, Topic
from ecard.ledger.models import CauseKind, TransferKind
from ecard.ledger.operations import place_hold, post
from ecard.ledger.queries import balance_of, sum_of_balances
from ecard.ledger.values import NewTransfer
from tests.support.campus import NOON, make_campus
from tests.support.database import OtherThread

END = NOON + timedelta(days=9)


def make_voucher(*, transferable: bool = True, kind: str = "voucher") -> tuple[Grant, list[Cardholder]]:
    campus = make_campus(people=3)
    programme = open_programme(name="夜宵券", name_en="Late voucher")
    Programme.objects.filter(pk=programme.pk).update(kind=kind, transferable=transferable)
    give(programme, campus.people[:1])
    return Grant.objects.get(), list(campus.people)


def give(programme: Programme, people: Any, key: str = "2026-11") -> None:
    issue_grants(programme=programme, cardholders=people, amount_minor=15_00, period_key=key, expires_at=END, at=NOON)


def refused(why: type[CannotGive], grant: Grant, *, to: str, by: int) -> None:
    before = (Grant.objects.count(), balance_of(grant.account_id), Change.objects.count())
    with pytest.raises(why):
        transfer_voucher(grant_id=grant.pk, to=to, by=by, at=NOON)
    assert (Grant.objects.count(), balance_of(grant.account_id), Change.objects.count()) == before


@pytest.mark.django_db
def test_a_voucher_given_is_the_recipients_whole_and_no_longer_the_givers() -> None:
    voucher, (giver, friend, _third) = make_voucher()
    given = transfer_voucher(grant_id=voucher.pk, to=friend.number, by=giver.pk, at=NOON)
    lots = lots_of([giver.account_ref, friend.account_ref], at=NOON)
    assert giver.account_ref not in lots
    assert [(lot.id, lot.remaining_minor) for lot in lots[friend.account_ref]] == [(given.account_id, 15_00)]
    assert (given.expires_at, given.programme_id) == (END, voucher.programme_id)
    assert balance_of(voucher.account_id) == 0
    assert sum_of_balances() == 0
    told = Change.objects.filter(topic=Topic.CARDHOLDER).order_by("id").values_list("refs", flat=True).last()
    assert told == sorted([giver.account_ref, friend.account_ref])


@pytest.mark.django_db
def test_a_voucher_goes_from_hand_to_hand_and_back_under_a_key_that_always_fits() -> None:
    voucher, people = make_voucher()
    Grant.objects.update(period_key="k" * PERIOD_KEY_LENGTH_MAX)
    for giver, to in ((0, 1), (1, 2), (2, 0), (0, 1)):
        voucher = transfer_voucher(grant_id=voucher.pk, to=people[to].number, by=people[giver].pk, at=NOON)
    assert Grant.objects.filter(ended_at__isnull=True).get().cardholder_id == people[1].pk
    assert sum_of_balances() == 0


@pytest.mark.django_db
def test_the_next_issue_of_the_same_period_gives_the_giver_nothing_again() -> None:
    voucher, (giver, friend, _third) = make_voucher()
    transfer_voucher(grant_id=voucher.pk, to=friend.number, by=giver.pk, at=NOON)
    give(voucher.programme, [giver, friend])
    assert not Grant.objects.filter(cardholder=giver, ended_at__isnull=True).exists()
    assert Grant.objects.filter(cardholder=friend, ended_at__isnull=True).count() == 2


@pytest.mark.django_db
def test_giving_the_same_voucher_twice() -> None:
    voucher, (giver, friend, third) = make_voucher()
    transfer_voucher(grant_id=voucher.pk, to=friend.number, by=giver.pk, at=NOON)
    refused(NotYours, voucher, to=third.number, by=giver.pk)
    refused(NotYours, voucher, to=friend.number, by=giver.pk)


def test_giving_the_same_voucher_to_two_people_at_once(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    voucher, (giver, *others) = make_voucher()

    def send(to: str) -> Callable[[], bool]:
        def attempt() -> bool:
            try:
                transfer_voucher(grant_id=voucher.pk, to=to, by=giver.pk, at=NOON)
            except CannotGive:
                return False
            return True

        return attempt

    threads = [second_connection(send(each.number)) for each in (*others, *others)]
    assert sorted(thread.wait() for thread in threads) == [False, False, False, True]
    assert (
        sum(lot.remaining_minor for lots in lots_of([p.account_ref for p in others], at=NOON).values() for lot in lots)
        == 15_00
    )


@pytest.mark.django_db
def test_giving_somebody_elses_voucher() -> None:
    voucher, (_giver, friend, third) = make_voucher()
    refused(NotYours, voucher, to=third.number, by=friend.pk)
    refused(NotYours, voucher, to=friend.number, by=friend.pk)


@pytest.mark.django_db
def test_giving_to_a_closed_account() -> None:
    voucher, (giver, friend, _third) = make_voucher()
    close_cardholder(cardholder=friend, at=NOON)
    refused(NoSuchRecipient, voucher, to=friend.number, by=giver.pk)


@pytest.mark.django_db
def test_giving_from_a_closed_account() -> None:
    voucher, (giver, friend, _third) = make_voucher()
    close_cardholder(cardholder=giver, at=NOON)
    refused(NotYours, voucher, to=friend.number, by=giver.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["", " ", "S9999", "%", "S000_", "x" * 500])
def test_giving_to_nobody(number: str) -> None:
    voucher, (giver, *_others) = make_voucher()
    refused(NoSuchRecipient, voucher, to=number, by=giver.pk)


@pytest.mark.django_db
def test_giving_to_oneself() -> None:
    voucher, (giver, *_others) = make_voucher()
    refused(NoSuchRecipient, voucher, to=giver.number, by=giver.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(("transferable", "kind"), [(False, "voucher"), (True, "subsidy")])
def test_giving_what_its_programme_does_not_let_be_given(transferable: bool, kind: str) -> None:
    voucher, (giver, friend, _third) = make_voucher(transferable=transferable, kind=kind)
    refused(NotTransferable, voucher, to=friend.number, by=giver.pk)


@pytest.mark.django_db
def test_giving_a_voucher_that_was_spent_or_is_being_spent() -> None:
    voucher, (giver, friend, _third) = make_voucher()
    place_hold(account_id=voucher.account_id, amount_minor=1, key="tap", at=NOON, expires_at=END)
    refused(VoucherGone, voucher, to=friend.number, by=giver.pk)
    other = open_programme(name="券")
    Programme.objects.filter(pk=other.pk).update(kind="voucher", transferable=True)
    give(other, [giver])
    spent = Grant.objects.get(programme=other)
    post(
        transfers=[
            NewTransfer(spent.account_id, other.sponsor_id, 1, TransferKind.SALE_VOUCHER, CauseKind.SALE, 1),
        ],
        at=NOON,
    )
    refused(VoucherGone, spent, to=friend.number, by=giver.pk)


@pytest.mark.django_db
def test_giving_an_expired_voucher() -> None:
    voucher, (giver, friend, _third) = make_voucher()
    with pytest.raises(VoucherGone):
        transfer_voucher(grant_id=voucher.pk, to=friend.number, by=giver.pk, at=END)


@pytest.mark.django_db
def test_crowding_out_somebodys_own_subsidies_with_vouchers() -> None:
    """A terminal looks at so many lots of a person and no more."""
    voucher, (giver, friend, _third) = make_voucher()
    for number in range(HELD_MOST):
        give(voucher.programme, [friend], key=f"extra {number}")
    refused(RecipientHasEnough, voucher, to=friend.number, by=giver.pk)
