"""A small policy, place and person for the tests of evaluation."""

from __future__ import annotations

from typing import Any

import msgspec

from devices.core.policy import (
    AgeStep,
    Block,
    Entitlement,
    Limit,
    MealPeriod,
    Policy,
    PriceRule,
    Programme,
    Text,
    Where,
)
from devices.core.quote import Line, Lot, Person, Tap

AT_S = 1_795_147_200
LUNCH, NIGHT = 1, 2
SUBSIDY, WHOLE_ONLY, ELSEWHERE = 1, 2, 3

POLICY = Policy(
    number=7,
    starts_at_s=0,
    classes=((1, Text("学生", "Student")),),
    periods=(
        MealPeriod(LUNCH, 1, Text("午餐", "Lunch"), 10 * 60 + 30, 13 * 60 + 30),
        MealPeriod(NIGHT, 1, Text("夜宵", "Night"), 22 * 60, 2 * 60),
    ),
    programmes=(
        Programme(SUBSIDY, Text("餐补", "Meal subsidy")),
        Programme(WHOLE_ONLY, Text("整餐券", "Whole meal"), part_payment=False, order=1),
        Programme(ELSEWHERE, Text("校外", "Elsewhere"), where=Where(outlets=(99,))),
    ),
    ages=(AgeStep(900, 100_00, 300_00), AgeStep(14_400, 50_00, 100_00)),
)
TAP = Tap(at_s=AT_S, site=1, outlet=2, business_date="2026-11-20", weekday=4, minute=720, period=LUNCH)
PERSON = Person(account_ref=42, price_class=1, purse_minor=100_00, per_sale_minor=60_00, groups=(5,))


def lot(number: int, minor: int, *, programme: int = SUBSIDY, expires_s: int = AT_S + 3600) -> Lot:
    return Lot(number, programme, minor, expires_s)


def person(**changes: Any) -> Person:
    return msgspec.structs.replace(PERSON, **changes)


def policy(**changes: Any) -> Policy:
    return msgspec.structs.replace(POLICY, **changes)


def basket(minor: int) -> tuple[Line, ...]:
    return (Line(minor),)


def price(number: int, percent_bp: int, **changes: Any) -> PriceRule:
    return PriceRule(number, Text(f"价{number}", f"price {number}"), percent_bp=percent_bp, **changes)


def limit(number: int, window: Any, **changes: Any) -> Limit:
    return Limit(number, Text(f"限{number}", f"limit {number}"), window, **changes)


def subsidy(number: int, **changes: Any) -> Programme:
    return Programme(number, Text(f"补贴{number}", f"subsidy {number}"), **changes)


def voucher(number: int, **changes: Any) -> Programme:
    return Programme(number, Text(f"券{number}", f"voucher {number}"), kind="voucher", **changes)


def entitlement(number: int, **changes: Any) -> Entitlement:
    return Entitlement(number, Text(f"免费餐{number}", f"free meal {number}"), **changes)


def block(number: int, **changes: Any) -> Block:
    return Block(number, Text(f"禁售{number}", f"block {number}"), **changes)
