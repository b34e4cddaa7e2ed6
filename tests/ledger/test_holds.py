"""Holds: what is set aside cannot be spent twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from ecard.ledger import operations, queries
from ecard.ledger.errors import AccountInUse, HoldRefused, InsufficientFunds
from ecard.ledger.models import AccountKind, CauseKind, Hold, HoldState, Transfer, TransferKind
from ecard.ledger.values import Funds, NewTransfer

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def purse() -> int:
    """A purse with 10.00 in it."""
    opened = operations.open_account(kind=AccountKind.PURSE, label="purse", floor_minor=0)
    desk = operations.house_account(kind=AccountKind.CASH_DESK)
    operations.post(transfers=[NewTransfer(desk, opened, 1_000, TransferKind.TOP_UP, CauseKind.TOP_UP, 1)], at=AT)
    return opened


@pytest.fixture
def shop() -> int:
    return operations.open_account(kind=AccountKind.MERCHANT, label="shop", floor_minor=None)


def place(purse: int, amount_minor: int, *, key: str = "order 1") -> Hold:
    return operations.place_hold(account_id=purse, amount_minor=amount_minor, key=key, at=AT, expires_at=LATER)


def test_a_hold_lowers_what_is_available_and_not_the_balance(purse: int) -> None:
    place(purse, 600)
    assert queries.funds([purse])[purse] == Funds(balance_minor=1_000, held_minor=600, available_minor=400)


def test_held_money_cannot_be_spent_or_held_again(purse: int, shop: int) -> None:
    place(purse, 600)
    with pytest.raises(InsufficientFunds):
        place(purse, 401, key="order 2")
    with pytest.raises(InsufficientFunds):
        operations.post(transfers=[NewTransfer(purse, shop, 401, TransferKind.SALE_PURSE, CauseKind.SALE, 1)], at=AT)


def test_the_same_key_gives_the_same_hold(purse: int) -> None:
    assert place(purse, 600).pk == place(purse, 600).pk
    with pytest.raises(HoldRefused):
        place(purse, 601)


def test_capturing_adds_a_transfer_that_names_the_hold_and_frees_the_rest(purse: int, shop: int) -> None:
    hold = place(purse, 600)
    operations.capture_hold(
        hold_id=hold.pk, credit_account=shop, cause_kind=CauseKind.ORDER, cause_id=9, at=AT, amount_minor=450
    )
    transfer = Transfer.objects.get(hold=hold)
    assert (transfer.debit_account_id, transfer.credit_account_id, transfer.amount_minor) == (purse, shop, 450)
    assert queries.funds([purse])[purse] == Funds(balance_minor=550, held_minor=0, available_minor=550)


def test_the_whole_purse_can_be_held_and_captured(purse: int, shop: int) -> None:
    hold = place(purse, 1_000)
    operations.capture_hold(hold_id=hold.pk, credit_account=shop, cause_kind=CauseKind.ORDER, cause_id=9, at=AT)
    assert queries.balance_of(purse) == 0


def test_a_hold_is_captured_once(purse: int, shop: int) -> None:
    hold = place(purse, 600)
    for _ in range(2):
        with transaction.atomic():
            if Hold.objects.get(pk=hold.pk).state == HoldState.CAPTURED:
                with pytest.raises(HoldRefused):
                    operations.capture_hold(
                        hold_id=hold.pk, credit_account=shop, cause_kind=CauseKind.ORDER, cause_id=9, at=AT
                    )
            else:
                operations.capture_hold(
                    hold_id=hold.pk, credit_account=shop, cause_kind=CauseKind.ORDER, cause_id=9, at=AT
                )
    assert Transfer.objects.filter(hold=hold).count() == 1


def test_more_than_was_held_is_not_captured(purse: int, shop: int) -> None:
    hold = place(purse, 600)
    with pytest.raises(HoldRefused):
        operations.capture_hold(
            hold_id=hold.pk, credit_account=shop, cause_kind=CauseKind.ORDER, cause_id=9, at=AT, amount_minor=601
        )
    assert Hold.objects.get(pk=hold.pk).state == HoldState.OPEN


def test_releasing_frees_the_money_once(purse: int) -> None:
    hold = place(purse, 600)
    operations.release_hold(hold_id=hold.pk, at=AT)
    assert queries.funds([purse])[purse].available_minor == 1_000
    with pytest.raises(HoldRefused):
        operations.release_hold(hold_id=hold.pk, at=AT)


def test_holds_lapse_when_their_time_is_over_and_not_before(purse: int) -> None:
    place(purse, 600)
    assert operations.lapse_holds(at=LATER - timedelta(seconds=1)) == 0
    assert operations.lapse_holds(at=LATER) == 1
    assert queries.funds([purse])[purse].available_minor == 1_000


def test_an_account_with_an_open_hold_is_not_closed() -> None:
    empty = operations.open_account(kind=AccountKind.PURSE, label="purse", floor_minor=-100)
    place(empty, 50)
    with pytest.raises(AccountInUse):
        operations.close_account(account_id=empty, at=AT)


def test_a_busy_account_cannot_be_held(shop: int) -> None:
    with pytest.raises(HoldRefused):
        place(shop, 5)


def test_a_hold_that_ended_has_its_time(purse: int) -> None:
    hold = place(purse, 600)
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.filter(pk=hold.pk).update(state=HoldState.RELEASED)


def place_several(*parts: tuple[int, int], key: str = "several") -> list[int]:
    with transaction.atomic():
        locked = operations.lock_accounts([account for account, _amount in parts])
        return operations.place_holds(parts=parts, locked=locked, key=key, at=AT, expires_at=LATER)


def test_several_accounts_are_held_together_or_not_at_all(purse: int) -> None:
    empty = operations.open_account(kind=AccountKind.PURSE, label="empty", floor_minor=0)
    with pytest.raises(InsufficientFunds):
        place_several((purse, 600), (empty, 1))
    assert queries.funds([purse])[purse].held_minor == 0
    (held,) = place_several((purse, 600))
    assert [tuple(each) for each in operations.open_holds([held, held + 1])] == [(held, purse, 600)]


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_nothing_is_no_hold_among_several(purse: int, amount_minor: int) -> None:
    with pytest.raises(HoldRefused):
        place_several((purse, amount_minor))


def test_one_posting_captures_several_holds_and_names_each(purse: int, shop: int) -> None:
    other = operations.open_account(kind=AccountKind.PURSE, label="other", floor_minor=0)
    desk = operations.house_account(kind=AccountKind.CASH_DESK)
    operations.post(transfers=[NewTransfer(desk, other, 1_000, TransferKind.TOP_UP, CauseKind.TOP_UP, 2)], at=AT)
    holds = place_several((purse, 600), (other, 300))
    rows = [
        NewTransfer(purse, shop, 600, TransferKind.SALE_PURSE, CauseKind.SALE, 7),
        NewTransfer(purse, shop, 50, TransferKind.SALE_PURSE, CauseKind.SALE, 8),
        NewTransfer(other, shop, 200, TransferKind.SALE_GRANT, CauseKind.SALE, 7),
    ]
    with transaction.atomic():
        locked = operations.lock_accounts([purse, other, shop])
        freed = {account: state._replace(held_minor=0) for account, state in locked.items()}
        operations.post_group(rows=rows, locked=freed, at=AT, captured={0: holds[0], 2: holds[1]})
        assert operations.end_holds(holds, captured=True, at=AT) == 2
    named = {transfer.amount_minor: transfer.hold_id for transfer in Transfer.objects.filter(credit_account=shop)}
    assert named == {600: holds[0], 50: None, 200: holds[1]}
    assert queries.funds([purse])[purse] == Funds(balance_minor=350, held_minor=0, available_minor=350)


def test_what_has_ended_is_not_ended_again(purse: int) -> None:
    holds = place_several((purse, 600))
    assert operations.end_holds(holds, at=AT) == 1
    assert operations.end_holds(holds, captured=True, at=LATER) == 0
    assert set(Hold.objects.values_list("state", flat=True)) == {HoldState.RELEASED}
