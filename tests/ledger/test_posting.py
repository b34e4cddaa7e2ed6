"""Posting: conserved, never below a floor, all or nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecard.ledger import operations, queries
from ecard.ledger.errors import (
    AccountClosed,
    AccountInUse,
    BadTransfer,
    InsufficientFunds,
    LedgerError,
    UnknownAccount,
)
from ecard.ledger.models import Account, AccountDelta, AccountKind, CauseKind, Transfer, TransferKind
from ecard.ledger.values import NewTransfer

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def purse(*, floor_minor: int = 0) -> int:
    return operations.open_account(kind=AccountKind.PURSE, label="purse", floor_minor=floor_minor)


def desk() -> int:
    return operations.house_account(kind=AccountKind.CASH_DESK)


def merchant() -> int:
    return operations.open_account(kind=AccountKind.MERCHANT, label="merchant", floor_minor=None)


def move(debit: int, credit: int, amount_minor: int, *, cause_id: int = 1) -> NewTransfer:
    return NewTransfer(debit, credit, amount_minor, TransferKind.SALE_PURSE, CauseKind.SALE, cause_id)


def post(*transfers: NewTransfer) -> int:
    return operations.post(transfers=transfers, at=AT).posting_group


def test_a_transfer_takes_from_the_debit_account_and_gives_to_the_credit_account() -> None:
    payer, payee = desk(), purse()
    post(move(payer, payee, 700))
    assert queries.balances([payer, payee]) == {payer: -700, payee: 700}
    assert queries.sum_of_balances() == 0


def test_a_group_is_judged_by_what_it_does_in_all() -> None:
    mine, shop, cash = purse(), merchant(), desk()
    post(move(mine, shop, 300), move(cash, mine, 300))
    assert queries.balances([mine, shop]) == {mine: 0, shop: 300}


def test_a_group_that_breaks_one_floor_posts_nothing() -> None:
    rich, poor, shop, cash = purse(), purse(), merchant(), desk()
    post(move(cash, rich, 500))
    before = Transfer.objects.count()
    with pytest.raises(InsufficientFunds) as refusal:
        post(move(rich, shop, 500), move(poor, shop, 1))
    assert (refusal.value.account_id, refusal.value.needed_minor, refusal.value.available_minor) == (poor, 1, 0)
    assert Transfer.objects.count() == before
    assert queries.balances([rich, poor, shop]) == {rich: 500, poor: 0, shop: 0}


def test_a_purse_may_owe_down_to_its_debt_floor_and_not_one_fen_more() -> None:
    mine, shop = purse(floor_minor=-200), merchant()
    post(move(mine, shop, 200))
    with pytest.raises(InsufficientFunds):
        post(move(mine, shop, 1))
    assert queries.balance_of(mine) == -200


def test_the_database_itself_refuses_a_balance_below_the_floor() -> None:
    mine = purse()
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=mine).update(balance_minor=-1)


def test_credit_reaches_an_account_that_owes_more_than_its_floor_allows_now() -> None:
    mine, shop, cash = purse(floor_minor=-500), merchant(), desk()
    post(move(mine, shop, 500))
    assert operations.set_floor(account_id=mine, floor_minor=0) == -500
    post(move(cash, mine, 100))
    assert queries.balance_of(mine) == -400


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_a_transfer_of_nothing_or_less_is_refused(amount_minor: int) -> None:
    with pytest.raises(BadTransfer):
        post(move(desk(), purse(), amount_minor))


def test_a_transfer_to_itself_is_refused() -> None:
    mine = desk()
    with pytest.raises(BadTransfer):
        post(move(mine, mine, 5))


def test_an_account_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownAccount):
        post(move(desk(), 2**40, 5))


def test_an_account_the_caller_did_not_lock_is_refused() -> None:
    cash, mine, other = desk(), purse(), purse()
    with transaction.atomic():
        locked = operations.lock_accounts([cash, mine])
        with pytest.raises(UnknownAccount):
            operations.post_group(rows=[move(cash, other, 5)], locked=locked, at=AT)


def test_a_closed_account_takes_and_gives_nothing() -> None:
    mine, cash = purse(), desk()
    operations.close_account(account_id=mine, at=AT)
    with pytest.raises(AccountClosed):
        post(move(cash, mine, 5))


def test_an_account_with_money_is_not_closed() -> None:
    mine, cash = purse(), desk()
    post(move(cash, mine, 5))
    with pytest.raises(AccountInUse):
        operations.close_account(account_id=mine, at=AT)


def test_a_posting_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadTransfer):
        operations.post(transfers=[move(desk(), purse(), 5)], at=AT.replace(tzinfo=None))


def test_an_empty_group_is_refused() -> None:
    with pytest.raises(BadTransfer):
        post()


def test_one_delta_row_stands_for_all_that_a_group_moved_on_a_busy_account() -> None:
    shop, cash = merchant(), desk()
    people = [purse() for _ in range(5)]
    post(*(move(cash, person, 100) for person in people))
    post(*(move(person, shop, 30) for person in people))
    assert list(AccountDelta.objects.filter(account_id=shop).values_list("amount_minor", flat=True)) == [150]
    assert Account.objects.get(pk=shop).balance_minor == 0


def test_folding_moves_deltas_into_the_row_and_changes_no_balance() -> None:
    shop, cash, mine = merchant(), desk(), purse()
    for _ in range(3):
        post(move(cash, mine, 100), move(mine, shop, 60))
    before = queries.balances([shop, cash, mine])
    assert operations.fold_deltas() == 6
    assert queries.balances([shop, cash, mine]) == before
    assert not AccountDelta.objects.exists()
    assert Account.objects.get(pk=shop).balance_minor == 180
    assert operations.fold_deltas() == 0


def test_a_statement_lists_the_newest_first_and_pages_without_gap_or_repeat() -> None:
    cash, mine, shop = desk(), purse(), merchant()
    for amount_minor in range(1, 8):
        post(move(cash, mine, amount_minor * 10), move(mine, shop, amount_minor, cause_id=amount_minor))
    amounts: list[int] = []
    before_id: int | None = None
    while page := queries.statement(mine, before_id=before_id, limit=3):
        amounts.extend(line.amount_minor for line in page)
        before_id = page[-1].transfer_id
    expected = [signed for amount in range(7, 0, -1) for signed in (-amount, amount * 10)]
    assert amounts == expected
    assert sum(amounts) == queries.balance_of(mine)


def test_transfers_are_found_by_their_cause() -> None:
    cash, mine, shop = desk(), purse(), merchant()
    post(move(cash, mine, 100, cause_id=1), move(mine, shop, 40, cause_id=77))
    found = queries.transfers_of(cause_kind=CauseKind.SALE, cause_id=77)
    assert [(one.debit_account_id, one.credit_account_id, one.amount_minor) for one in found] == [(mine, shop, 40)]


def test_a_house_account_is_opened_once() -> None:
    assert desk() == desk()
    assert Account.objects.get(kind=AccountKind.CASH_DESK).pk == desk()
    assert operations.house_account(kind=AccountKind.CASH_DESK, label="desk 2") != desk()
    with pytest.raises(ValueError, match="PURSE"):
        operations.house_account(kind=AccountKind.PURSE)


def test_a_transfer_is_not_saved_by_the_orm() -> None:
    with pytest.raises(TypeError):
        Transfer(debit_account_id=desk(), credit_account_id=purse(), amount_minor=1).save()


def test_locks_are_taken_in_ascending_order_and_only_on_floored_accounts() -> None:
    shop, people = merchant(), [purse() for _ in range(4)]
    with transaction.atomic():
        locked = operations.lock_accounts([people[3], shop, people[0], people[3]])
        with connection.cursor() as cursor:
            cursor.execute(
                "EXPLAIN SELECT id FROM ledger_account WHERE id = ANY(%s::bigint[]) AND floor_minor IS NOT NULL"
                " ORDER BY id FOR NO KEY UPDATE",
                [people],
            )
            plan = "\n".join(row[0] for row in cursor.fetchall())
    assert list(locked) == [people[0], people[3], shop]
    assert plan.index("LockRows") < max(plan.find("Sort"), plan.find("Index Scan"))


POSTINGS = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(-1, 400)), min_size=0, max_size=6),
    max_size=8,
)


@given(groups=POSTINGS, floors=st.tuples(*[st.sampled_from([0, 0, -150])] * 4), fold_after=st.integers(0, 8))
@hypothesis_settings(max_examples=60)
def test_money_is_conserved_and_no_floor_is_ever_broken(
    groups: list[list[tuple[int, int, int]]], floors: tuple[int, ...], fold_after: int
) -> None:
    with transaction.atomic():
        accounts = [purse(floor_minor=floor) for floor in floors] + [merchant(), merchant(), desk()]
        expected = dict.fromkeys(accounts, 0)
        for index, group in enumerate(groups):
            rows = [move(accounts[debit], accounts[credit], amount) for debit, credit, amount in group]
            after = dict(expected)
            for row in rows:
                after[row.debit_account] -= row.amount_minor
                after[row.credit_account] += row.amount_minor
            try:
                post(*rows)
            except LedgerError:
                pass
            else:
                expected = after
            if index == fold_after:
                operations.fold_deltas()
            balances = queries.balances(accounts)
            assert balances == expected
            assert all(balances[account] >= floor for account, floor in zip(accounts, floors, strict=False))
        assert queries.sum_of_balances() == 0
        assert queries.replay_check().differences == ()
        transaction.set_rollback(True)
