"""Why the ledger refuses. Every refusal is raised before anything is written."""

from __future__ import annotations


class LedgerError(Exception):
    """The family. Nothing was posted."""


class InsufficientFunds(LedgerError):
    """The payer's account would fall below its floor or into an open hold. Nobody's fault: a decline."""

    def __init__(self, *, account_id: int, needed_minor: int, available_minor: int) -> None:
        super().__init__(f"account {account_id} has {available_minor} available, {needed_minor} needed")
        self.account_id = account_id
        self.needed_minor = needed_minor
        self.available_minor = available_minor


class AccountClosed(LedgerError):
    """The caller chose an account that has been closed."""

    def __init__(self, *, account_id: int) -> None:
        super().__init__(f"account {account_id} is closed")
        self.account_id = account_id


class AccountInUse(LedgerError):
    """The caller asked to close an account that still has money, a hold, or no floor."""


class UnknownAccount(LedgerError):
    """The caller named accounts that do not exist or that it did not lock: a bug there."""

    def __init__(self, *, account_ids: list[int]) -> None:
        super().__init__(f"no such accounts among the locked ones: {account_ids[:10]}")
        self.account_ids = account_ids


class BadTransfer(LedgerError):
    """The caller built a transfer that no ledger takes (amount, accounts, time): a bug there."""


class HoldRefused(LedgerError):
    """The caller named a hold that is not open, reused a key for something else, or asked for too much."""


class NotInTransaction(LedgerError):
    """The caller opened no transaction around a lock or a posting: a bug there."""
