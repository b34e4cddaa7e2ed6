"""Policies, people and baskets drawn small, so that amounts, categories and exclusions collide often.

Drawn by a seeded die rather than by nested strategies: each case is reached as often as the next, and at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import msgspec
from hypothesis import strategies as st

from devices.core.policy import Block, Entitlement, Limit, Policy, PriceRule, Programme, Source, Text, Where, Who
from devices.core.quote import Guard, Line, Lot, Person, Tally, Tap, Used
from tests.core.people import AT_S, LUNCH, NIGHT, POLICY, TAP

NAME = Text("名", "name")
PROGRAMMES = (1, 2, 3, 4, 5, 6)
WINDOWS: tuple[Any, ...] = ("sale", "period", "day", "week", "month")
KEYS = ("2026-11-20.1", "2026-11-20.2", "2026-11-20", "2026-W47", "2026-11")
CATEGORY_SETS = ((), (), (), (1,), (2,), (3,), (1, 2), (2, 3), (1, 3))
WHOS = (Who(), Who(), Who(), Who(classes=(1,)), Who(groups=(5,)), Who(lists=(8,)), Who(classes=(2,)))
SOURCES: tuple[Source, ...] = ("voucher", "lots", "purse")
ORDERS: tuple[tuple[Source, ...], ...] = tuple(
    ("entitlement", *rest)
    for count in (1, 2, 3)
    for rest in permutations(SOURCES, count)
    if "purse" in rest or count == 2
)
DEFAULT_ORDER = ("entitlement", "voucher", "lots", "purse")


@dataclass
class Dice:
    """One seed's cases."""

    random: random.Random
    everywhere: bool = False
    """Rules name no place or time."""
    least_minor: int = 0
    """The least price of a line; below zero it takes something off."""

    def one(self, *of: Any) -> Any:
        return self.random.choice(of)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def few(self, made: Callable[[int], Any], most: int, *, least: int = 0) -> tuple[Any, ...]:
        return tuple(made(number) for number in range(1, 1 + self.random.randint(least, most)))

    def where(self) -> Where:
        categories = self.one(*CATEGORY_SETS)
        if self.everywhere or self.chance(70):
            return Where(categories=categories)
        return Where(
            sites=self.one((), (), (), (TAP.site,), (TAP.site, 9), (9,)),
            periods=self.one((), (), (), (LUNCH,), (LUNCH, NIGHT), (NIGHT,)),
            categories=categories,
            outlets=self.one((), (), (TAP.outlet,), (99,)),
            weekdays=self.one((), (), (TAP.weekday,), (7,)),
            from_date=self.one("", "", "2026-11-20", "2026-11-21"),
            to_date=self.one("", "", "2026-11-20", "2026-11-19"),
        )

    def programme(self, number: int) -> Programme:
        return Programme(
            number,
            NAME,
            where=self.where(),
            part_payment=self.chance(65),
            order=self.one(0, 1),
            kind=self.one("subsidy", "voucher"),
            most_minor=self.one(0, 0, 2, 5),
            threshold_minor=self.one(0, 0, 3, 8),
            percent_bp=self.one(0, 0, 3_333, 5_000, 10_000),
            alone=self.chance(20),
            excludes=tuple(self.random.sample(PROGRAMMES, self.one(0, 0, 1, 2))),
        )

    def entitlement(self, number: int) -> Entitlement:
        return Entitlement(
            number,
            NAME,
            who=self.one(*WHOS),
            where=self.where(),
            window=self.one("period", "day", "week", "month", "sale"),
            count=self.one(1, 2),
            agreed_minor=self.random.randint(1, 9),
            covers_minor=self.one(0, 2, 5),
            order=self.one(0, 1),
        )

    def limit(self, number: int) -> Limit:
        return Limit(
            number,
            NAME,
            self.one(*WINDOWS),
            on=self.one("total", "purse"),
            who=self.one(*WHOS),
            where=self.where(),
            max_minor=self.one(None, 0, 4, 10, 40, 40),
            max_count=self.one(None, None, 0, 1, 3),
            min_gap_s=self.one(0, 0, 60),
        )

    def price(self, number: int) -> PriceRule:
        return PriceRule(
            number,
            NAME,
            who=self.one(*WHOS),
            where=self.where(),
            percent_bp=self.one(0, 5_001, 8_000, 13_000),
            add_minor=self.one(0, 0, 1, -2),
            round_to_minor=self.one(1, 1, 5),
            rounding=self.one("half_up", "up", "down"),
        )

    def block(self, number: int) -> Block:
        return Block(
            number,
            NAME,
            who=self.one(*WHOS),
            where=self.where(),
            products=self.one((), (2,)),
            allergens=self.one((), (), (1,), (1, 2)),
            avoided_only=self.chance(50),
            action=self.one("warn", "warn", "warn", "refuse"),
        )

    def guard(self, number: int) -> Guard:
        categories = self.one(*CATEGORY_SETS)
        return Guard(number, self.one(*WINDOWS), self.one(None, 0, 5, 20), self.one(None, None, 0, 2), categories)

    def policy(self, *, rules: bool = True) -> Policy:
        """Without `rules` there are only sources of money, which decline nothing by themselves."""
        some = 2 if rules else 0
        return Policy(
            number=7,
            starts_at_s=0,
            min_evaluator=2,
            periods=POLICY.periods,
            prices=self.few(self.price, some),
            programmes=tuple(self.programme(number) for number in PROGRAMMES),
            limits=self.few(self.limit, some),
            blocks=self.few(self.block, some),
            entitlements=self.few(self.entitlement, self.one(0, 1, 3)),
            funding_order=self.one(DEFAULT_ORDER, DEFAULT_ORDER, *ORDERS),
            max_vouchers=self.one(1, 2, 3),
            low_balance_minor=self.one(0, 5),
        )

    def lot(self, number: int) -> Lot:
        programme = self.one(*PROGRAMMES, *PROGRAMMES, 77)
        return Lot(number, programme, self.random.randint(-1, 8), AT_S + self.one(0, 1, 1, 50, 50))

    def tap(self) -> Tap:
        """Lunch on a Friday, mostly; else at night, between meals, on a holiday, at another outlet or site."""
        if self.everywhere or self.chance(60):
            return TAP
        return msgspec.structs.replace(
            TAP,
            site=self.one(TAP.site, TAP.site, 9),
            outlet=self.one(TAP.outlet, TAP.outlet, 99),
            weekday=self.one(TAP.weekday, TAP.weekday, 7, 0),
            period=self.one(LUNCH, NIGHT, 0, 0),
        )

    def tally(self, _number: int) -> Tally:
        return Tally(self.one(*KEYS), self.one(-2, -1, 0, 1, 2), self.one(0, 3, 9), self.one(0, 4), self.one(0, 1, 2))

    def person(self, *, limited: bool = True) -> Person:
        lots = list(self.few(self.lot, 6))
        self.random.shuffle(lots)
        tallies = {(each.key, each.scope): each for each in self.few(self.tally, 3)}
        who = Person(
            account_ref=1,
            price_class=self.one(1, 2),
            purse_minor=self.one(-3, 0, 3, 9, 60, 60),
            per_sale_minor=60,
            groups=self.one((), (5,), (6, 5)),
            lots=tuple(lots),
            lists=self.one((), (8,)),
        )
        if not limited:
            return who
        return msgspec.structs.replace(
            who,
            per_sale_minor=self.one(10, 60, 60, 60),
            used=self.one((), (Used(TAP.business_date, 9, 4, 1),)),
            avoid=self.one((), (1,)),
            guards=self.few(self.guard, self.one(0, 0, 1)),
            tallies=tuple(tallies.values()),
            last_s=self.one(0, AT_S - 30, AT_S - 90),
            purse_only=self.chance(10),
        )

    def line(self, _number: int) -> Line:
        return Line(
            self.random.randint(self.least_minor, 8),
            self.one(1, 1, 2),
            self.one(0, 1, 2),
            self.one(0, 1, 2, 3),
            self.one((), (), (1,), (1, 2)),
        )

    def basket(self) -> tuple[Line, ...]:
        return self.few(self.line, 4, least=0 if self.chance(10) else 1)


dice = st.integers(0, 2**48).map(lambda seed: Dice(random.Random(seed)))
free_dice = st.integers(0, 2**48).map(lambda seed: Dice(random.Random(seed), everywhere=True))
minus_dice = st.integers(0, 2**48).map(lambda seed: Dice(random.Random(seed), everywhere=True, least_minor=-3))
