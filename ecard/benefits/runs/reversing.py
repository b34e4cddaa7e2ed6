"""Taking a whole run back: what is unspent returns to its sponsor, what is spent is listed line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import QuerySet

from ecard.benefits.models import Grant, LeftOut, Run, RunKind, RunLine, RunState
from ecard.benefits.runs.making import locked
from ecard.benefits.vouchers import given_on
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.models import CauseKind, TransferKind
from ecard.ledger.operations import lock_accounts, post_group
from ecard.ledger.queries import returned_to
from ecard.ledger.values import AccountState, NewTransfer

_SAY = """
UPDATE benefits_runline AS line SET returned_minor = said.returned, spent_minor = said.spent
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS said (id, returned, spent) WHERE line.id = said.id
"""


class Lot(NamedTuple):
    """What a line gave, where it is now: an account, the grant unless it is a purse, and whoever else has it."""

    account_id: int
    amount_minor: int
    grant_id: int | None
    ended: bool
    given_to_ref: int | None = None


@transaction.atomic
def reverse_run(*, run_id: int, by: AbstractBaseUser, reason: str, at: datetime) -> Run:
    """Take back everything that is still there; a worker does it. Raises WrongState unless it was paid out whole."""
    run = locked(run_id, RunState.POSTED)
    run.state, run.reversing_at, run.reversed_by_id, run.reverse_reason = RunState.REVERSING, at, by.pk, reason
    run.done_upto, run.done_lines = 0, 0
    run.save()
    return run


def take_back(run: Run, *, at: datetime, lines: int) -> bool:
    """Deal with the next lines of a locked run; False when it is through.

    Never more than is there: a purse is emptied at most, never pushed into debt, and what is held stays. A voucher that
    was given away is taken from whoever has it. What was spent, or went over to another period, stands on the line.
    """
    due = list(
        RunLine.objects.filter(run=run, left_out=LeftOut.NO, pk__gt=run.done_upto)
        .order_by("pk")
        .values_list("pk", "cardholder_id", "amount_minor", "cardholder__account_ref", "cardholder__purse_id")[:lines]
    )
    if not due:
        run.state, run.reversed_at = RunState.REVERSED, at
        run.save()
        return False
    lots, accounts = _locked_lots(run, due)
    every = [lot for each in lots.values() for lot in each]
    back = {lot.account_id: _free(lot, accounts[lot.account_id]) for lot in every}
    before = returned_to(run.sponsor_id, [lot.account_id for lot in every if lot.ended])
    _post(run, every, back, accounts, at=at)
    said = []
    for line_id, person, _amount, _ref, _purse in due:
        returned_minor = sum(back[lot.account_id] + before.get(lot.account_id, 0) for lot in lots.get(person, ()))
        whole_minor = sum(lot.amount_minor for lot in lots.get(person, ()))
        said.append((line_id, returned_minor, max(0, whole_minor - returned_minor)))
    with connection.cursor() as cursor:
        cursor.execute(_SAY, [list(column) for column in zip(*said, strict=True)])
    told = {ref for _line, _person, _amount, ref, _purse in due}
    told |= {lot.given_to_ref for lot in every if lot.given_to_ref is not None}
    record(topic=Topic.CARDHOLDER, refs=sorted(told), at=at)
    run.returned_minor += sum(returned for _line, returned, _spent in said)
    run.spent_minor += sum(spent for _line, _returned, spent in said)
    run.done_upto, run.done_lines = due[-1][0], run.done_lines + len(due)
    run.save()
    return True


def _locked_lots(
    run: Run, due: Sequence[tuple[int, int | None, int, int, int]]
) -> tuple[dict[int | None, list[Lot]], dict[int, AccountState]]:
    """What each person of these lines was given, with the accounts locked.

    Until its account is locked a voucher may still be given away, to an account opened after it: then that one too.
    """
    while True:
        lots = _lots(run, due)
        accounts = lock_accounts([run.sponsor_id, *(lot.account_id for each in lots.values() for lot in each)])
        if run.kind != RunKind.VOUCHER or _lots(run, due) == lots:
            return lots, accounts


def _lots(run: Run, due: Sequence[tuple[int, int | None, int, int, int]]) -> dict[int | None, list[Lot]]:
    """What each person of these lines was given."""
    if run.kind == RunKind.CREDIT:
        return {person: [Lot(purse, amount, None, ended=False)] for _line, person, amount, _ref, purse in due}
    found: dict[int | None, list[Lot]] = {}
    grants = Grant.objects.filter(run=run, cardholder_id__in=[person for _line, person, *_rest in due])
    given = _given_away(run, grants.filter(ended_at__isnull=False))
    for person, account, amount, grant_id, ended_at in grants.order_by("pk").values_list(
        "cardholder_id", "account_id", "amount_minor", "pk", "ended_at"
    ):
        own = Lot(account, amount, grant_id, ended=ended_at is not None)
        found.setdefault(person, []).append(given.get(grant_id, own))
    return found


def _given_away(run: Run, ended: QuerySet[Grant]) -> dict[int, Lot]:
    """Grant → the lot that its voucher is in now, of those that somebody gave to somebody else."""
    if run.kind != RunKind.VOUCHER:
        return {}
    return {
        grant_id: Lot(
            account_id=last.account_id,
            amount_minor=last.amount_minor,
            grant_id=last.pk,
            ended=last.ended_at is not None,
            given_to_ref=last.cardholder.account_ref,
        )
        for grant_id, last in given_on(ended).items()
    }


def _free(lot: Lot, account: AccountState) -> int:
    """What may be taken: no more than was given, and nothing that is held or not there."""
    if lot.ended or account.closed_at is not None:
        return 0
    return max(0, min(lot.amount_minor, account.balance_minor - account.held_minor))


def _post(
    run: Run, lots: Sequence[Lot], back: Mapping[int, int], accounts: Mapping[int, AccountState], *, at: datetime
) -> None:
    rows = [
        NewTransfer(
            lot.account_id,
            run.sponsor_id,
            back[lot.account_id],
            TransferKind.TAKEN_BACK,
            CauseKind.RUN if lot.grant_id is None else CauseKind.GRANT,
            lot.grant_id or run.pk,
        )
        for lot in lots
        if back[lot.account_id]
    ]
    if rows:
        post_group(rows=rows, locked=accounts, at=at)
    # A lot with something held, or with a rest that went over into it, lives on until it expires.
    empty = [
        lot.grant_id
        for lot in lots
        if lot.grant_id is not None and not lot.ended and accounts[lot.account_id].balance_minor == back[lot.account_id]
    ]
    Grant.objects.filter(pk__in=empty).update(ended_at=at)
