"""What a replay adds up to: by sponsor, by merchant, by reason, by person; and the sales worth showing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappush, heappushpop
from typing import NamedTuple

import msgspec

from devices.core.quote import Leg, Quote
from ecard.settlement.rehearsal.models import Outcome
from ecard.settlement.rehearsal.replay import PastSale

KEPT = 5_000
"""So many sales of a kind are kept for a rehearsal: of those dearer or cheaper the ones that differ most."""


class Sponsors(NamedTuple):
    """Who bears a leg, by ledger account; 0 where nobody is known to."""

    of_programmes: Mapping[int, int]
    of_entitlements: Mapping[int, int]

    def bears(self, leg: Leg) -> int:
        """The sponsor of a leg that is not the purse's."""
        if leg.source == "entitlement":
            return self.of_entitlements.get(leg.ref, 0)
        return self.of_programmes.get(leg.programme, 0)


class Pair(msgspec.Struct, gc=False):
    """The same sum as it was and as it would be."""

    now_minor: int = 0
    draft_minor: int = 0


class Count(msgspec.Struct, gc=False):
    """How many, and what they are worth together."""

    count: int = 0
    amount_minor: int = 0


class Totals(msgspec.Struct):
    """One part's, or all parts' together. Keys of `sponsors` and `merchants` are ids, of `declined` a decline's word.

    `amount`, `own` and what people pay are of the sales that the draft would have let through, but for `sales` and
    `sold`, which are of all.
    """

    sales: int = 0
    unread: int = 0
    same: int = 0
    sold: Count = msgspec.field(default_factory=Count)
    own: Pair = msgspec.field(default_factory=Pair)
    amount: Pair = msgspec.field(default_factory=Pair)
    sponsors: dict[int, Pair] = msgspec.field(default_factory=dict)
    merchants: dict[int, Pair] = msgspec.field(default_factory=dict)
    declined: dict[str, Count] = msgspec.field(default_factory=dict)
    outcomes: dict[int, Count] = msgspec.field(default_factory=dict)
    people: int = 0
    people_more: Count = msgspec.field(default_factory=Count)
    people_less: Count = msgspec.field(default_factory=Count)
    people_declined: int = 0


class Shown(NamedTuple):
    """A sale that would have gone otherwise, as its row has it."""

    outcome: int
    sale_id: int
    account_ref: int
    taken_s: int
    outlet: int
    amount_minor: int
    now_minor: int
    draft_minor: int
    why: str


class PersonSums(msgspec.Struct, gc=False):
    """One person's part."""

    sales: int = 0
    changed: int = 0
    declined: int = 0
    declined_minor: int = 0
    now_minor: int = 0
    draft_minor: int = 0


class Tally:
    """Adds up one part."""

    def __init__(self, *, sponsors: Sponsors, kept: int = KEPT) -> None:
        self.totals = Totals()
        self._sponsors, self._kept = sponsors, kept
        self._shown: dict[int, list[tuple[int, Shown]]] = {outcome: [] for outcome in Outcome.values}

    def add(self, sale_id: int, merchant: int, sale: PastSale, quote: Quote, person: PersonSums) -> None:
        """One sale and what the draft says to it."""
        totals, then = self.totals, sale.quote
        totals.sales += 1
        person.sales += 1
        _more(totals.sold, then.amount_minor)
        self._sponsored(then.legs, now=True)
        _of(totals.merchants, merchant).now_minor += then.amount_minor
        own_minor = _own(then.legs)
        if quote.decline is not None:
            why = quote.decline.why.value
            person.changed += 1
            person.declined += 1
            person.declined_minor += then.amount_minor
            _more(totals.declined.setdefault(why, Count()), then.amount_minor)
            self._show(Outcome.DECLINED, own_minor, sale_id, sale, own_minor, 0, why)
            return
        _of(totals.merchants, merchant).draft_minor += quote.amount_minor
        self._sponsored(quote.legs, now=False)
        draft_minor = _own(quote.legs)
        person.now_minor += own_minor
        person.draft_minor += draft_minor
        totals.own.now_minor += own_minor
        totals.own.draft_minor += draft_minor
        totals.amount.now_minor += then.amount_minor
        totals.amount.draft_minor += quote.amount_minor
        if then.legs == quote.legs or _same(then.legs, quote.legs):
            totals.same += 1
            return
        person.changed += 1
        more_minor = draft_minor - own_minor
        outcome = Outcome.MORE if more_minor > 0 else Outcome.LESS if more_minor < 0 else Outcome.OTHERWISE
        self._show(outcome, abs(more_minor), sale_id, sale, own_minor, draft_minor, "")

    def add_person(self, person: PersonSums) -> None:
        """One person, when all their sales are added."""
        totals = self.totals
        totals.people += 1
        totals.people_declined += person.declined > 0
        more_minor = person.draft_minor - person.now_minor
        if more_minor:
            _more(totals.people_more if more_minor > 0 else totals.people_less, abs(more_minor))

    def shown(self) -> Iterator[Shown]:
        """The sales that are kept, by kind."""
        for kept in self._shown.values():
            for _weight, sale in sorted(kept, reverse=True):
                yield sale

    def _sponsored(self, legs: Iterable[Leg], *, now: bool) -> None:
        for leg in legs:
            if leg.source != "purse":
                pair = _of(self.totals.sponsors, self._sponsors.bears(leg))
                if now:
                    pair.now_minor += leg.amount_minor
                else:
                    pair.draft_minor += leg.amount_minor

    def _show(
        self, outcome: int, weight: int, sale_id: int, sale: PastSale, now_minor: int, draft_minor: int, why: str
    ) -> None:
        _more(self.totals.outcomes.setdefault(int(outcome), Count()), weight)
        tap, amount_minor = sale.tap, sale.quote.amount_minor
        shown = Shown(
            int(outcome), sale_id, sale.account_ref, tap.at_s, tap.outlet, amount_minor, now_minor, draft_minor, why
        )
        kept = self._shown[int(outcome)]
        if len(kept) < self._kept:
            heappush(kept, (weight, shown))
        elif weight > kept[0][0]:
            heappushpop(kept, (weight, shown))


def added(parts: Iterable[Totals]) -> Totals:
    """All parts together."""
    whole = Totals()
    for part in parts:
        for name in ("sales", "unread", "same", "people", "people_declined"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        for one, two in ((whole.own, part.own), (whole.amount, part.amount)):
            _add_pair(one, two)
        for total, more in (
            (whole.sold, part.sold),
            (whole.people_more, part.people_more),
            (whole.people_less, part.people_less),
        ):
            _add_count(total, more)
        for pairs, others in ((whole.sponsors, part.sponsors), (whole.merchants, part.merchants)):
            for key, pair in others.items():
                _add_pair(_of(pairs, key), pair)
        for why, count in part.declined.items():
            _add_count(whole.declined.setdefault(why, Count()), count)
        for outcome, count in part.outcomes.items():
            _add_count(whole.outcomes.setdefault(outcome, Count()), count)
    return whole


def _own(legs: Iterable[Leg]) -> int:
    own_minor = 0
    for leg in legs:
        if leg.source == "purse":
            own_minor += leg.amount_minor
    return own_minor


def _same(then: tuple[Leg, ...], now: tuple[Leg, ...]) -> bool:
    """Whether the same sources paid the same, in whatever order."""
    return len(then) == len(now) and sorted(map(_key, then)) == sorted(map(_key, now))


def _key(leg: Leg) -> tuple[str, int, int]:
    return leg.source, leg.ref, leg.amount_minor


def _of(pairs: dict[int, Pair], key: int) -> Pair:
    found = pairs.get(key)
    if found is None:
        found = pairs[key] = Pair()
    return found


def _more(count: Count, amount_minor: int) -> None:
    count.count += 1
    count.amount_minor += amount_minor


def _add_pair(one: Pair, two: Pair) -> None:
    one.now_minor += two.now_minor
    one.draft_minor += two.draft_minor


def _add_count(one: Count, two: Count) -> None:
    one.count += two.count
    one.amount_minor += two.amount_minor
