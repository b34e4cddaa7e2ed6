"""What settlement does to a terminal's people, in one transaction, without settlement."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from ecard.benefits.operations import add_usage
from ecard.cardholders.models import Cardholder
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.operations import house_account, post
from ecard.ledger.values import NewTransfer
from ecard.terminals.models import Stream, Terminal


@transaction.atomic
def load(cardholder: Cardholder, amount_minor: int, *, at: datetime) -> None:
    """Put money into a purse and tell terminals."""
    desk = house_account(kind=AccountKind.CASH_DESK)
    move = NewTransfer(desk, cardholder.purse_id, amount_minor, TransferKind.TOP_UP, CauseKind.TOP_UP, 1)
    post(transfers=[move], at=at)
    record(topic=Topic.CARDHOLDER, refs=[cardholder.account_ref], at=at)


def make_stream(terminal: Terminal, *, epoch: int, received: int = 1_000, at: datetime) -> Stream:
    """A stream that has been received and not posted."""
    return Stream.objects.create(terminal=terminal, epoch=epoch, next_seq=received + 1, created_at=at)


@transaction.atomic
def sell(stream: Stream, cardholder: Cardholder, amount_minor: int, *, at: datetime) -> None:
    """Post the stream's next sale: money, usage, the mark and the change, together."""
    suspense = house_account(kind=AccountKind.SUSPENSE)
    move = NewTransfer(cardholder.purse_id, suspense, amount_minor, TransferKind.SALE_PURSE, CauseKind.SALE, 1)
    post(transfers=[move], at=at)
    add_usage(
        rows=[
            (cardholder.account_ref, timezone.localdate(at), 0, 0, amount_minor, amount_minor, 1, int(at.timestamp()))
        ]
    )
    locked = Stream.objects.select_for_update().get(pk=stream.pk)
    Stream.objects.filter(pk=stream.pk).update(posted_through=locked.posted_through + 1)
    record(topic=Topic.CARDHOLDER, refs=[cardholder.account_ref], at=at)
