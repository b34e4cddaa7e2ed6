"""People whom the rules leave out."""

from __future__ import annotations

from collections.abc import Iterator

from devices.core.policy import Policy, Text
from ecard.benefits.rules.facts import Facts, GroupFacts
from ecard.benefits.rules.problems import Known
from ecard.benefits.rules.values import Finding, FindingCode, Ref


def left_out(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    """Groups without a price where others have one, groups that cannot buy, classes that cannot buy offline."""
    for number, group in sorted(facts.groups.items()):
        if not group.people:
            continue
        if group.per_sale_minor == 0:
            yield _of_group(FindingCode.SELLS_NOTHING, number, group)
        if policy.prices and not any(
            _is_for(rule.who.classes, rule.who.groups, number, group) for rule in policy.prices
        ):
            yield _of_group(FindingCode.UNPRICED, number, group)
    names = dict(policy.classes)
    by_class: dict[int, list[GroupFacts]] = {}
    for group in facts.groups.values():
        if group.people:
            by_class.setdefault(group.price_class, []).append(group)
    for price_class, groups in sorted(by_class.items()):
        if not any(each.offline_minor and each.max_offline_sales for each in groups):
            name = names.get(price_class, Text(f"#{price_class}"))
            first = min(number for number, each in facts.groups.items() if each.price_class == price_class)
            yield Finding(FindingCode.NO_OFFLINE, Ref("cardholders.group", first), name, named=(price_class,))


def _is_for(classes: tuple[int, ...], groups: tuple[int, ...], number: int, group: GroupFacts) -> bool:
    return (not classes or group.price_class in classes) and (not groups or number in groups)


def _of_group(code: FindingCode, number: int, group: GroupFacts) -> Finding:
    return Finding(code, Ref("cardholders.group", number), group.name, named=(number,), amount_minor=group.people)
