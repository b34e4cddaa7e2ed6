"""What forbids publishing a policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from devices.core.policy import (
    MAX_CATEGORY_SETS,
    MAX_RULES,
    MAX_VOUCHERS,
    AgeStep,
    Block,
    Entitlement,
    Policy,
    Programme,
    Rule,
    Where,
    Who,
)
from ecard.benefits.rules.values import SETTINGS, Ref, ref_of

SOURCES = frozenset({"entitlement", "voucher", "lots", "purse"})


@dataclass(frozen=True, slots=True)
class Known:
    """Ids that exist and are open. `outlet_sites` and `period_sites` say of which site they are."""

    sites: frozenset[int]
    outlet_sites: Mapping[int, int]
    period_sites: Mapping[int, int]
    classes: frozenset[int]
    groups: frozenset[int]
    lists: frozenset[int] = frozenset()
    categories: frozenset[int] = frozenset()
    allergens: frozenset[int] = frozenset()
    products: frozenset[int] = frozenset()


class ProblemCode(StrEnum):
    """What can be wrong with a policy."""

    UNKNOWN_SITE = "unknown_site"
    UNKNOWN_OUTLET = "unknown_outlet"
    UNKNOWN_PERIOD = "unknown_period"
    UNKNOWN_CLASS = "unknown_class"
    UNKNOWN_GROUP = "unknown_group"
    UNKNOWN_LIST = "unknown_list"
    UNKNOWN_CATEGORY = "unknown_category"
    UNKNOWN_ALLERGEN = "unknown_allergen"
    UNKNOWN_PRODUCT = "unknown_product"
    NEVER_APPLIES = "never_applies"
    NO_STEPS = "no_steps"
    STEPS_GROW = "steps_grow"
    TOO_MANY_RULES = "too_many_rules"
    TOO_MANY_CATEGORY_SETS = "too_many_category_sets"
    BAD_ORDER = "bad_order"
    STARTS_IN_THE_PAST = "starts_in_the_past"
    UNREADABLE = "unreadable"
    BEING_EDITED = "being_edited"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: `rule` is the name of the rule at fault, `named` the id it should not name, `ref` its record."""

    code: ProblemCode
    rule: str = ""
    named: int = 0
    ref: Ref | None = field(default=None, compare=False)


def impossible(
    *,
    order: Sequence[str],
    max_vouchers: int,
    programmes: Iterable[Programme],
    entitlements: Iterable[Entitlement],
) -> tuple[Problem, ...]:
    """Why these rules make no policy at all; empty when they make one."""
    found = []
    fits = SOURCES.issuperset(order) and len(set(order)) == len(order) and "entitlement" not in order[1:]
    if not fits or not order or not 1 <= max_vouchers <= MAX_VOUCHERS:
        found.append(Problem(ProblemCode.BAD_ORDER, ref=SETTINGS))
    first: dict[tuple[int, ...], Programme | Entitlement] = {}
    sources: tuple[Programme | Entitlement, ...] = (*programmes, *entitlements)
    for rule in sources:
        if rule.where.categories:
            first.setdefault(rule.where.categories, rule)
    if len(first) > MAX_CATEGORY_SETS:
        last = list(first.values())[MAX_CATEGORY_SETS]
        found.append(
            Problem(ProblemCode.TOO_MANY_CATEGORY_SETS, last.name.zh, named=MAX_CATEGORY_SETS, ref=ref_of(last))
        )
    return tuple(found)


def problems(policy: Policy, *, known: Known) -> tuple[Problem, ...]:
    """Everything that forbids publishing `policy`, in a fixed order; empty when it may be published."""
    kinds: tuple[Sequence[object], ...] = (
        policy.prices,
        policy.programmes,
        policy.limits,
        policy.periods,
        policy.entitlements,
        policy.blocks,
    )
    if max(map(len, kinds)) > MAX_RULES:
        return (Problem(ProblemCode.TOO_MANY_RULES),)
    rules: tuple[Rule, ...] = (
        *policy.programmes,
        *policy.prices,
        *policy.limits,
        *policy.entitlements,
        *policy.blocks,
    )
    found: list[Problem] = []
    for rule in rules:
        found += _place_problems(rule.where, rule, known)
        if not isinstance(rule, Programme):
            found += _people_problems(rule.who, rule, known)
        if isinstance(rule, Block):
            found += _unknown(rule.products, known.products, ProblemCode.UNKNOWN_PRODUCT, rule)
            found += _unknown(rule.allergens, known.allergens, ProblemCode.UNKNOWN_ALLERGEN, rule)
    return (*found, *_step_problems(policy.ages))


def _place_problems(where: Where, rule: Rule, known: Known) -> list[Problem]:
    found = [
        *_unknown(where.sites, known.sites, ProblemCode.UNKNOWN_SITE, rule),
        *_unknown(where.outlets, known.outlet_sites, ProblemCode.UNKNOWN_OUTLET, rule),
        *_unknown(where.periods, known.period_sites, ProblemCode.UNKNOWN_PERIOD, rule),
        *_unknown(where.categories, known.categories, ProblemCode.UNKNOWN_CATEGORY, rule),
    ]
    if not found and not common_sites(where, known):
        found.append(Problem(ProblemCode.NEVER_APPLIES, rule.name.zh, ref=ref_of(rule)))
    return found


def _people_problems(who: Who, rule: Rule, known: Known) -> list[Problem]:
    return [
        *_unknown(who.classes, known.classes, ProblemCode.UNKNOWN_CLASS, rule),
        *_unknown(who.groups, known.groups, ProblemCode.UNKNOWN_GROUP, rule),
        *_unknown(who.lists, known.lists, ProblemCode.UNKNOWN_LIST, rule),
    ]


def _unknown(
    named: Iterable[int], known: frozenset[int] | Mapping[int, int], code: ProblemCode, rule: Rule
) -> list[Problem]:
    return [Problem(code, rule.name.zh, each, ref_of(rule)) for each in named if each not in known]


def common_sites(where: Where, known: Known) -> frozenset[int]:
    """The sites that have all of: being named, a named outlet, a named period. What is unknown is of no site."""
    sites = frozenset(where.sites or known.sites)
    if where.outlets:
        sites &= {known.outlet_sites.get(outlet, 0) for outlet in where.outlets}
    if where.periods:
        sites &= {known.period_sites.get(period, 0) for period in where.periods}
    return sites


def _step_problems(steps: tuple[AgeStep, ...]) -> list[Problem]:
    if not steps:
        return [Problem(ProblemCode.NO_STEPS)]
    for older, newer in zip(steps[1:], steps, strict=False):
        grows = older.sale_minor > newer.sale_minor or older.person_minor > newer.person_minor
        if older.up_to_s <= newer.up_to_s or grows:
            return [Problem(ProblemCode.STEPS_GROW, named=older.up_to_s)]
    return []


def whole_second(at: datetime) -> datetime:
    """`at` rounded up to a second: a policy's start is told in whole seconds."""
    return (at + timedelta(microseconds=999_999)).replace(microsecond=0)
