"""A policy's rules sorted out by place, time and person, so that a sale looks only at those that are for it.

Overlap, in a documented order. Of price rules that are for a line, the one naming a product category beats one naming
an outlet, then a meal period, then a site, then a weekday, then a list of people, then a group, then a price class,
and then the lower id. Limits and blocks all hold: the tightest decides. Of entitlements the one is used under which
the sale is approved, then that leaves least to the purse, then that covers most, then by order, then the lower id.
Lots are spent first to expire first, then by the programme's order, then by lot id.
"""

from typing import NamedTuple, TypeVar

from devices.core.policy import (
    Block,
    Entitlement,
    Ids,
    Limit,
    Policy,
    PriceRule,
    Programme,
    Rule,
    Where,
    Who,
    Window,
)
from devices.core.quote import Lot, Person, Tap

MAX_KEPT = 4_096


class Ceiling(NamedTuple):
    """What a limit comes down to; `max_count` is None for a limit on each sale."""

    id: int
    window: Window
    scope: int
    categories: Ids
    on_total: bool
    max_minor: int | None
    max_count: int | None
    min_gap_s: int


class Here(NamedTuple):
    """The rules that are for one place, time and kind of person; `counting` are limits that count for themselves."""

    prices: tuple[PriceRule, ...]
    entitlements: tuple[Entitlement, ...]
    limits: tuple[Ceiling, ...]
    counting: tuple[Ceiling, ...]
    blocks: tuple[Block, ...]
    programmes: frozenset[int]


class _There(NamedTuple):
    """The rules for one place and time, each beside the people it is for; None for everybody."""

    prices: "_Addressed[PriceRule]"
    entitlements: "_Addressed[Entitlement]"
    limits: "_Addressed[Ceiling]"
    blocks: "_Addressed[Block]"
    programmes: frozenset[int]


class Rulebook:
    """Made once for a policy (`rulebook`). What it keeps is bounded and can be made again."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._programmes = {each.id: each for each in policy.programmes}
        rules: tuple[Rule, ...] = (
            *policy.prices,
            *policy.programmes,
            *policy.limits,
            *policy.entitlements,
            *policy.blocks,
        )
        self._dated = any(each.where.from_date or each.where.to_date for each in rules)
        self._days = {(day.site, day.date): day.acts_as for day in policy.days}
        self._there: dict[tuple[object, ...], _There] = {}
        self._kept: dict[tuple[object, ...], Here] = {}

    def programme(self, programme_id: int) -> Programme | None:
        """The programme of that id, or None where this policy does not know it."""
        return self._programmes.get(programme_id)

    def acts_as(self, site: int, business_date: str) -> int | None:
        """As which weekday the site's calendar has that date; None where it says nothing."""
        return self._days.get((site, business_date))

    def lot_order(self, lot: Lot) -> tuple[int, int, int]:
        """First to expire first."""
        programme = self._programmes.get(lot.programme)
        return lot.expires_s, programme.order if programme is not None else 0, lot.id

    def here(self, person: Person, tap: Tap) -> Here:
        """The rules for this person at this tap, the most specific first."""
        at = (tap.site, tap.outlet, tap.period, tap.weekday, tap.business_date if self._dated else "")
        key = (at, person.price_class, person.groups, person.lists)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= MAX_KEPT:
                self._forget()
            there = self._there.get(at)
            if there is None:
                there = self._there[at] = self._sort_out(tap)
            found = self._kept[key] = _for_person(there, person)
        return found

    def _sort_out(self, tap: Tap) -> "_There":
        """The rules for this place and time, whoever the person is."""
        policy = self._policy
        prices = [rule for rule in policy.prices if is_at(rule.where, tap)]
        entitlements = [rule for rule in policy.entitlements if is_at(rule.where, tap)]
        return _There(
            prices=[(_people(rule.who), rule) for rule in sorted(prices, key=specificity)],
            entitlements=[(_people(rule.who), rule) for rule in sorted(entitlements, key=_in_order)],
            limits=[(_people(rule.who), ceiling(rule)) for rule in policy.limits if is_at(rule.where, tap)],
            blocks=[(_people(rule.who), rule) for rule in policy.blocks if is_at(rule.where, tap)],
            programmes=frozenset(rule.id for rule in policy.programmes if is_at(rule.where, tap)),
        )

    def _forget(self) -> None:
        self._kept.clear()
        self._there.clear()


def rulebook(policy: Policy) -> Rulebook:
    """The policy's rulebook; kept with the policy itself, which never changes."""
    book: Rulebook | None = policy.__dict__.get("rulebook")
    if book is None:
        book = policy.__dict__["rulebook"] = Rulebook(policy)
    return book


_Rule = TypeVar("_Rule")
_Addressed = list[tuple[Who | None, _Rule]]


def _for_person(there: _There, person: Person) -> Here:
    limits = _of(there.limits, person)
    return Here(
        prices=_of(there.prices, person),
        entitlements=_of(there.entitlements, person),
        limits=limits,
        counting=tuple([limit for limit in limits if limit.scope and limit.window != "sale"]),
        blocks=_of(there.blocks, person),
        programmes=there.programmes,
    )


def _of(rules: "_Addressed[_Rule]", person: Person) -> tuple[_Rule, ...]:
    return tuple([rule for who, rule in rules if who is None or is_for(who, person)])


def _people(who: Who) -> Who | None:
    return who if who.classes or who.groups or who.lists else None


def _in_order(rule: Entitlement) -> tuple[int, int]:
    return rule.order, rule.id


def ceiling(limit: Limit) -> Ceiling:
    """The limit with all that does not change from sale to sale worked out."""
    max_count = None if limit.window == "sale" else limit.max_count
    on_total = limit.on == "total"
    categories = tuple(dict.fromkeys(limit.where.categories))
    return Ceiling(
        limit.id, limit.window, limit.scope, categories, on_total, limit.max_minor, max_count, limit.min_gap_s
    )


def specificity(rule: PriceRule) -> tuple[bool | int, ...]:
    """Lower comes first."""
    where, who = rule.where, rule.who
    named = (
        where.categories,
        where.outlets,
        where.periods,
        where.sites,
        where.weekdays,
        who.lists,
        who.groups,
        who.classes,
    )
    return (*(not each for each in named), rule.id)


def is_for(who: Who, person: Person) -> bool:
    """Whether a rule is for this person."""
    if who.classes and person.price_class not in who.classes:
        return False
    if who.groups and set(who.groups).isdisjoint(person.groups):
        return False
    return not who.lists or not set(who.lists).isdisjoint(person.lists)


def is_at(where: Where, tap: Tap) -> bool:
    """Whether a rule is for this place and time; product categories aside."""
    return (
        (not where.sites or tap.site in where.sites)
        and (not where.outlets or tap.outlet in where.outlets)
        and (not where.periods or tap.period in where.periods)
        and (not where.weekdays or tap.weekday in where.weekdays)
        and (not where.from_date or tap.business_date >= where.from_date)
        and (not where.to_date or tap.business_date <= where.to_date)
    )
