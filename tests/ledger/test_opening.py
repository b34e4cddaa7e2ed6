"""Accounts opened together with the transfers that fund them."""

from __future__ import annotations

from datetime import datetime

import pytest

from ecard.ledger.errors import AccountClosed, BadTransfer, LedgerError, UnknownAccount
from ecard.ledger.models import Account, AccountKind, CauseKind, Transfer, TransferKind
from ecard.ledger.opening import open_funded
from ecard.ledger.operations import open_account
from ecard.ledger.queries import balance_of, replay_check, sum_of_balances
from ecard.ledger.values import FundedAccount, OpenedAccounts
from tests.support.campus import NOON

pytestmark = pytest.mark.django_db


def sponsor() -> int:
    return open_account(kind=AccountKind.SPONSOR, label="sponsor", floor_minor=None)


def fund(source_id: int, *accounts: FundedAccount, at: datetime = NOON) -> OpenedAccounts:
    return open_funded(
        kind=AccountKind.GRANT,
        source_id=source_id,
        accounts=accounts,
        transfer_kind=TransferKind.GRANT_ISSUE,
        cause_kind=CauseKind.GRANT,
        at=at,
    )


def test_accounts_open_with_their_money_and_a_transfer_each() -> None:
    source = sponsor()
    opened = fund(source, FundedAccount("grant 张三\t\\", 5_00, 71), FundedAccount("grant b", 7_00, 72))
    assert [balance_of(each) for each in opened.ids] == [5_00, 7_00]
    assert balance_of(source) == -12_00
    assert sum_of_balances() == 0
    assert replay_check().differences == ()
    first = Account.objects.get(pk=opened.ids[0])
    assert (first.label, first.floor_minor, first.kind) == ("grant 张三\t\\", 0, AccountKind.GRANT)
    moved = Transfer.objects.order_by("id").values_list("credit_account_id", "amount_minor", "cause_id")
    assert list(moved) == [(opened.ids[0], 5_00, 71), (opened.ids[1], 7_00, 72)]


def test_an_account_opened_later_gets_a_number_of_its_own() -> None:
    source = sponsor()
    opened = fund(source, FundedAccount("a", 1, 1))
    assert open_account(kind=AccountKind.GRANT, label="b", floor_minor=0) > max(opened.ids)


@pytest.mark.parametrize(
    "account", [FundedAccount("a", 0, 1), FundedAccount("a", -1, 1), FundedAccount("x" * 81, 1, 1)]
)
def test_an_account_without_money_or_with_a_label_too_long_is_refused(account: FundedAccount) -> None:
    with pytest.raises(BadTransfer):
        fund(sponsor(), account)
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(("closed", "error"), [(True, AccountClosed), (False, UnknownAccount)])
def test_money_comes_out_of_an_open_account_without_a_floor(closed: bool, error: type[LedgerError]) -> None:
    source = sponsor() if closed else open_account(kind=AccountKind.PURSE, label="purse", floor_minor=0)
    if closed:
        Account.objects.filter(pk=source).update(closed_at=NOON)
    with pytest.raises(error):
        fund(source, FundedAccount("a", 1, 1))


def test_nothing_to_open_and_a_time_without_a_zone_are_refused() -> None:
    with pytest.raises(BadTransfer):
        fund(sponsor())
    with pytest.raises(BadTransfer):
        fund(sponsor(), FundedAccount("a", 1, 1), at=NOON.replace(tzinfo=None))
