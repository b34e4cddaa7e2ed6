"""Rows of people, built set by set: a fixed number of statements for each page of 5,000, never one for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from devices.core.funds import PersonRow
from devices.core.messages import encode_row
from ecard.benefits.counting import Needed, Usage
from ecard.benefits.queries import guards_of, lots_of, needed, needed_of_guards, policies_since, usage_in
from ecard.cardholders.queries import PAGE_LIMIT, by_account_refs, lists_of, page_after
from ecard.cardholders.rules import masked_name
from ecard.cardholders.values import CardholderView
from ecard.ledger.queries import funds
from ecard.ledger.values import Funds
from ecard.media.queries import cards_of

_NOTHING = Usage()


def sums_at(at: datetime) -> frozenset[Needed]:
    """Which sums over windows and scopes the policies in force and to come need of everybody."""
    return needed(policies_since(at))


def everybody(*, dates: Sequence[date], sums: frozenset[Needed], at: datetime) -> Iterator[tuple[int, bytes]]:
    """Account ref and encoded row of every active cardholder, in order of ref."""
    after = 0
    while views := page_after(after):
        yield from _encoded(views, dates=dates, sums=sums, at=at)
        after = views[-1].account_ref


def some(account_refs: Iterable[int], *, dates: Sequence[date], at: datetime) -> Iterator[tuple[int, bytes | None]]:
    """The same for those given, with the sums needed at `at`; None for whoever has left."""
    refs, sums = sorted(set(account_refs)), sums_at(at)
    for start in range(0, len(refs), PAGE_LIMIT):
        page = refs[start : start + PAGE_LIMIT]
        found = by_account_refs(page)
        active = [view for ref in page if (view := found.get(ref)) is not None and view.active]
        rows = dict(_encoded(active, dates=dates, sums=sums, at=at))
        for ref in page:
            yield ref, rows.get(ref)


def gone(account_ref: int) -> bytes:
    """The row by which a delta says that a person has left."""
    return encode_row(PersonRow(account_ref, "", 0, (), 0, 0, 0, 0, gone=True))


def as_it_is(
    view: CardholderView, *, dates: Sequence[date], sums: frozenset[Needed], at: datetime
) -> tuple[PersonRow, Funds]:
    """One person's row, and what is in the purse whatever the offline limit."""
    ((row, purse),) = _rows([view], dates=dates, sums=sums, at=at)
    return row, purse


def _encoded(
    views: Sequence[CardholderView], *, dates: Sequence[date], sums: frozenset[Needed], at: datetime
) -> Iterator[tuple[int, bytes]]:
    for row, _purse in _rows(views, dates=dates, sums=sums, at=at):
        yield row.account_ref, encode_row(row)


def _rows(
    views: Sequence[CardholderView], *, dates: Sequence[date], sums: frozenset[Needed], at: datetime
) -> Iterator[tuple[PersonRow, Funds]]:
    refs = [view.account_ref for view in views]
    money = funds([view.purse_id for view in views])
    lots = lots_of(refs, at=at)
    guards = guards_of(refs)
    usage = usage_in(refs, dates, sums=sums)
    if guards:
        theirs = sums | needed_of_guards(guard for each in guards.values() for guard in each)
        usage |= usage_in(guards, dates, sums=theirs)
    lists, cards = lists_of(refs), cards_of(refs)
    for view in views:
        ref, purse = view.account_ref, money[view.purse_id]
        spent = usage.get(ref, _NOTHING)
        row = PersonRow(
            account_ref=ref,
            name=masked_name(view.name),
            price_class=view.price_class,
            groups=(view.group_id,),
            per_sale_minor=view.per_sale_limit_minor,
            offline_minor=view.offline_limit_minor,
            max_sales=view.max_offline_sales,
            purse_minor=_spendable_minor(view, purse),
            lots=lots.get(ref, ()),
            used=spent.used,
            lists=lists.get(ref, ()),
            avoid=view.avoid_allergens,
            guards=guards.get(ref, ()),
            tallies=spent.tallies,
            last_s=spent.last_s,
            cards=cards.get(ref, ()),
        )
        yield row, purse


def _spendable_minor(view: CardholderView, purse: Funds) -> int:
    """As in a code: a debt floor bears what could not be foreseen and is not offered; a debt reads as nothing."""
    return min(view.offline_limit_minor, max(0, purse.balance_minor - purse.held_minor))
