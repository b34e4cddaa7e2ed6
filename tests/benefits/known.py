"""A small institution for judging rules: what exists, who is in it, and when meals are."""

from __future__ import annotations

from devices.core.policy import MealPeriod, Text
from ecard.benefits.rules import Facts, GroupFacts, Known

KNOWN = Known(
    sites=frozenset({1, 2}),
    outlet_sites={10: 1, 20: 2},
    period_sites={100: 1, 200: 2},
    classes=frozenset({0, 1}),
    groups=frozenset({5, 6, 7}),
    lists=frozenset({3}),
    categories=frozenset({40, 41}),
    products=frozenset({60, 61}),
    allergens=frozenset({8}),
)
FACTS = Facts(
    today="2026-11-20",
    groups={
        5: GroupFacts(Text("本科生", "Undergraduates"), 0, 300, 60_00, 100_00, 9),
        6: GroupFacts(Text("教工", "Staff"), 1, 40, 90_00, 100_00, 9),
        7: GroupFacts(Text("空", "Empty"), 1, 0, 90_00, 100_00, 9),
    },
    empty_lists=frozenset({3}),
    sold={10: frozenset({40}), 20: frozenset({40, 41})},
    products={60: frozenset({20})},
    sponsors={900: Text("后勤", "Logistics")},
    spent_budgets=frozenset({900}),
    sponsor_of_entitlement={1: 900},
)
PERIODS = (
    MealPeriod(100, 1, Text("午餐", "Lunch"), 660, 780, (0, 1, 2, 3, 4)),
    MealPeriod(200, 2, Text("晚餐", "Dinner"), 1_020, 1_140),
)
ONE, TWO = Text("一", "One"), Text("二", "Two")
