"""Reading sales: a person's, one with its reasons, and whole streams read back from the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection
from django.db.models import Q

from devices.core.evaluate import evaluate
from devices.core.journal import RecordError, SaleRecord, decode_record
from devices.core.messages import MessageError, stored_lines
from devices.core.policy import Policy
from devices.core.sentences import quote_sentences
from ecard.benefits.errors import UnknownPolicy
from ecard.benefits.queries import policy_by_number
from ecard.ledger.models import CauseKind
from ecard.ledger.queries import cause_totals
from ecard.merchants.queries import products_called
from ecard.settlement.models import Batch, ExceptionKind, Sale, SaleException
from ecard.settlement.rules import record_ids_of
from ecard.settlement.values import Bought, Recheck, SaleView, StreamAudit, UploadCounts
from ecard.terminals.models import Stream

SALES_LIMIT = 100
STREAMS_LIMIT = 1_000
STREAMS_SEARCHED = 100
SALES_PER_PAGE = 50_000

# What posting made of a stream's records, counted by the keys that only this stream's records can have. The first
# record of a stream opens the epoch and becomes nothing else.
_COUNTS = """
SELECT stream.id, stream.terminal_id, stream.epoch, stream.next_seq - 1, stream.posted_through, stream.forked,
       (SELECT count(*) FROM settlement_sale WHERE id BETWEEN keys.first AND keys.last),
       (SELECT count(*) FROM settlement_salereversal WHERE id BETWEEN keys.first AND keys.last),
       (SELECT count(*) FROM settlement_saleexception
        WHERE kind = ANY(%s::smallint[]) AND record_id BETWEEN keys.first AND keys.last),
       (SELECT count(*) FROM settlement_passage WHERE id BETWEEN keys.first AND keys.last),
       (SELECT count(*) FROM settlement_terminalnote WHERE id BETWEEN keys.first AND keys.last)
FROM terminals_stream AS stream,
     LATERAL (SELECT (stream.id::bigint << 24) + 2, (stream.id::bigint << 24) + 16777215) AS keys (first, last)
WHERE stream.id > %s ORDER BY stream.id LIMIT %s
"""
_SET_ASIDE = (
    ExceptionKind.RECORD_UNREADABLE,
    ExceptionKind.RECORD_INCONSISTENT,
    ExceptionKind.REVERSAL_UNKNOWN,
    ExceptionKind.REVERSAL_AGAIN,
)


class SaleUnreadable(LookupError):
    """The batch that carried this sale is not there, or does not hold it: the database was damaged."""


def sales_of(account_ref: int, *, before: tuple[datetime, int] | None = None, limit: int = 20) -> list[SaleView]:
    """A person's sales, newest first; page on with the last one's (taken_at, id). At most SALES_LIMIT."""
    sales = Sale.objects.filter(account_ref=account_ref)
    if before is not None:
        taken_at, sale_id = before
        sales = sales.filter(Q(taken_at__lt=taken_at) | Q(taken_at=taken_at, id__lt=sale_id), taken_at__lte=taken_at)
    found = sales.select_related("outlet", "reversal").order_by("-taken_at", "-id")
    return [_view(sale) for sale in found[: max(1, min(limit, SALES_LIMIT))]]


def sale_view(sale_id: int, *, account_ref: int) -> SaleView | None:
    """One sale of this person, or None where it is not theirs."""
    found = Sale.objects.filter(pk=sale_id, account_ref=account_ref).select_related("outlet", "reversal").first()
    return None if found is None else _view(found)


def record_of(sale: Sale) -> SaleRecord:
    """The terminal's own record of a sale. Raises SaleUnreadable."""
    return records_of([sale])[sale.pk]


def explain(sale: Sale, *, language: str) -> list[str]:
    """Why it cost what it did, step by step as the terminal decided. Raises SaleUnreadable."""
    record = record_of(sale)
    called = products_called(line.product for line in record.basket)
    return quote_sentences(record.quote, policy=_policy(record.quote.policy), language=language, catalogue=called)


def explain_many(sale_ids: Collection[int], *, language: str) -> dict[int, list[str]]:
    """`explain` for a page of sales, with one query for their batches and one a policy. The caller bounds them."""
    records = records_of(list(Sale.objects.filter(pk__in=sale_ids)))
    policies = policies_of(records.values())
    called = products_called(line.product for record in records.values() for line in record.basket)
    return {
        sale_id: quote_sentences(
            record.quote, policy=policies.get(record.quote.policy), language=language, catalogue=called
        )
        for sale_id, record in records.items()
    }


def bought(sale_id: int) -> list[Bought]:
    """The lines of a sale's basket as they were sold, typed amounts included. Raises SaleUnreadable."""
    record = records_of(list(Sale.objects.filter(pk=sale_id))).get(sale_id)
    if record is None:
        raise SaleUnreadable(f"there is no sale {sale_id}")
    called = {each.id: each.name for each in products_called(line.product for line in record.basket).products}
    return [Bought(called.get(line.product), line.quantity, line.unit_minor) for line in record.basket]


def recheck(sale: Sale) -> Recheck:
    """Evaluate a sale again from all that its record kept. Raises SaleUnreadable, UnknownPolicy."""
    record = record_of(sale)
    return _again(sale.pk, record, policy_by_number(record.quote.policy))


def recheck_many(sales: Collection[Sale]) -> dict[int, Recheck]:
    """`recheck` for a page of sales, with one query for their batches and one a policy. The caller bounds them.

    A sale of which the record or the policy is not there is left out.
    """
    records = readable_records(sales)
    policies = policies_of(records.values())
    return {
        sale_id: _again(sale_id, record, policies[record.quote.policy])
        for sale_id, record in records.items()
        if record.quote.policy in policies
    }


def exceptions_of(record_ids: Iterable[int]) -> list[SaleException]:
    """What finance was told about these records, oldest first."""
    return list(SaleException.objects.filter(record_id__in=list(record_ids)).order_by("id"))


def sale_ids_of_terminals(terminal_ids: Collection[int]) -> list[tuple[int, int]]:
    """The ranges in which the sales of these terminals have their ids, one for each stream, newest first."""
    streams = Stream.objects.filter(terminal_id__in=terminal_ids).order_by("-id").values_list("pk", flat=True)
    return [record_ids_of(stream_id) for stream_id in streams[:STREAMS_SEARCHED]]


def audit_streams(*, after: int = 0, limit: int = STREAMS_LIMIT) -> list[StreamAudit]:
    """Each stream read back from the ledger, in order of id; page on with the last one's id."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [[int(kind) for kind in _SET_ASIDE], after, min(limit, STREAMS_LIMIT)])
        rows = cursor.fetchall()
    return [
        StreamAudit(
            stream_id=stream_id,
            terminal_id=terminal_id,
            epoch=epoch,
            received_through=received,
            posted_through=posted,
            sales=sales,
            reversals=reversals,
            set_aside=set_aside,
            reported=passages + notes,
            lost=posted - (min(posted, 1) + sales + reversals + set_aside + passages + notes),
            twice=_wrongly_moved(stream_id),
            forked=forked,
        )
        for (
            stream_id,
            terminal_id,
            epoch,
            received,
            posted,
            forked,
            sales,
            reversals,
            set_aside,
            passages,
            notes,
        ) in rows
    ]


def upload_counts() -> UploadCounts:
    """All streams together, read back from the ledger."""
    audits: list[StreamAudit] = []
    while page := audit_streams(after=audits[-1].stream_id if audits else 0):
        audits += page
    return UploadCounts(
        records_received=sum(each.received_through for each in audits),
        records_posted=sum(each.posted_through for each in audits),
        sales=sum(each.sales for each in audits),
        reversals=sum(each.reversals for each in audits),
        set_aside=sum(each.set_aside for each in audits),
        reported=sum(each.reported for each in audits),
        lost=sum(each.lost for each in audits),
        twice=sum(each.twice for each in audits),
    )


def _wrongly_moved(stream_id: int) -> int:
    """How many of a stream's sales moved anything but their amount, or moved it back in part or more than once."""
    first, last = record_ids_of(stream_id)
    wrong = 0
    while True:
        page = dict(
            Sale.objects.filter(pk__range=(first, last))
            .order_by("pk")
            .values_list("pk", "amount_minor")[:SALES_PER_PAGE]
        )
        if not page:
            return wrong
        top = max(page)
        totals = cause_totals(cause_kind=CauseKind.SALE, first_id=first, last_id=top, limit=SALES_PER_PAGE)
        for sale_id, amount_minor in page.items():
            moved_minor, back_minor = totals.pop(sale_id, (0, 0))
            wrong += moved_minor != amount_minor or back_minor not in (0, amount_minor)
        wrong += len(totals)
        first = top + 1


def policies_of(records: Iterable[SaleRecord]) -> dict[int, Policy]:
    """The policies by which these were priced, by number; one that was never published is left out."""
    found = {number: _policy(number) for number in {record.quote.policy for record in records}}
    return {number: policy for number, policy in found.items() if policy is not None}


def _policy(number: int) -> Policy | None:
    try:
        return policy_by_number(number)
    except UnknownPolicy:
        return None


def records_of(sales: Collection[Sale]) -> dict[int, SaleRecord]:
    """The terminals' own records of some sales, by sale. Raises SaleUnreadable; the caller bounds them."""
    found = readable_records(sales)
    for sale in sales:
        if sale.pk not in found:
            raise SaleUnreadable(f"place {sale.position} of batch {sale.batch_id} does not hold sale {sale.pk}")
    return found


def readable_records(sales: Collection[Sale]) -> dict[int, SaleRecord]:
    """`records_of` without those that cannot be read; each batch is unpacked once."""
    raws = dict(Batch.objects.filter(pk__in={sale.batch_id for sale in sales}).values_list("pk", "raw"))
    lines = {batch_id: _lines(bytes(raw)) for batch_id, raw in raws.items()}
    found: dict[int, SaleRecord] = {}
    for sale in sales:
        held = lines.get(sale.batch_id, [])
        if sale.position >= len(held):
            continue
        try:
            record = decode_record(held[sale.position])
        except RecordError:
            continue
        if isinstance(record, SaleRecord):
            found[sale.pk] = record
    return found


def _again(sale_id: int, record: SaleRecord, policy: Policy) -> Recheck:
    again = evaluate(policy=policy, person=record.person, tap=record.tap, basket=record.basket)
    return Recheck(sale_id=sale_id, recorded=record.quote, again=again)


def _lines(raw: bytes) -> list[bytes]:
    try:
        return stored_lines(raw)
    except MessageError:
        return []


def _view(sale: Sale) -> SaleView:
    reversal = getattr(sale, "reversal", None)
    return SaleView(
        id=sale.pk,
        account_ref=sale.account_ref,
        taken_at=sale.taken_at,
        business_date=sale.business_date,
        outlet_id=sale.outlet_id,
        outlet_name=sale.outlet.name,
        outlet_name_en=sale.outlet.name_en,
        terminal_id=sale.terminal_id,
        amount_minor=sale.amount_minor,
        purse_minor=sale.purse_minor,
        benefit_minor=sale.grant_minor + sale.sponsor_minor,
        loss_minor=sale.loss_minor,
        suspense_minor=sale.suspense_minor,
        policy=sale.policy,
        reversed_at=reversal.taken_at if reversal is not None else None,
    )
