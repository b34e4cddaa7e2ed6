"""What a filled template becomes: rows of the working copy, as if typed one by one. Nothing is published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

from ecard.benefits.models import (
    Block,
    BlockAction,
    Ends,
    Entitlement,
    PriceRule,
    Programme,
    ProgrammeKind,
    Schedule,
    SpendLimit,
    Sponsor,
)
from ecard.benefits.operations import open_sponsor
from ecard.cardholders.models import PriceClass

Made: TypeAlias = list[Programme | Entitlement | PriceRule | SpendLimit | Block]
Given: TypeAlias = Mapping[str, Any]
R = TypeVar("R", Programme, Entitlement, PriceRule, SpendLimit, Block)

_PLACES = ("outlets", "periods", "categories", "groups", "products", "allergens")


def place_subsidy(given: Given) -> Made:
    """“100 yuan a year that only the gym takes.”"""
    terms = {
        "amount_minor": given["amount_minor"],
        "schedule": Schedule.DATES,
        "schedule_dates": given["dates"],
        "ends": Ends.DAYS,
        "ends_days": given["days"],
    }
    return [_programme(given, **terms)]


def allowance(given: Given) -> Made:
    """“300 a month for meals; up to 100 goes over to the next month.”"""
    over = given["left"] == "rollover"
    terms = {
        "amount_minor": given["amount_minor"],
        "schedule": Schedule.MONTHLY,
        "schedule_day": given["day"],
        "ends": Ends.ROLLOVER if over else Ends.PERIOD,
        "rollover_cap_minor": given["cap_minor"] if over else None,
    }
    return [_programme(given, **terms)]


def product_subsidy(given: Given) -> Made:
    """“20 a month for milk.”"""
    return [_programme(given, amount_minor=given["amount_minor"], schedule=given["every"])]


def free_meal(given: Given) -> Made:
    """“Breakfast free, lunch self-paid.”"""
    rule = Entitlement.objects.create(
        name=given["name"],
        name_en=given["name_en"],
        sponsor=_sponsor(given),
        count=given["count"],
        agreed_minor=given["agreed_minor"],
        covers_minor=given["covers_minor"] or 0,
    )
    return [_placed(rule, given)]


def threshold_voucher(given: Given) -> Made:
    """“A late-shift voucher that takes 15 off dinner from 20.”"""
    terms = {
        "kind": ProgrammeKind.VOUCHER,
        "amount_minor": given["amount_minor"],
        "threshold_minor": given["threshold_minor"] or 0,
        "for_list": given["for_list"],
        "schedule": given["every"],
        "pieces": given["pieces"],
        "alone": given["alone"],
    }
    return [_programme(given, **terms)]


def percent_voucher(given: Given) -> Made:
    """“Half price once a month, but no more than 10 off.”"""
    terms = {
        "kind": ProgrammeKind.VOUCHER,
        "amount_minor": given["amount_minor"],
        "percent_bp": given["percent_bp"],
        "schedule": given["every"],
        "pieces": given["pieces"],
    }
    return [_programme(given, **terms)]


def block(given: Given) -> Made:
    """“Pupils may not buy cola.”"""
    return [_placed(Block.objects.create(name=given["name"], name_en=given["name_en"]), given)]


def allergen_warning(given: Given) -> Made:
    """“Gluten: warn.”"""
    rule = Block.objects.create(
        name=given["name"],
        name_en=given["name_en"],
        action=BlockAction.WARN,
        avoided_only=given["avoided_only"],
    )
    return [_placed(rule, given)]


def limit(given: Given) -> Made:
    """“At most 60 a day.”"""
    rule = SpendLimit.objects.create(
        name=given["name"],
        name_en=given["name_en"],
        window=given["window"],
        on=given["on"],
        max_minor=given["max_minor"],
        max_count=given["max_count"],
    )
    return [_placed(rule, given)]


def prices(given: Given) -> Made:
    """“Staff pay 80 %, visitors 130 %.”"""
    made: Made = []
    classes = {each.code: each for each in PriceClass.objects.all()}
    for field, percent_bp in given.items():
        if not field.startswith("class_") or percent_bp in (None, ""):
            continue
        price_class = classes[int(field.removeprefix("class_"))]
        rule = PriceRule.objects.create(
            name=f"{price_class.name}价",
            name_en=f"{price_class.name_en or price_class.name} price",
            percent_bp=percent_bp,
            round_to_minor=int(given["round_to_minor"]),
            rounding=given["rounding"],
        )
        rule.classes.set([price_class])
        made.append(_placed(rule, given))
    return made


def _programme(given: Given, **terms: Any) -> Programme:
    rule = Programme.objects.create(name=given["name"], name_en=given["name_en"], sponsor=_sponsor(given), **terms)
    rule.for_groups.set(given["groups"])
    return _placed(rule, given)


def _sponsor(given: Given) -> Sponsor:
    return given["sponsor"] or open_sponsor(name=given["name"], name_en=given["name_en"])


def _placed(rule: R, given: Given) -> R:
    """Places, products and people as chosen; a programme's people are those who get it, not a place."""
    for field in _PLACES:
        if field in given and hasattr(rule, field):
            getattr(rule, field).set(given[field])
    return rule
