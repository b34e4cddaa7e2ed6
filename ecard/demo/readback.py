"""Reading a rush back: what the server received, posted and moved, from its own tables and ledger."""

from __future__ import annotations

from collections.abc import Iterable

from ecard.demo.tally import Found, Key, Posted, Span, Tally, Verdict, judge
from ecard.ledger.models import CauseKind
from ecard.ledger.queries import cause_totals, replay_check, sum_of_balances
from ecard.settlement.models import Sale
from ecard.settlement.queries import recheck
from ecard.settlement.rules import record_id
from ecard.terminals.models import Stream


def marks(terminal_ids: Iterable[int]) -> dict[tuple[int, int], int]:
    """The next sequence of each epoch of the terminals."""
    streams = Stream.objects.filter(terminal_id__in=set(terminal_ids))
    return {(row[0], row[1]): row[2] for row in streams.values_list("terminal_id", "epoch", "next_seq")}


def spans_since(before: dict[tuple[int, int], int], terminal_ids: Iterable[int]) -> tuple[Span, ...]:
    """What has been received of the terminals since `before` was marked, epoch by epoch."""
    now = marks(terminal_ids)
    return tuple(
        Span(terminal, epoch, before.get((terminal, epoch), 1), next_seq - 1)
        for (terminal, epoch), next_seq in sorted(now.items())
        if next_seq > before.get((terminal, epoch), 1)
    )


def read_back(tally: Tally) -> Verdict:
    """The judgement of a rush by what the ledger holds now."""
    return judge(tally, find(tally))


def find(tally: Tally) -> Found:
    """Everything the judgement needs, read from the database."""
    epochs = {(each.terminal, each.epoch) for each in tally.shown} | {
        (each.terminal, each.epoch) for each in tally.spans
    }
    streams = {
        (stream.terminal_id, stream.epoch): stream
        for stream in Stream.objects.filter(epoch__in=[epoch for _terminal, epoch in epochs])
    }
    posted: dict[Key, Posted] = {}
    for span in tally.spans:
        stream = streams.get((span.terminal, span.epoch))
        if stream is not None:
            posted |= _sales(stream, span)
    return Found(
        received_through={key: stream.next_seq - 1 for key, stream in streams.items()},
        posted=posted,
        books_balance=books_balance(),
    )


def books_balance() -> bool:
    """Whether every balance is what its transfers give, and all of them together nothing."""
    after: int | None = 0
    while after is not None:
        report = replay_check(after=after)
        if report.differences:
            return False
        after = report.next_after
    return sum_of_balances() == 0


def _sales(stream: Stream, span: Span) -> dict[Key, Posted]:
    first, last = record_id(stream.pk, span.first_seq), record_id(stream.pk, span.last_seq)
    moved = cause_totals(cause_kind=CauseKind.SALE, first_id=first, last_id=last, limit=span.last_seq)
    posted: dict[Key, Posted] = {}
    for sale in Sale.objects.filter(pk__range=(first, last)).order_by("pk"):
        checked = recheck(sale)
        posted[span.terminal, span.epoch, sale.pk - record_id(stream.pk, 0)] = Posted(
            sale.amount_minor,
            moved.get(sale.pk, (0, 0))[0],
            checked.same,
            checked.recorded.leg_minor("entitlement"),
        )
    return posted
