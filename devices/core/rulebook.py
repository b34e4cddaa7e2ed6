"""A policy's rules sorted out by place, time and person, so that a sale looks only at those that are for it.

Overlap, in a documented order. Of price rules that are for a line, the one naming a product category beats one naming
an outlet, then a meal period, then a site, then a weekday, then a list of people, then a group, then a price class,
and then the lower id. Limits and blocks all hold: the tightest decides. Of entitlements the one that covers most is
used, then by order, then the lower id. Lots are spent first to expire first, then by the programme's order, then by
lot id.
"""

from typing import NamedTuple

from devices.core.policy import Block, Entitlement, Limit, Policy, PriceRule, Programme, Rule, Where, Who
from devices.core.quote import Lot, Person, Tap

MAX_KEPT = 4_096


class Here(NamedTuple):
    """The rules that are for one place, time and kind of person."""

    prices: tuple[PriceRule, ...]
    entitlements: tuple[Entitlement, ...]
    limits: tuple[Limit, ...]
    blocks: tuple[Block, ...]
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
        day = tap.business_date if self._dated else ""
        place = (tap.site, tap.outlet, tap.period, tap.weekday, day)
        key = (*place, person.price_class, person.groups, person.lists)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            found = self._kept[key] = self._sort_out(person, tap)
        return found

    def _sort_out(self, person: Person, tap: Tap) -> Here:
        policy = self._policy
        prices = [rule for rule in policy.prices if is_for(rule.who, person) and is_at(rule.where, tap)]
        entitlements = [rule for rule in policy.entitlements if is_for(rule.who, person) and is_at(rule.where, tap)]
        return Here(
            prices=tuple(sorted(prices, key=specificity)),
            entitlements=tuple(sorted(entitlements, key=lambda rule: (rule.order, rule.id))),
            limits=tuple(rule for rule in policy.limits if is_for(rule.who, person) and is_at(rule.where, tap)),
            blocks=tuple(rule for rule in policy.blocks if is_for(rule.who, person) and is_at(rule.where, tap)),
            programmes=frozenset(rule.id for rule in policy.programmes if is_at(rule.where, tap)),
        )


def rulebook(policy: Policy) -> Rulebook:
    """The policy's rulebook; kept with the policy itself, which never changes."""
    book: Rulebook | None = policy.__dict__.get("rulebook")
    if book is None:
        book = policy.__dict__["rulebook"] = Rulebook(policy)
    return book


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
    return (
        (not who.classes or person.price_class in who.classes)
        and (not who.groups or any(group in who.groups for group in person.groups))
        and (not who.lists or any(each in who.lists for each in person.lists))
    )


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
