"""A person's past sales under a draft, one after another. Pure.

A sale is replayed from what its terminal knew of the person. What differs from then is carried along as differences:
what the draft's sales counted and spent, less what the real ones did. So under the policy that decided them, sales come
out as they were, whatever a terminal out of contact knew; under another, a voucher kept for later is there later.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

import msgspec

from devices.core.evaluate import evaluate
from devices.core.funds import MAX_LOTS, looked_at
from devices.core.policy import Window
from devices.core.quote import Counted, Leg, Line, Lot, Person, Quote, Tally, Tap, Used
from devices.core.windows import window_key
from ecard.settlement.rehearsal.proposal import Past, Proposal

Sums: TypeAlias = tuple[int, int, int]
"""Total, purse part and count."""
_NOTHING: Sums = (0, 0, 0)
_LATE_S = 7 * 86_400
"""Far more than a sale can lie before one that comes earlier in the order of business dates."""
_OF_ALL_SALES: tuple[Window, ...] = ("period", "day", "week", "month")


class PastQuote(msgspec.Struct, gc=False):
    policy: int
    amount_minor: int
    legs: tuple[Leg, ...] = ()
    counted: tuple[Counted, ...] = ()


class PastSale(msgspec.Struct, gc=False, tag="sale", tag_field="kind"):
    """The part of a sale's record that a replay reads; a `SaleRecord` has all of it too."""

    account_ref: int
    person: Person
    tap: Tap
    basket: tuple[Line, ...]
    quote: PastQuote


class _Lot:
    """What the draft's world has in a lot beyond what the terminal saw in it."""

    __slots__ = ("begins_s", "expires_s", "more_minor", "programme")

    def __init__(self, programme: int, begins_s: int, expires_s: int, more_minor: int) -> None:
        self.programme, self.begins_s, self.expires_s, self.more_minor = programme, begins_s, expires_s, more_minor


class _Sum:
    """What was spent in the newest window of a kind; sales come by business date, so an older one is over."""

    __slots__ = ("count", "key", "purse_minor", "total_minor")

    def __init__(self, key: str) -> None:
        self.key, self.total_minor, self.purse_minor, self.count = key, 0, 0, 0


_Slot: TypeAlias = tuple[Window, int, int]
"""Window, scope, and the meal period where the window is one."""
_SLOTS: dict[_Slot, _Slot] = {}
"""Each once, however many people have it: there are no more of them than limits times meal periods."""


class Account:
    """One person's way through the stretch. `before` is what they had spent in the week and month in which it begins.

    `given` are the programmes that are new with the draft and for this person, `lists` those that only the draft names,
    `altered` what the draft would have issued more in a lot, or below zero less; it may hold other people's lots too.
    """

    __slots__ = (
        "_altered",
        "_apart",
        "_before",
        "_counts",
        "_day",
        "_declined",
        "_last_s",
        "_lots",
        "_proposal",
        "given",
        "lists",
    )

    def __init__(
        self,
        proposal: Proposal,
        *,
        given: frozenset[int] = frozenset(),
        lists: tuple[int, ...] = (),
        before: Mapping[str, Sums] | None = None,
        altered: Mapping[int, int] | None = None,
    ) -> None:
        self._proposal, self.given, self.lists, self._before = proposal, given, lists, before or {}
        self._altered = altered or {}
        self._lots = {
            each.lot: _Lot(each.programme, each.begins_s, each.ends_s, each.amount_minor)
            for each in proposal.given
            if each.programme in given
        }
        self._counts: dict[_Slot, _Sum] = {}
        self._apart: dict[_Slot, _Sum] = {}
        self._last_s, self._declined, self._day = 0, False, ""

    def replay(self, sale: PastSale) -> Quote:
        """Evaluate the next sale under the draft, and remember what came of it."""
        proposal, past = self._proposal, self._proposal.past(sale.quote.policy)
        tap = proposal.tap(sale.tap, past)
        then = self._as_issued(sale.person) if self._altered else sale.person
        person = self._as_of(then, tap, past)
        quote = evaluate(policy=proposal.policy, person=person, tap=tap, basket=sale.basket)
        if proposal.watched or person.guards:
            self._count(sale, quote, tap)
        if quote.decline is not None:
            self._declined = True
        else:
            self._last_s = max(self._last_s, tap.at_s)
        if sale.quote.legs != quote.legs:
            self._spend(then.lots, sale.quote.legs, 1)
            self._spend(person.lots, quote.legs, -1)
            if len(self._lots) > 2 * MAX_LOTS:
                self._forget_lots(tap.at_s)
        return quote

    # What is known of the person

    def _as_issued(self, person: Person) -> Person:
        """The same person where lots were issued with the draft's amounts.

        A voucher goes whole: it is worth another amount whenever it is seen. Of any other lot the difference is carried
        from when it is first seen, so that the draft spends it once.
        """
        lots, revalued = [], False
        for lot in person.lots:
            more_minor = self._altered.get(lot.id, 0)
            if more_minor and lot.programme in self._proposal.vouchers:
                lot, revalued = Lot(lot.id, lot.programme, lot.remaining_minor + more_minor, lot.expires_s), True
            elif more_minor and lot.id not in self._lots:
                self._lots[lot.id] = _Lot(lot.programme, 0, lot.expires_s, more_minor)
            lots.append(lot)
        return msgspec.structs.replace(person, lots=tuple(lots)) if revalued else person

    def _as_of(self, person: Person, tap: Tap, past: Past) -> Person:
        changed: dict[str, object] = {}
        if self.lists:
            person = msgspec.structs.replace(person, lists=tuple(sorted({*person.lists, *self.lists})))
        if self._apart or not past.all_tracked:
            other = self._other_sums(person, tap, past)
            if other:
                changed["used"], changed["tallies"] = _corrected(person, tap.business_date, other)
        if self._lots:
            changed["lots"] = self._all_lots(person, tap)
        if self._proposal.has_gap:
            changed["last_s"] = self._last_sale_s(person, past)
        return msgspec.structs.replace(person, **changed) if changed else person

    def _other_sums(self, person: Person, tap: Tap, past: Past) -> dict[tuple[str, int], tuple[_Sum | Sums, bool]]:
        """Of the sums that decide here: what to add to those that the terminal was told, or to put in their place."""
        here = self._proposal.book.here(person, tap)
        asked: list[tuple[Window, int]] = [(each.window, each.scope) for each in here.limits if each.window != "sale"]
        asked += [(each.window, -each.id) for each in here.entitlements if each.window != "sale"]
        told: list[tuple[Window, int]] = [(each.window, 0) for each in person.guards if each.window != "sale"]
        found: dict[tuple[str, int], tuple[_Sum | Sums, bool]] = {}
        at, tracked, all_apart = _at(tap.business_date, tap.period), past.tracked, self._apart
        for window, scope in (*asked, *told):
            counted_as, key, meal = at[window]
            slot = (counted_as, scope, meal)
            if past.all_tracked or (counted_as, scope) in tracked or (counted_as, scope) in told:
                apart = all_apart.get(slot)
                if apart is not None and apart.key == key:
                    found[key, scope] = apart, True
            else:
                found[key, scope] = self._counted(slot, key), False
        return found

    def _counted(self, slot: _Slot, key: str) -> Sums:
        """What is known here of a window that no terminal kept."""
        has = self._counts.get(slot)
        sums = (has.total_minor, has.purse_minor, has.count) if has is not None and has.key == key else _NOTHING
        before = self._before.get(key, _NOTHING) if not slot[1] else _NOTHING
        return sums[0] + before[0], sums[1] + before[1], sums[2] + before[2]

    def _all_lots(self, person: Person, tap: Tap) -> tuple[Lot, ...]:
        mine, lots = self._lots, []
        for lot in person.lots:
            known = mine.get(lot.id)
            if known is None:
                lots.append(lot)
            elif lot.remaining_minor + known.more_minor > 0:
                lots.append(Lot(lot.id, lot.programme, lot.remaining_minor + known.more_minor, lot.expires_s))
        if not person.purse_only:
            seen = {lot.id for lot in person.lots}
            for lot_id, known in mine.items():
                if known.more_minor > 0 and lot_id not in seen and known.begins_s <= tap.at_s:
                    lots.append(Lot(lot_id, known.programme, known.more_minor, known.expires_s))
        return looked_at(lots, now_s=tap.at_s)

    def _last_sale_s(self, person: Person, past: Past) -> int:
        if not past.had_gap:
            return self._last_s
        return min(person.last_s, self._last_s) if self._declined else person.last_s

    # What came of the sale

    def _count(self, sale: PastSale, quote: Quote, tap: Tap) -> None:
        windows = self._proposal.windows
        then = _counts(sale.quote.amount_minor, sale.quote.legs, sale.quote.counted, windows)
        now = _counts(quote.amount_minor, quote.legs, quote.counted, windows) if quote.decline is None else {}
        of_all = _OF_ALL_SALES if sale.person.guards else windows.get(0, ())
        if self._proposal.counts:
            for scope, sums in now.items():
                self._add(self._counts, windows[scope] if scope else of_all, scope, tap, sums)
        if then == now:
            return
        for scope in then.keys() | now.keys():
            was, is_ = then.get(scope, _NOTHING), now.get(scope, _NOTHING)
            if was != is_:
                if tap.business_date != self._day:
                    self._begin_day(tap)
                more = (is_[0] - was[0], is_[1] - was[1], is_[2] - was[2])
                self._add(self._apart, windows[scope] if scope else of_all, scope, tap, more)

    def _begin_day(self, tap: Tap) -> None:
        """Forget the differences in windows that are over: of everybody's together there are very many."""
        self._day = tap.business_date
        running = {key for _window, key, _meal in _at(tap.business_date, tap.period).values()}
        self._apart = {slot: held for slot, held in self._apart.items() if held.key in running}

    def _add(self, sums: dict[_Slot, _Sum], windows: tuple[Window, ...], scope: int, tap: Tap, more: Sums) -> None:
        at = _at(tap.business_date, tap.period)
        for window in windows:
            counted_as, key, meal = at[window]
            if counted_as != window:
                continue  # a period outside meals is the day, which is counted beside it
            slot = (window, scope, meal)
            held = sums.get(slot)
            if held is None or held.key != key:
                held = sums[_SLOTS.setdefault(slot, slot)] = _Sum(key)
            held.total_minor += more[0]
            held.purse_minor += more[1]
            held.count += more[2]

    def _spend(self, lots: Iterable[Lot], legs: Iterable[Leg], sign: int) -> None:
        """Put back into each lot what a sale took from it, or with sign -1 take it out; a voucher goes whole."""
        for leg in legs:
            if leg.source not in ("lot", "voucher"):
                continue
            lot = next((each for each in lots if each.id == leg.ref), None)
            if lot is None:
                continue
            known = self._lots.get(leg.ref)
            if known is None:
                known = self._lots[leg.ref] = _Lot(lot.programme, 0, lot.expires_s, 0)
            known.more_minor += sign * (leg.amount_minor if leg.source == "lot" else lot.remaining_minor)

    def _forget_lots(self, at_s: int) -> None:
        """Those that are over; a person's real ones of a year are many."""
        for lot_id in [lot_id for lot_id, lot in self._lots.items() if lot.expires_s < at_s - _LATE_S]:
            del self._lots[lot_id]


def _corrected(
    person: Person, day: str, other: Mapping[tuple[str, int], tuple[_Sum | Sums, bool]]
) -> tuple[tuple[Used, ...], tuple[Tally, ...]]:
    """A person's sums with what is added to some and put in the place of others."""
    told: dict[tuple[str, int], Sums] = {}
    for used in person.used:
        told[used.business_date, 0] = (used.total_minor, used.purse_minor, used.count)
    for each in person.tallies:
        told[each.key, each.scope] = (each.total_minor, each.purse_minor, each.count)
    for key, (sums, add) in other.items():
        if isinstance(sums, _Sum):
            sums = (sums.total_minor, sums.purse_minor, sums.count)
        has = told.get(key, _NOTHING) if add else _NOTHING
        told[key] = (max(0, has[0] + sums[0]), max(0, has[1] + sums[1]), max(0, has[2] + sums[2]))
    of_day = told.pop((day, 0), None)
    tallies = tuple([Tally(key, scope, *sums) for (key, scope), sums in told.items()])
    return (Used(day, *of_day),) if of_day is not None else (), tallies


@lru_cache(maxsize=4_096)
def _at(day: str, period: int) -> dict[Window, tuple[Window, str, int]]:
    """For each window of a tap: as which it counts (a period outside meals as the day), its key, and its meal."""
    counted_as: dict[Window, Window] = {window: window for window in _OF_ALL_SALES}
    if not period:
        counted_as["period"] = "day"
    return {
        window: (other, window_key(other, day, period), period if other == "period" else 0)
        for window, other in counted_as.items()
    }


def _counts(
    amount_minor: int, legs: tuple[Leg, ...], counted: tuple[Counted, ...], scopes: Container[int]
) -> dict[int, Sums]:
    """What a sale counts for, by scope; only those that the draft asks for, and 0."""
    found: dict[int, Sums] = {}
    purse_minor = 0
    for leg in legs:
        if leg.source == "purse":
            purse_minor += leg.amount_minor
        elif leg.source == "entitlement":
            amount_minor -= leg.amount_minor
            if -leg.ref in scopes:
                found[-leg.ref] = (0, 0, 1)
    for each in counted:
        if each.scope in scopes:
            found[each.scope] = (each.total_minor, each.purse_minor, 1)
    found[0] = (amount_minor, purse_minor, 1)
    return found
