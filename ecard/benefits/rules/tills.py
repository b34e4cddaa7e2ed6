"""What a terminal cannot do well: sell at no price, and try too many vouchers in one sale."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from devices.core.funding import sets_tried
from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.policy import Policy, Where
from devices.core.pricing import apply_rule
from ecard.benefits.rules.facts import Facts
from ecard.benefits.rules.overlap import meet_where
from ecard.benefits.rules.problems import Known
from ecard.benefits.rules.values import SETTINGS, Finding, FindingCode, ref_of

SETS_MAX = 1_000
"""A terminal tries so many sets of vouchers without anybody having to wait."""
COMPARED_MAX = 400
"""So many programmes are compared with each other: pairs grow with the square."""


def free_prices(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    """A price of nothing for the whole basket: no sale is made of it. For some products it is a gift beside others."""
    for rule in policy.prices:
        if not rule.where.categories and apply_rule(rule, MAX_AMOUNT_MINOR) == 0:
            yield Finding(FindingCode.PRICED_AT_NOTHING, ref_of(rule), rule.name)


def many_sets(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    """The first programme beside which so many vouchers can be held at one place and time that a sale takes long."""
    if "voucher" not in policy.funding_order:
        return
    vouchers = [each for each in policy.programmes if each.kind == "voucher"][:COMPARED_MAX]
    places = {each.id: _on_anything(each.where) for each in vouchers}
    meals = [(_on_anything(each.where), each.where.categories) for each in policy.entitlements]
    seen: set[tuple[int, ...]] = set()
    for one in vouchers:
        place = places[one.id]
        beside = [each for each in vouchers if meet_where(place, places[each.id], known) is not None]
        numbers = tuple(each.id for each in beside)
        if numbers in seen:
            continue
        seen.add(numbers)
        goods = {categories for where, categories in meals if meet_where(place, where, known) is not None}
        sets = sets_tried(beside, most=policy.max_vouchers, unlike=facts.unlike_vouchers) * max(1, len(goods))
        if sets > SETS_MAX:
            yield Finding(FindingCode.MANY_VOUCHER_SETS, SETTINGS, one.name, amount_minor=sets)
            return


def _on_anything(where: Where) -> Where:
    return msgspec.structs.replace(where, categories=())
