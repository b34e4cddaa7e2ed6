"""What stands when the code above is wrong or the administrator is bad: the database's own refusals and audits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from ecard.embedded import DatabaseAddresses
from ecard.ledger import operations, queries
from ecard.ledger.errors import AccountClosed, InsufficientFunds, NotInTransaction
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.values import BalanceDifference, NewTransfer
from tests.support.database import OtherThread

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
Second = Callable[[Callable[[], Any]], OtherThread[Any]]
EDITS = [
    "UPDATE ledger_transfer SET amount_minor = 1",
    "DELETE FROM ledger_transfer",
    "TRUNCATE ledger_transfer",
    "DELETE FROM ledger_account",
]


def move(debit: int, credit: int, amount_minor: int) -> NewTransfer:
    return NewTransfer(debit, credit, amount_minor, TransferKind.SALE_PURSE, CauseKind.SALE, 1)


def filled_purse(amount_minor: int) -> int:
    purse = operations.open_account(kind=AccountKind.PURSE, label="purse", floor_minor=0)
    desk = operations.house_account(kind=AccountKind.CASH_DESK)
    operations.post(transfers=[move(desk, purse, amount_minor)], at=AT)
    return purse


def shop() -> int:
    return operations.open_account(kind=AccountKind.MERCHANT, label="shop", floor_minor=None)


@pytest.mark.parametrize("statement", EDITS)
def test_a_bad_administrator_with_the_servers_own_role_cannot_edit_the_ledger(
    committed_db: None, app_connection: psycopg.Connection[Any], statement: str
) -> None:
    filled_purse(500)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        app_connection.execute(statement.encode())


@pytest.mark.parametrize("statement", EDITS)
def test_even_the_owner_is_refused_by_the_triggers(
    committed_db: None, owner_connection: psycopg.Connection[Any], statement: str
) -> None:
    filled_purse(500)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="corrected by adding"):
        owner_connection.execute(statement.encode())


def test_the_replay_check_finds_a_transfer_that_moved_no_balance(
    committed_db: None, owner_connection: psycopg.Connection[Any]
) -> None:
    purse, other = filled_purse(500), filled_purse(100)
    assert queries.replay_check().differences == ()
    owner_connection.execute(
        "INSERT INTO ledger_transfer (debit_account_id, credit_account_id, amount_minor, kind, cause_kind, cause_id,"
        " posting_group, posted_at) VALUES (%s, %s, 7, 1, 1, 1, 1, now())",
        (purse, other),
    )
    owner_connection.commit()
    assert queries.replay_check().differences == (
        BalanceDifference(account_id=purse, balance_minor=500, replayed_minor=493),
        BalanceDifference(account_id=other, balance_minor=100, replayed_minor=107),
    )


def test_the_replay_check_finds_a_balance_that_no_transfer_explains(
    committed_db: None, owner_connection: psycopg.Connection[Any]
) -> None:
    purse = filled_purse(500)
    owner_connection.execute("UPDATE ledger_account SET balance_minor = 9999 WHERE id = %s", (purse,))
    owner_connection.commit()
    assert [one.account_id for one in queries.replay_check().differences] == [purse]
    assert queries.sum_of_balances() == 9_499


@pytest.mark.django_db
def test_the_replay_check_pages_over_every_account() -> None:
    accounts = {filled_purse(10) for _ in range(5)} | {operations.house_account(kind=AccountKind.CASH_DESK)}
    checked, after = 0, 0
    while True:
        report = queries.replay_check(after=after, limit=2)
        checked += report.checked
        if report.next_after is None:
            break
        after = report.next_after
    assert checked == len(accounts)


def test_the_reference_audit_finds_a_transfer_to_nowhere(
    committed_db: None, owner_connection: psycopg.Connection[Any]
) -> None:
    purse = filled_purse(500)
    assert queries.reference_check().dangling == ()
    owner_connection.execute(
        "INSERT INTO ledger_transfer (debit_account_id, credit_account_id, amount_minor, kind, cause_kind, cause_id,"
        " posting_group, posted_at) VALUES (%s, 987654, 7, 1, 1, 1, 1, now())",
        (purse,),
    )
    owner_connection.commit()
    (found,) = queries.reference_check().dangling
    assert (found.debit_account_id, found.credit_account_id) == (purse, 987_654)


def test_two_connections_cannot_spend_the_same_money(second_connection: Second) -> None:
    purse, payee = filled_purse(100), shop()
    locked, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            held = operations.lock_accounts([purse, payee])
            locked.set()
            assert go_on.wait(20)
            operations.post_group(rows=[move(purse, payee, 80)], locked=held, at=AT)

    one = second_connection(first)
    assert locked.wait(20)
    two = second_connection(lambda: operations.post(transfers=[move(purse, payee, 80)], at=AT))
    _wait_until_someone_waits_for_a_lock()
    assert two.is_running
    go_on.set()
    one.wait()
    with pytest.raises(InsufficientFunds) as refusal:
        two.wait()
    assert refusal.value.available_minor == 20
    assert queries.balances([purse, payee]) == {purse: 20, payee: 80}


def test_posting_crosswise_from_two_connections_does_not_deadlock(second_connection: Second) -> None:
    accounts = [filled_purse(10_000) for _ in range(6)]

    def post_many(order: list[int]) -> None:
        for step in range(40):
            debit, credit = order[step % 6], order[(step + 1) % 6]
            operations.post(transfers=[move(debit, credit, 5), move(order[(step + 2) % 6], order[step % 6], 3)], at=AT)

    workers = [second_connection(lambda: post_many(accounts)), second_connection(lambda: post_many(accounts[::-1]))]
    for worker in workers:
        worker.wait()
    assert queries.sum_of_balances() == 0
    assert queries.replay_check().differences == ()


def test_a_group_that_locks_late_takes_its_rows_back_when_the_money_has_gone(second_connection: Second) -> None:
    purse, payee = filled_purse(100), shop()
    with transaction.atomic():
        assert operations.read_accounts([purse])[purse].available_minor == 100
        second_connection(lambda: operations.post(transfers=[move(purse, payee, 60)], at=AT)).wait()
        with pytest.raises(InsufficientFunds):
            operations.post_group_locking_late(rows=[move(purse, payee, 80)], at=AT)
        operations.post_group_locking_late(rows=[move(purse, payee, 40)], at=AT)
    assert queries.balances([purse, payee]) == {purse: 0, payee: 100}
    assert queries.replay_check().differences == ()


@pytest.mark.parametrize("meanwhile", ["held", "closed"])
def test_a_group_that_locks_late_respects_what_happened_meanwhile(second_connection: Second, meanwhile: str) -> None:
    purse, payee = filled_purse(100), shop()
    if meanwhile == "closed":
        operations.post(transfers=[move(purse, payee, 100)], at=AT)
    later = AT + timedelta(minutes=5)

    def work() -> None:
        if meanwhile == "held":
            operations.place_hold(account_id=purse, amount_minor=30, key="k", at=AT, expires_at=later)
        else:
            operations.close_account(account_id=purse, at=AT)

    with transaction.atomic():
        accounts = operations.read_accounts([purse, payee])
        second_connection(work).wait()
        debit, credit = (purse, payee) if meanwhile == "held" else (payee, purse)
        with pytest.raises(InsufficientFunds if meanwhile == "held" else AccountClosed):
            operations.post_group_locking_late(rows=[move(debit, credit, 80)], at=AT, accounts=accounts)
    assert queries.replay_check().differences == ()


def test_folding_while_another_connection_posts_loses_nothing(second_connection: Second) -> None:
    purse, payee = filled_purse(1_000), shop()
    written, go_on = threading.Event(), threading.Event()

    def post_slowly() -> None:
        with transaction.atomic():
            operations.post(transfers=[move(purse, payee, 30)], at=AT)
            written.set()
            assert go_on.wait(20)

    operations.post(transfers=[move(purse, payee, 10)], at=AT)
    other = second_connection(post_slowly)
    assert written.wait(20)
    operations.fold_deltas()
    assert queries.balance_of(payee) == 10
    go_on.set()
    other.wait()
    assert queries.balance_of(payee) == 40
    operations.fold_deltas()
    assert queries.balance_of(payee) == 40
    assert queries.replay_check().differences == ()


def test_two_purses_of_one_merchant_are_posted_side_by_side(second_connection: Second) -> None:
    first, second, payee = filled_purse(100), filled_purse(100), shop()
    with transaction.atomic():
        operations.post(transfers=[move(first, payee, 10)], at=AT)
        second_connection(lambda: operations.post(transfers=[move(second, payee, 20)], at=AT)).wait()
    assert queries.balance_of(payee) == 30


def test_locking_or_posting_outside_a_transaction_is_refused(committed_db: None) -> None:
    purse, payee = filled_purse(100), shop()
    with pytest.raises(NotInTransaction):
        operations.lock_accounts([purse])
    with transaction.atomic():
        locked = operations.lock_accounts([purse, payee])
    with pytest.raises(NotInTransaction):
        operations.post_group(rows=[move(purse, payee, 1)], locked=locked, at=AT)


def _wait_until_someone_waits_for_a_lock() -> None:
    for _ in range(2_000):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_sleep(0.005), count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[1]:
                return
    raise AssertionError("nobody waits for a lock")


def test_the_runtime_role_is_the_one_the_tests_run_as(
    committed_db: None, database_addresses: DatabaseAddresses
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    assert f"//{role}:" in database_addresses.app_url
