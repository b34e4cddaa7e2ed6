"""Rules that can never apply: at no time, to no goods, to nobody."""

from __future__ import annotations

from collections.abc import Iterator

from devices.core.policy import HOLIDAY, Block, Policy, Programme, Rule, Text
from ecard.benefits.rules.facts import Facts
from ecard.benefits.rules.problems import Known, common_sites
from ecard.benefits.rules.values import Finding, FindingCode, Ref, ref_of

EVERY_DAY = frozenset(range(HOLIDAY + 1))


def at_no_time(rule: Rule, policy: Policy, *, today: str) -> Iterator[Finding]:
    """Dates that are over or the wrong way round, weekdays on which its meals are not served."""
    where = rule.where
    if where.from_date and where.to_date and where.from_date > where.to_date:
        yield Finding(FindingCode.DATES_REVERSED, ref_of(rule), rule.name)
    elif where.to_date and where.to_date < today:
        yield Finding(FindingCode.DATES_OVER, ref_of(rule), rule.name)
    days = EVERY_DAY.intersection(where.weekdays)
    if where.weekdays and not days:
        yield Finding(FindingCode.NO_SUCH_DAY, ref_of(rule), rule.name)
    elif where.weekdays and where.periods:
        served: set[int] = set()
        for period in policy.periods:
            if period.id in where.periods:
                served |= set(period.weekdays) or EVERY_DAY
        if served and not served & days:
            yield Finding(FindingCode.NOT_SERVED_THEN, ref_of(rule), rule.name)


def of_nothing(rule: Rule, known: Known, facts: Facts) -> Iterator[Finding]:
    """Goods that none of its outlets sells, and a restriction that names no goods."""
    where = rule.where
    sites = common_sites(where, known)
    outlets = where.outlets or tuple(number for number, site in known.outlet_sites.items() if site in sites)
    for category in where.categories:
        if category in known.categories and not any(category in facts.sold.get(each, ()) for each in outlets):
            yield Finding(FindingCode.NOT_SOLD, ref_of(rule), rule.name, named=(category,))
    if not isinstance(rule, Block):
        return
    if not (rule.products or rule.allergens or where.categories):
        yield Finding(FindingCode.BLOCKS_NOTHING, ref_of(rule), rule.name)
    elif rule.products and not where.categories:
        if facts.products.keys() & set(rule.products):
            sold_at = {outlet for product in rule.products for outlet in facts.products.get(product, ())}
            if sold_at.isdisjoint(outlets):
                yield Finding(FindingCode.NOT_SOLD, ref_of(rule), rule.name)
        else:
            yield Finding(FindingCode.NOT_SOLD, ref_of(rule), rule.name)


def for_nobody(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """Groups and lists with nobody in them, and people that exclude each other."""
    if isinstance(rule, Programme):
        return
    who = rule.who
    groups = [number for number in who.groups if number in facts.groups]
    if groups and not any(facts.groups[number].people for number in groups):
        first = facts.groups[groups[0]]
        group = Ref("cardholders.group", groups[0])
        yield Finding(
            FindingCode.GROUP_EMPTY, ref_of(rule), rule.name, other=first.name, other_ref=group, named=tuple(groups)
        )
    if who.lists and facts.empty_lists.issuperset(who.lists):
        name = facts.list_names.get(who.lists[0], Text(f"#{who.lists[0]}"))
        of_list = Ref("cardholders.personlist", who.lists[0])
        yield Finding(FindingCode.LIST_EMPTY, ref_of(rule), rule.name, other=name, other_ref=of_list, named=who.lists)
    if who.classes and facts.groups:
        with_people = {each.price_class for each in facts.groups.values() if each.people}
        if with_people.isdisjoint(who.classes):
            yield Finding(FindingCode.CLASS_EMPTY, ref_of(rule), rule.name, named=who.classes)
        elif groups and not any(facts.groups[number].price_class in who.classes for number in groups):
            yield Finding(FindingCode.NOBODY, ref_of(rule), rule.name)
