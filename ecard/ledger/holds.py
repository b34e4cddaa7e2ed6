"""Holds: money set aside on a floored account until it is captured, released, or lapses."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ecard.ledger.bulk import post_group
from ecard.ledger.errors import AccountClosed, HoldRefused, InsufficientFunds
from ecard.ledger.locks import lock_accounts
from ecard.ledger.models import Hold, HoldState, TransferKind
from ecard.ledger.values import PostedGroup

LAPSE_LIMIT = 500


@transaction.atomic
def place_hold(*, account_id: int, amount_minor: int, key: str, at: datetime, expires_at: datetime) -> Hold:
    """Set `amount_minor` aside under `key`; the same call again gives the same hold.

    Raises InsufficientFunds, AccountClosed, UnknownAccount, or HoldRefused (a busy account, a bad
    amount or expiry, or a key that names another hold).
    """
    if amount_minor <= 0 or expires_at <= at:
        raise HoldRefused("a hold has a positive amount and ends after it begins")
    account = lock_accounts([account_id])[account_id]
    known = Hold.objects.filter(key=key).first()
    if known is not None:
        if (known.account_id, known.amount_minor) != (account_id, amount_minor):
            raise HoldRefused("this key names another hold")
        return known
    if account.floor_minor is None:
        raise HoldRefused("a busy account has no bound to hold against")
    if account.closed_at is not None:
        raise AccountClosed(account_id=account_id)
    if amount_minor > account.available_minor:
        raise InsufficientFunds(
            account_id=account_id, needed_minor=amount_minor, available_minor=account.available_minor
        )
    return Hold.objects.create(
        account_id=account_id, amount_minor=amount_minor, key=key, placed_at=at, expires_at=expires_at
    )


@transaction.atomic
def capture_hold(
    *,
    hold_id: int,
    credit_account: int,
    cause_kind: int,
    cause_id: int,
    at: datetime,
    amount_minor: int | None = None,
    kind: int = TransferKind.HOLD_CAPTURE,
) -> PostedGroup:
    """Take the held money, or less of it, by one transfer that names the hold; the rest is free again.

    Raises HoldRefused where the hold is not open or holds less than `amount_minor`.
    """
    account_id = _account_of(hold_id)
    locked = lock_accounts([account_id, credit_account])
    hold = _open_hold(hold_id)
    taken_minor = hold.amount_minor if amount_minor is None else amount_minor
    if not 0 < taken_minor <= hold.amount_minor:
        raise HoldRefused(f"the hold is for {hold.amount_minor}, not {taken_minor}")
    _end(hold, state=HoldState.CAPTURED, at=at)
    account = locked[account_id]
    locked[account_id] = account._replace(held_minor=account.held_minor - hold.amount_minor)
    row = (account_id, credit_account, taken_minor, kind, cause_kind, cause_id)
    return post_group(rows=[row], locked=locked, at=at, hold_id=hold_id)


@transaction.atomic
def release_hold(*, hold_id: int, at: datetime) -> None:
    """Free the held money. Raises HoldRefused where the hold is not open."""
    lock_accounts([_account_of(hold_id)])
    _end(_open_hold(hold_id), state=HoldState.RELEASED, at=at)


@transaction.atomic
def lapse_holds(*, at: datetime, limit: int = LAPSE_LIMIT) -> int:
    """Release up to `limit` open holds whose time is over; gives how many."""
    due = Hold.objects.filter(state=HoldState.OPEN, expires_at__lte=at).order_by("expires_at")
    chosen = dict(due.values_list("id", "account_id")[:limit])
    lock_accounts(chosen.values())
    return Hold.objects.filter(id__in=chosen, state=HoldState.OPEN).update(state=HoldState.RELEASED, ended_at=at)


def _account_of(hold_id: int) -> int:
    account_id = Hold.objects.filter(id=hold_id).values_list("account_id", flat=True).first()
    if account_id is None:
        raise HoldRefused("no such hold")
    return account_id


def _open_hold(hold_id: int) -> Hold:
    """Read after the account is locked: a hold changes only under its account's lock."""
    hold = Hold.objects.get(id=hold_id)
    if hold.state != HoldState.OPEN:
        raise HoldRefused("the hold is no longer open")
    return hold


def _end(hold: Hold, *, state: HoldState, at: datetime) -> None:
    hold.state, hold.ended_at = state, at
    hold.save(update_fields=["state", "ended_at"])
