"""Taking money into purses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from ecard.cardholders.models import Cardholder
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.operations import house_account, lock_accounts, post_group
from ecard.ledger.values import NewTransfer
from ecard.payments.errors import KeyReused
from ecard.payments.models import KEY_LENGTH_MAX, Tender, TopUp
from ecard.payments.rules import check
from ecard.payments.values import NewTopUp

TOP_UPS_LIMIT = 10_000


def top_up(
    *,
    cardholder: Cardholder,
    amount_minor: int,
    tender: Tender = Tender.CASH,
    by: AbstractBaseUser | None,
    at: datetime,
    key: str,
) -> TopUp:
    """Put money into one purse; the same key again gives the same top-up and moves nothing.

    Raises AmountRefused, PurseFull, PurseClosed, or KeyReused where the key names another top-up.
    """
    return top_ups(new=[NewTopUp(cardholder, amount_minor, key)], tender=tender, by=by, at=at)[0]


@transaction.atomic
def top_ups(
    *, new: Sequence[NewTopUp], tender: Tender = Tender.CASH, by: AbstractBaseUser | None, at: datetime
) -> list[TopUp]:
    """Many at once in one posting group, all or none, in the order given; each person comes once."""
    distinct = {each.key for each in new}, {each.cardholder.pk for each in new}
    if len(new) > TOP_UPS_LIMIT or any(len(each) != len(new) for each in distinct):
        raise ValueError(f"at most {TOP_UPS_LIMIT} top-ups at once, each with a key and a person of its own")
    for each in new:
        if not 0 < len(each.key) <= KEY_LENGTH_MAX:
            raise ValueError(f"a key has 1 to {KEY_LENGTH_MAX} characters")
    desk = house_account(kind=AccountKind.CASH_DESK)
    # The purses' locks come first: of two requests with one key, the second waits here and then finds the first's row.
    locked = lock_accounts([desk, *(each.cardholder.purse_id for each in new)])
    known = {row.key: row for row in TopUp.objects.filter(key__in=[each.key for each in new])}
    fresh = [each for each in new if not _is_repeat(each, known.get(each.key), tender)]
    states = dict(Cardholder.objects.filter(pk__in=[each.cardholder.pk for each in fresh]).values_list("pk", "state"))
    for each in fresh:
        balance_minor = locked[each.cardholder.purse_id].balance_minor
        check(amount_minor=each.amount_minor, balance_minor=balance_minor, state=states[each.cardholder.pk])
    made = TopUp.objects.bulk_create(
        TopUp(
            cardholder=each.cardholder,
            amount_minor=each.amount_minor,
            tender=tender,
            key=each.key,
            made_at=at,
            made_by_id=by.pk if by else None,
        )
        for each in fresh
    )
    if made:
        post_group(rows=[_transfer(row, desk=desk) for row in made], locked=locked, at=at)
        record(topic=Topic.CARDHOLDER, refs=[each.cardholder.account_ref for each in fresh], at=at)
    known.update((row.key, row) for row in made)
    return [known[each.key] for each in new]


def _is_repeat(new: NewTopUp, known: TopUp | None, tender: Tender) -> bool:
    if known is None:
        return False
    if (known.cardholder_id, known.amount_minor, known.tender) != (new.cardholder.pk, new.amount_minor, tender):
        raise KeyReused
    return True


def _transfer(row: TopUp, *, desk: int) -> NewTransfer:
    return NewTransfer(
        debit_account=desk,
        credit_account=row.cardholder.purse_id,
        amount_minor=row.amount_minor,
        kind=TransferKind.TOP_UP,
        cause_kind=CauseKind.TOP_UP,
        cause_id=row.pk,
    )
