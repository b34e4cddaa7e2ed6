"""Holds: money set aside on a floored account until it is captured, released, or lapses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from ecard.ledger.bulk import post_group
from ecard.ledger.errors import AccountClosed, HoldRefused, InsufficientFunds
from ecard.ledger.locks import lock_accounts
from ecard.ledger.models import Hold, HoldState, TransferKind
from ecard.ledger.values import AccountState, PostedGroup

LAPSE_LIMIT = 500


class OpenHold(NamedTuple):
    """Money set aside."""

    id: int
    account_id: int
    amount_minor: int


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


def place_holds(
    *,
    parts: Sequence[tuple[int, int]],
    locked: Mapping[int, AccountState],
    key: str,
    at: datetime,
    expires_at: datetime,
) -> list[int]:
    """Set several (account, amount) aside at once, or nothing; gives the holds' ids.

    `locked` is what `operations.lock_accounts` gave in this transaction; each account is in one part at most. Each
    hold's key is `key` and its account. Raises as `place_hold`.
    """
    for account_id, amount_minor in parts:
        account = locked[account_id]
        if amount_minor <= 0 or expires_at <= at or account.floor_minor is None:
            raise HoldRefused("a hold is of a positive amount, ends after it begins, and is on an account with a floor")
        if account.closed_at is not None:
            raise AccountClosed(account_id=account_id)
        if amount_minor > account.available_minor:
            raise InsufficientFunds(
                account_id=account_id, needed_minor=amount_minor, available_minor=account.available_minor
            )
    made = Hold.objects.bulk_create(
        [
            Hold(
                account_id=account_id,
                amount_minor=amount_minor,
                key=f"{key}.{account_id}",
                placed_at=at,
                expires_at=expires_at,
            )
            for account_id, amount_minor in parts
        ]
    )
    return [hold.pk for hold in made]


def open_holds(hold_ids: Collection[int]) -> list[OpenHold]:
    """Those of them that are open; what they say stands while their accounts are locked."""
    found = Hold.objects.filter(id__in=hold_ids, state=HoldState.OPEN).order_by("id")
    return [OpenHold._make(row) for row in found.values_list("id", "account_id", "amount_minor")]


def end_holds(hold_ids: Collection[int], *, captured: bool = False, at: datetime) -> int:
    """End those of them that are open, their accounts being locked by the caller; gives how many.

    `captured`: `post_group` wrote the transfers that name them.
    """
    if not hold_ids:
        return 0
    state = HoldState.CAPTURED if captured else HoldState.RELEASED
    return Hold.objects.filter(id__in=hold_ids, state=HoldState.OPEN).update(state=state, ended_at=at)


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
