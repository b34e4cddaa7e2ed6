"""Rows of people, built set by set: a fixed number of statements for each page of 5,000, never one for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from devices.core.funds import PersonRow
from devices.core.messages import encode_row
from ecard.benefits.queries import lots_of, usage_of
from ecard.cardholders.queries import PAGE_LIMIT, by_account_refs, page_after
from ecard.cardholders.rules import masked_name
from ecard.cardholders.values import CardholderView
from ecard.ledger.queries import funds
from ecard.ledger.values import Funds


def everybody(*, dates: Sequence[date], at: datetime) -> Iterator[tuple[int, bytes]]:
    """Account ref and encoded row of every active cardholder, in order of ref."""
    after = 0
    while views := page_after(after):
        yield from _encoded(views, dates=dates, at=at)
        after = views[-1].account_ref


def some(account_refs: Iterable[int], *, dates: Sequence[date], at: datetime) -> Iterator[tuple[int, bytes | None]]:
    """The same for those given; None for whoever has left."""
    refs = sorted(set(account_refs))
    for start in range(0, len(refs), PAGE_LIMIT):
        page = refs[start : start + PAGE_LIMIT]
        found = by_account_refs(page)
        active = [view for ref in page if (view := found.get(ref)) is not None and view.active]
        rows = dict(_encoded(active, dates=dates, at=at))
        for ref in page:
            yield ref, rows.get(ref)


def gone(account_ref: int) -> bytes:
    """The row by which a delta says that a person has left."""
    return encode_row(PersonRow(account_ref, "", 0, (), 0, 0, 0, 0, gone=True))


def _encoded(views: Sequence[CardholderView], *, dates: Sequence[date], at: datetime) -> Iterator[tuple[int, bytes]]:
    refs = [view.account_ref for view in views]
    money = funds([view.purse_id for view in views])
    lots = lots_of(refs, at=at)
    used = usage_of(refs, dates)
    for view in views:
        ref = view.account_ref
        row = PersonRow(
            account_ref=ref,
            name=masked_name(view.name),
            price_class=view.price_class,
            groups=(view.group_id,),
            per_sale_minor=view.per_sale_limit_minor,
            offline_minor=view.offline_limit_minor,
            max_sales=view.max_offline_sales,
            purse_minor=_spendable_minor(view, money[view.purse_id]),
            lots=lots.get(ref, ()),
            used=used.get(ref, ()),
        )
        yield ref, encode_row(row)


def _spendable_minor(view: CardholderView, purse: Funds) -> int:
    """As in a code: a debt floor bears what could not be foreseen and is not offered; a debt reads as nothing."""
    return min(view.offline_limit_minor, max(0, purse.balance_minor - purse.held_minor))
