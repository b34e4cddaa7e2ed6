"""Microseconds for one decision under a realistic policy, and what ten times as many rules do to it.

30 programmes, 40 limits, 5 price classes, entitlements, blocks and a year's calendar; a day's mix of people, outlets
and meals; each person with subsidies, vouchers and what was spent before; baskets of one to three products. The
baseline decides the same sales without an index: every rule is held against every sale.
"""

from __future__ import annotations

import random
import time
from datetime import date, timedelta
from statistics import median

from devices.core.evaluate import evaluate
from devices.core.policy import (
    HOLIDAY,
    Block,
    DayKind,
    Entitlement,
    Limit,
    MealPeriod,
    Policy,
    PriceRule,
    Programme,
    Text,
    Where,
    Who,
)
from devices.core.quote import Line, Lot, Person, Tally, Tap, Used
from devices.core.rulebook import Here, Rulebook
from tests.bench.figures import Figure

NAME = "policy"
SALES = 4_000
RUNS = 3
NOW_S = 1_795_147_200
TODAY = "2026-11-20"
CLASSES, GROUPS, LISTS, CATEGORIES = 5, 8, 4, 4
MEALS = ((360, 540), (630, 810), (1020, 1200), (1320, 120))
Sale = tuple[Person, Tap, tuple[Line, ...]]


class Unsorted(Rulebook):
    """A rulebook that keeps nothing: all rules are looked at for each sale."""

    def here(self, person: Person, tap: Tap) -> Here:
        self._forget()
        return super().here(person, tap)


def run(*, scale: float = 1.0) -> list[Figure]:
    """`cold` is the first sale of each kind of person at each place and time; `growth` is ten times the rules.

    `growth` is that of an institution with ten times the outlets and groups as well; `growth_here` puts all rules on
    the same outlets and groups.
    """
    count = max(200, int(SALES * scale))
    small = institution(1)
    plain = _median_us(small, day(count), Unsorted(small))
    warm = _median_us(small, day(count), Rulebook(small))
    cold = _first_us(small, day(count))
    large, dense = institution(10, places=10), institution(10)
    large_warm = _median_us(large, day(count, places=10), Rulebook(large))
    large_plain = _median_us(large, day(count, places=10), Unsorted(large))
    dense_warm = _median_us(dense, day(count), Rulebook(dense))
    dense_plain = _median_us(dense, day(count), Unsorted(dense))
    return [
        Figure(name="policy.evaluate.median_us", value=warm, unit="us", baseline=plain),
        Figure(name="policy.evaluate.cold_us", value=cold, unit="us", baseline=plain),
        Figure(name="policy.evaluate.growth", value=large_warm / warm, unit="x", baseline=large_plain / plain),
        Figure(name="policy.evaluate.growth_here", value=dense_warm / warm, unit="x", baseline=dense_plain / plain),
    ]


def _median_us(policy: Policy, sales: list[Sale], book: Rulebook) -> float:
    """The median of each sale's best of some runs, after one in which the rulebook gets warm."""
    policy.__dict__["rulebook"] = book
    best = [float("inf")] * len(sales)
    for _run in range(RUNS + 1):
        for at, (person, tap, basket) in enumerate(sales):
            began = time.perf_counter()
            evaluate(policy=policy, person=person, tap=tap, basket=basket)
            best[at] = min(best[at], time.perf_counter() - began)
    return median(best) * 1e6


def _first_us(policy: Policy, sales: list[Sale]) -> float:
    took: list[float] = []
    for _run in range(RUNS):
        policy.__dict__["rulebook"] = Rulebook(policy)
        met = set()
        for person, tap, basket in sales:
            kind = (tap.outlet, tap.period, person.price_class, person.groups, person.lists)
            began = time.perf_counter()
            evaluate(policy=policy, person=person, tap=tap, basket=basket)
            if kind not in met:
                met.add(kind)
                took.append(time.perf_counter() - began)
    return median(took) * 1e6


def institution(times: int, *, places: int = 1) -> Policy:
    """A policy with `times` as many rules, over `places` times as many outlets and groups."""
    dice = random.Random(7)
    outlets, groups = 12 * places, GROUPS * places

    def where(number: int) -> Where:
        return (
            Where(),
            Where(outlets=(1 + number % outlets, 1 + number * 5 % outlets)),
            Where(periods=(1 + number % 4,)),
            Where(outlets=(1 + number % outlets,), periods=(2,)),
            Where(categories=(1 + number % 2,)),
            Where(weekdays=(0, 1, 2, 3, 4)),
        )[number % 6]

    def who(number: int) -> Who:
        one_class, one_group = (1 + number % CLASSES,), (1 + number * 3 % groups,)
        return (Who(), Who(classes=one_class), Who(groups=one_group), Who(lists=(1 + number % LISTS,)))[number % 4]

    def name(kind: str, number: int) -> Text:
        return Text(f"{kind} {number}")

    windows = ("day", "period", "week", "month", "sale")
    new_year = date(2026, 1, 1)
    return Policy(
        number=times,
        starts_at_s=0,
        min_evaluator=2,
        classes=tuple((number, name("class", number)) for number in range(1, CLASSES * times + 1)),
        periods=tuple(MealPeriod(at + 1, 1, name("meal", at), *minutes) for at, minutes in enumerate(MEALS)),
        prices=tuple(
            PriceRule(n, name("price", n), Who(classes=(n,)), percent_bp=8_000 + 500 * (n % 10))
            for n in range(1, CLASSES * times + 1)
        )
        + tuple(
            PriceRule(1_000 + n, name("price", n), who(n), where(n), 9_500, round_to_minor=10) for n in range(5 * times)
        ),
        programmes=tuple(_programme(dice, n, where(n)) for n in range(1, 30 * times + 1)),
        limits=tuple(
            Limit(
                n,
                name("limit", n),
                windows[n % 5],  # type: ignore[arg-type]  # one of the five
                "purse" if n % 3 else "total",
                who(n),
                where(n),
                max_minor=500_00,
                max_count=50 if n % 2 else None,
            )
            for n in range(1, 40 * times + 1)
        ),
        entitlements=tuple(
            Entitlement(n, name("meal", n), Who(groups=(n,)), Where(periods=(1,)), agreed_minor=6_00, covers_minor=5_00)
            for n in range(1, 4 * times + 1)
        ),
        blocks=tuple(Block(n, name("block", n), who(n), products=(900 + n,)) for n in range(5 * times)),
        days=tuple(DayKind(1, (new_year + timedelta(days=7 * at)).isoformat(), HOLIDAY) for at in range(40)),
        low_balance_minor=10_00,
    )


def _programme(dice: random.Random, number: int, where: Where) -> Programme:
    name = Text(f"programme {number}")
    if number % 5 == 0:
        return Programme(number, name, where, kind="voucher", threshold_minor=10_00, alone=number % 10 == 0)
    return Programme(number, name, where, part_payment=number % 7 > 0, order=dice.randrange(3))


def day(count: int, *, places: int = 1) -> list[Sale]:
    """A day's sales in the order in which they come."""
    dice = random.Random(11)
    crowd = [_person(dice, number, GROUPS * places) for number in range(300)]
    sales = []
    for number in range(count):
        meal = number * len(MEALS) // count + 1
        tap = Tap(NOW_S, 1, dice.randint(1, 12 * places), TODAY, 4, MEALS[meal - 1][0] + 30, meal)
        lines = [
            Line(dice.randrange(1_50, 12_00), 1, dice.randint(1, 60), dice.randint(1, CATEGORIES))
            for _line in range(dice.randint(1, 3))
        ]
        sales.append((dice.choice(crowd), tap, tuple(lines)))
    return sales


def _person(dice: random.Random, number: int, groups: int) -> Person:
    lots = tuple(
        Lot(number * 10 + at, programme, dice.randrange(1_00, 30_00), NOW_S + dice.randrange(10_000))
        for at, programme in enumerate([*dice.sample((1, 2, 3, 4, 6, 7, 8, 9), 3), *dice.sample((5, 10, 15, 20), 2)])
    )
    keys = (f"{TODAY}.1", f"{TODAY}.2", "2026-W47", "2026-11")
    return Person(
        account_ref=number + 1,
        price_class=dice.choice((1, 1, 1, 2, 2, 3, 4, 5)),
        purse_minor=200_00,
        per_sale_minor=100_00,
        groups=(1 + dice.randrange(groups), 1 + dice.randrange(groups)),
        lots=lots,
        used=(Used(TODAY, 8_00, 3_00, 1),),
        lists=(1 + number % LISTS,) if number % 3 == 0 else (),
        tallies=tuple(Tally(key, scope, 8_00, 3_00, 1) for key in keys for scope in (0, 7)),
        last_s=NOW_S - 7_200,
    )
