"""A person's past sales under a draft, one after another. Pure.

A sale is replayed from what its terminal knew of the person. What differs from then is carried along as differences:
what the draft's sales counted and spent, less what the real ones did. So under the policy that decided them, sales come
out as they were, whatever a terminal out of contact knew; under another, a voucher kept for later is there later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import msgspec

from devices.core.evaluate import evaluate, place
from devices.core.funds import MAX_LOTS
from devices.core.policy import Policy, Where, Window
from devices.core.quote import Counted, Leg, Line, Lot, Person, Quote, Tally, Tap, Used
from devices.core.windows import window_key
from ecard.benefits.counting import Needed, needed

Sums: TypeAlias = tuple[int, int, int]
"""Total, purse part and count."""
_NOTHING: Sums = (0, 0, 0)
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


class Given(msgspec.Struct, frozen=True):
    """An issue that the draft's new programmes would have made to each person they are for."""

    lot: int
    programme: int
    amount_minor: int
    begins_s: int
    ends_s: int


class SiteClock(NamedTuple):
    """A site's zone and when its business day begins."""

    zone: tzinfo
    day_starts_min: int


class Proposal:
    """The draft, and what is to be known of the policies that decided at the time."""

    def __init__(
        self,
        *,
        policy: Policy,
        past: Callable[[int], Policy | None],
        sites: Mapping[int, SiteClock],
        given: Sequence[Given] = (),
    ) -> None:
        self.policy = policy
        self.given = tuple(given)
        self.watched = tuple(sorted(_watched(policy)))
        self.scopes = frozenset(each.scope for each in self.watched if each.scope)
        self.has_gap = any(limit.min_gap_s for limit in policy.limits)
        self.counts = bool(policy.entitlements) or any(limit.window != "sale" for limit in policy.limits)
        self._past, self._sites = past, sites
        self._known: dict[int, _Past] = {}

    def past(self, number: int) -> _Past:
        """What a policy of the time kept count of."""
        known = self._known.get(number)
        if known is None:
            policy = self._past(number)
            known = self._known[number] = _Past(policy, self.policy)
        return known

    def tap(self, tap: Tap, past: _Past) -> Tap:
        """The same moment by the draft's meal periods and calendar."""
        clock = None if past.same_days else self._sites.get(tap.site)
        if clock is None:
            return tap
        return place(
            at_s=tap.at_s,
            zone=clock.zone,
            site=tap.site,
            outlet=tap.outlet,
            day_starts_min=clock.day_starts_min,
            policy=self.policy,
        )


class _Past:
    """A policy under which sales were made, held against the draft."""

    __slots__ = ("had_gap", "same_days", "tracked")

    def __init__(self, policy: Policy | None, draft: Policy) -> None:
        self.same_days = policy is None or (policy.periods, policy.days) == (draft.periods, draft.days)
        self.had_gap = policy is not None and any(limit.min_gap_s for limit in policy.limits)
        self.tracked: frozenset[Needed] = frozenset()
        if policy is not None:
            then, now = _meanings(policy), _meanings(draft)
            told = (each for each in _watched(policy) if then.get(each.scope) == now.get(each.scope))
            self.tracked = frozenset(each for each in told if self.same_days or each.window != "period")


def _watched(policy: Policy) -> frozenset[Needed]:
    """The sums that a policy's limits and entitlements are held against; also that of whole days over all sales."""
    of_days = {Needed("day", 0) for limit in policy.limits if limit.window in ("day", "period") and not limit.scope}
    return needed([policy]) | of_days


def _meanings(policy: Policy) -> dict[int, Where]:
    """What is counted in each scope of a policy's own."""
    limits = {limit.scope: limit.where for limit in policy.limits if limit.scope}
    return limits | {-each.id: each.where for each in policy.entitlements}


class _Lot:
    """What the draft's world has in a lot beyond what the terminal saw in it."""

    __slots__ = ("begins_s", "expires_s", "more_minor", "programme")

    def __init__(self, programme: int, begins_s: int, expires_s: int, more_minor: int) -> None:
        self.programme, self.begins_s, self.expires_s, self.more_minor = programme, begins_s, expires_s, more_minor


class Account:
    """One person's way through the stretch. `before` is what they had spent in the week and month in which it begins.

    `given` are the programmes that are new with the draft and for this person, `lists` those that only the draft names.
    """

    __slots__ = (
        "_apart",
        "_before",
        "_counts",
        "_day",
        "_declined",
        "_last_s",
        "_lists",
        "_lots",
        "_proposal",
        "given",
    )

    def __init__(
        self,
        proposal: Proposal,
        *,
        given: frozenset[int] = frozenset(),
        lists: tuple[int, ...] = (),
        before: Mapping[str, Sums] | None = None,
    ) -> None:
        self._proposal, self.given, self._lists, self._before = proposal, given, lists, before or {}
        self._lots = {
            each.lot: _Lot(each.programme, each.begins_s, each.ends_s, each.amount_minor)
            for each in proposal.given
            if each.programme in given
        }
        self._counts: dict[tuple[str, int], Sums] = {}
        self._apart: dict[tuple[str, int], Sums] = {}
        self._last_s, self._declined, self._day = 0, False, ""

    @property
    def lists(self) -> tuple[int, ...]:
        """Lists that are taken from today."""
        return self._lists

    def replay(self, sale: PastSale) -> Quote:
        """Evaluate the next sale under the draft, and remember what came of it."""
        proposal, past = self._proposal, self._proposal.past(sale.quote.policy)
        tap = proposal.tap(sale.tap, past)
        person = self._as_of(sale.person, tap, past)
        quote = evaluate(policy=proposal.policy, person=person, tap=tap, basket=sale.basket)
        if proposal.counts or person.guards:
            if tap.business_date != self._day:
                self._begin_day(tap.business_date)
            self._count(sale, quote, tap)
        if quote.decline is not None:
            self._declined = True
        else:
            self._last_s = max(self._last_s, tap.at_s)
        if sale.quote.legs != quote.legs:
            self._spend(sale.person.lots, sale.quote.legs, 1)
            self._spend(person.lots, quote.legs, -1)
        return quote

    # What is known of the person

    def _as_of(self, person: Person, tap: Tap, past: _Past) -> Person:
        changed: dict[str, object] = {}
        untracked = any(each not in past.tracked for each in self._proposal.watched)
        if self._apart or untracked:
            changed["used"], changed["tallies"] = self._sums(person, tap, past)
        if self._lots:
            changed["lots"] = self._all_lots(person, tap)
        if self._lists:
            changed["lists"] = tuple(sorted({*person.lists, *self._lists}))
        if self._proposal.has_gap:
            changed["last_s"] = self._last_sale_s(person, past)
        return msgspec.structs.replace(person, **changed) if changed else person

    def _sums(self, person: Person, tap: Tap, past: _Past) -> tuple[tuple[Used, ...], tuple[Tally, ...]]:
        day, period = tap.business_date, tap.period
        told = {(each.business_date, 0): (each.total_minor, each.purse_minor, each.count) for each in person.used}
        told.update(
            ((each.key, each.scope), (each.total_minor, each.purse_minor, each.count)) for each in person.tallies
        )
        wanted = {(window_key(guard.window, day, period), 0): True for guard in person.guards}
        for each in self._proposal.watched:
            key = (window_key(each.window, day, period), each.scope)
            wanted[key] = wanted.get(key, False) or each in past.tracked
        found = {key: self._sum(key, told.get(key, _NOTHING), tracked) for key, tracked in wanted.items() if key[0]}
        of_day = found.pop((day, 0), None)
        tallies = tuple(Tally(key, scope, *sums) for (key, scope), sums in found.items())
        return (Used(day, *of_day),) if of_day is not None else (), tallies

    def _sum(self, key: tuple[str, int], told: Sums, tracked: bool) -> Sums:
        """What the terminal was told, corrected; where it was told nothing, what is known here."""
        if tracked:
            more = self._apart.get(key, _NOTHING)
        else:
            told = self._counts.get(key, _NOTHING)
            more = self._before.get(key[0], _NOTHING) if not key[1] else _NOTHING
        return max(0, told[0] + more[0]), max(0, told[1] + more[1]), max(0, told[2] + more[2])

    def _all_lots(self, person: Person, tap: Tap) -> tuple[Lot, ...]:
        mine, lots = self._lots, []
        for lot in person.lots:
            known = mine.get(lot.id)
            left_minor = lot.remaining_minor + known.more_minor if known is not None else lot.remaining_minor
            if left_minor > 0:
                lots.append(Lot(lot.id, lot.programme, left_minor, lot.expires_s))
        if not person.purse_only:
            seen = {lot.id for lot in person.lots}
            for lot_id, known in mine.items():
                if lot_id not in seen and known.more_minor > 0 and known.begins_s <= tap.at_s:
                    lots.append(Lot(lot_id, known.programme, known.more_minor, known.expires_s))
        if len(lots) > MAX_LOTS:
            lots = sorted(lots, key=lambda lot: (lot.expires_s <= tap.at_s, lot.expires_s, lot.id))[:MAX_LOTS]
        return tuple(lots)

    def _last_sale_s(self, person: Person, past: _Past) -> int:
        if not past.had_gap:
            return self._last_s
        return min(person.last_s, self._last_s) if self._declined else person.last_s

    # What came of the sale

    def _begin_day(self, day: str) -> None:
        """Forget the sums of windows that are over: sales come by business date."""
        self._day = day
        spans = (window_key("week", day, 0), window_key("month", day, 0))
        for sums in (self._counts, self._apart):
            for key in [key for key in sums if key[0] not in spans and not key[0].startswith(day)]:
                del sums[key]

    def _count(self, sale: PastSale, quote: Quote, tap: Tap) -> None:
        then = _counts(sale.quote.amount_minor, sale.quote.legs, sale.quote.counted, self._proposal.scopes)
        now = _counts(quote.amount_minor, quote.legs, quote.counted, self._proposal.scopes) if quote.approved else {}
        for key in _keys(tap.business_date, tap.period):
            for scope, sums in now.items():
                self._counts[key, scope] = _add(self._counts.get((key, scope), _NOTHING), sums, 1)
            if then == now:
                continue
            for scope in then.keys() | now.keys():
                apart = _add(self._apart.get((key, scope), _NOTHING), now.get(scope, _NOTHING), 1)
                self._apart[key, scope] = _add(apart, then.get(scope, _NOTHING), -1)

    def _spend(self, lots: Iterable[Lot], legs: Iterable[Leg], sign: int) -> None:
        """Put back into each lot what a sale took from it, or with sign -1 take it out; a voucher goes whole."""
        held = {lot.id: lot for lot in lots}
        for leg in legs:
            lot = held.get(leg.ref)
            if lot is None or leg.source not in ("lot", "voucher"):
                continue
            known = self._lots.get(leg.ref)
            if known is None:
                known = self._lots[leg.ref] = _Lot(lot.programme, 0, lot.expires_s, 0)
            known.more_minor += sign * (leg.amount_minor if leg.source == "lot" else lot.remaining_minor)


def _counts(
    amount_minor: int, legs: tuple[Leg, ...], counted: tuple[Counted, ...], scopes: frozenset[int]
) -> dict[int, Sums]:
    """What a sale counts for, by scope; only those that the draft asks for."""
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


def _add(one: Sums, two: Sums, sign: int) -> Sums:
    return one[0] + sign * two[0], one[1] + sign * two[1], one[2] + sign * two[2]


@lru_cache(maxsize=4_096)
def _keys(business_date: str, period: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(window_key(window, business_date, period) for window in _OF_ALL_SALES))
