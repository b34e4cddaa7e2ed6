"""Giving a voucher to somebody else."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from devices.core.funds import MAX_LOTS
from ecard.benefits.errors import NoSuchRecipient, NotTransferable, NotYours, RecipientHasEnough, VoucherGone
from ecard.benefits.models import PERIOD_KEY_LENGTH_MAX, Grant, ProgrammeKind, Run
from ecard.cardholders.models import Cardholder, CardholderState
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.operations import lock_accounts, open_account, post
from ecard.ledger.values import NewTransfer

HELD_MOST = MAX_LOTS - 8
"""A terminal looks at MAX_LOTS lots of a person: what others give must not crowd out a person's own."""
_GIVEN = "~"
"""In a period's key, before the number of the grant that was given away: so it is unlike any other."""


@transaction.atomic
def transfer_voucher(*, grant_id: int, to: str, by: int, at: datetime) -> Grant:
    """Give a whole unspent voucher of cardholder `by` to the one whose number is `to`, who gets a grant of their own.

    Its place, time and end stay. The one given away ends, so that its programme is not issued to the giver again.
    A sale offline that took it before is paid by its sponsor, as for any voucher spent twice. Raises CannotGive.
    """
    found = Grant.objects.filter(pk=grant_id, cardholder_id=by).values_list("account_id", flat=True).first()
    if found is None:
        raise NotYours
    account = lock_accounts([found])[found]  # before the grant, as posting does
    grant = Grant.objects.select_for_update(of=("self",)).select_related("programme", "cardholder").get(pk=grant_id)
    if grant.ended_at is not None and Grant.objects.filter(period_key=_key(grant), programme=grant.programme).exists():
        raise NotYours
    if grant.programme.kind != ProgrammeKind.VOUCHER or not grant.programme.transferable:
        raise NotTransferable
    untouched = account.balance_minor == grant.amount_minor and not account.held_minor
    if grant.ended_at is not None or grant.expires_at <= at or not untouched:
        raise VoucherGone
    giver, recipient = grant.cardholder, _recipient(to, giver=by)
    if giver.state != CardholderState.ACTIVE:
        raise NotYours
    running = Grant.objects.filter(cardholder=recipient, ended_at__isnull=True, expires_at__gt=at)
    if running.count() >= HELD_MOST:
        raise RecipientHasEnough
    given = Grant.objects.create(
        programme=grant.programme,
        cardholder=recipient,
        account_id=open_account(
            kind=AccountKind.GRANT, label=f"grant {grant.programme_id} {recipient.number}", floor_minor=0
        ),
        period_key=_key(grant),
        amount_minor=grant.amount_minor,
        issued_at=at,
        expires_at=grant.expires_at,
        origin_id=grant.origin_id or grant.pk,
    )
    moved = NewTransfer(
        debit_account=grant.account_id,
        credit_account=given.account_id,
        amount_minor=grant.amount_minor,
        kind=TransferKind.VOUCHER_GIVEN,
        cause_kind=CauseKind.GRANT,
        cause_id=given.pk,
    )
    post(transfers=[moved], at=at)
    grant.ended_at = at
    grant.save(update_fields=["ended_at"])
    record(topic=Topic.CARDHOLDER, refs=sorted((giver.account_ref, recipient.account_ref)), at=at)
    return given


def given_on(issued: QuerySet[Grant]) -> dict[int, Grant]:
    """Grant that was issued → the one of whoever got its voucher last, for those that were given away."""
    hands = Grant.objects.filter(origin__in=issued.values("pk")).select_related("cardholder").order_by("pk")
    return {given.origin_id: given for given in hands if given.origin_id is not None}


def run_of(grant: Grant) -> Run | None:
    """The run that paid a voucher out, through however many hands it went since."""
    return Run.objects.select_related("sponsor").filter(grants=grant.origin_id or grant.pk).first()


def _recipient(number: str, *, giver: int) -> Cardholder:
    active = Cardholder.objects.select_for_update(no_key=True).filter(state=CardholderState.ACTIVE)
    found = active.filter(number=number.strip()).exclude(pk=giver).first()
    if found is None:
        raise NoSuchRecipient
    return found


def _key(grant: Grant) -> str:
    mark = f"{_GIVEN}{grant.pk}"
    return grant.period_key.partition(_GIVEN)[0][: PERIOD_KEY_LENGTH_MAX - len(mark)] + mark
