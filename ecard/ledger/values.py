"""The values the ledger takes and gives. Amounts are minor units; ids are `Account` ids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

TransferRow: TypeAlias = tuple[int, int, int, int, int, int]
"""(debit account, credit account, amount, transfer kind, cause kind, cause id): the hot path's form."""


class NewTransfer(NamedTuple):
    """A transfer to be posted. It is a `TransferRow`, so both paths take it."""

    debit_account: int
    credit_account: int
    amount_minor: int
    kind: int
    cause_kind: int
    cause_id: int


class AccountState(NamedTuple):
    """An account as `locks.lock_accounts` or `read_accounts` found it.

    From `lock_accounts`, a floored account stays so until the transaction ends; a busy one
    (`floor_minor` None) is never locked, and its `balance_minor` is only the folded part.
    """

    account_id: int
    kind: int
    balance_minor: int
    floor_minor: int | None
    closed_at: datetime | None
    held_minor: int = 0

    @property
    def available_minor(self) -> int:
        """What may be debited: balance - open holds - floor. Raises TypeError for a busy account."""
        if self.floor_minor is None:
            raise TypeError("a busy account has no floor, so nothing bounds what is available")
        return self.balance_minor - self.held_minor - self.floor_minor


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be opened; `floor_minor` None makes it a busy one."""

    kind: int
    label: str
    floor_minor: int | None


class FundedAccount(NamedTuple):
    """An account to be opened with an amount in it, and the number of what causes that."""

    label: str
    amount_minor: int
    cause_id: int


@dataclass(frozen=True, slots=True)
class OpenedAccounts:
    """Accounts opened and funded by one posting, in the order asked for."""

    ids: tuple[int, ...]
    posting_group: int


@dataclass(frozen=True, slots=True)
class PostedGroup:
    """What one posting wrote."""

    posting_group: int
    transfers: int


@dataclass(frozen=True, slots=True)
class Funds:
    """An account's money at one moment; `available_minor` is None for a busy account."""

    balance_minor: int
    held_minor: int
    available_minor: int | None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transfer seen from one account: `amount_minor` is negative where the account was debited."""

    transfer_id: int
    other_account_id: int
    amount_minor: int
    kind: int
    cause_kind: int
    cause_id: int
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class CauseTransfer:
    """One transfer as its cause sees it."""

    transfer_id: int
    debit_account_id: int
    credit_account_id: int
    amount_minor: int
    kind: int


@dataclass(frozen=True, slots=True)
class BalanceDifference:
    """An account whose balance is not what its transfers give."""

    account_id: int
    balance_minor: int
    replayed_minor: int


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """One page of the replay check; `next_after` is None on the last page."""

    checked: int
    differences: tuple[BalanceDifference, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class DanglingTransfer:
    """A transfer that names an account or a hold that is not there."""

    transfer_id: int
    debit_account_id: int
    credit_account_id: int
    hold_id: int | None


@dataclass(frozen=True, slots=True)
class ReferenceReport:
    """One page of the reference audit; `next_after` is None on the last page."""

    checked: int
    dangling: tuple[DanglingTransfer, ...]
    next_after: int | None
