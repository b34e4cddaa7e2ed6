"""Pure checks of a compiled policy against what exists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from devices.core.policy import MAX_RULES, AgeStep, Limit, Policy, PriceRule, Programme, Where, Who


@dataclass(frozen=True, slots=True)
class Known:
    """Ids that exist and are open. `outlet_sites` and `period_sites` say of which site they are."""

    sites: frozenset[int]
    outlet_sites: Mapping[int, int]
    period_sites: Mapping[int, int]
    classes: frozenset[int]
    groups: frozenset[int]


class ProblemCode(StrEnum):
    """What can be wrong with a policy."""

    UNKNOWN_SITE = "unknown_site"
    UNKNOWN_OUTLET = "unknown_outlet"
    UNKNOWN_PERIOD = "unknown_period"
    UNKNOWN_CLASS = "unknown_class"
    UNKNOWN_GROUP = "unknown_group"
    NEVER_APPLIES = "never_applies"
    NO_STEPS = "no_steps"
    STEPS_GROW = "steps_grow"
    TOO_MANY_RULES = "too_many_rules"
    STARTS_IN_THE_PAST = "starts_in_the_past"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: `rule` is the name of the rule at fault, `named` the id it should not name."""

    code: ProblemCode
    rule: str = ""
    named: int = 0


def problems(policy: Policy, *, known: Known) -> tuple[Problem, ...]:
    """Everything that forbids publishing `policy`, in a fixed order; empty when it may be published."""
    found: list[Problem] = []
    if max(map(len, (policy.prices, policy.programmes, policy.limits, policy.periods))) > MAX_RULES:
        return (Problem(ProblemCode.TOO_MANY_RULES),)
    placed: tuple[Programme | PriceRule | Limit, ...] = (*policy.programmes, *policy.prices, *policy.limits)
    for rule in placed:
        found += _place_problems(rule.where, rule.name.zh, known)
        if not isinstance(rule, Programme):
            found += _people_problems(rule.who, rule.name.zh, known)
    return (*found, *_step_problems(policy.ages))


def _place_problems(where: Where, rule: str, known: Known) -> list[Problem]:
    found = [
        *_unknown(where.sites, known.sites, ProblemCode.UNKNOWN_SITE, rule),
        *_unknown(where.outlets, known.outlet_sites, ProblemCode.UNKNOWN_OUTLET, rule),
        *_unknown(where.periods, known.period_sites, ProblemCode.UNKNOWN_PERIOD, rule),
    ]
    if not found and not _meets_somewhere(where, known):
        found.append(Problem(ProblemCode.NEVER_APPLIES, rule))
    return found


def _people_problems(who: Who, rule: str, known: Known) -> list[Problem]:
    return [
        *_unknown(who.classes, known.classes, ProblemCode.UNKNOWN_CLASS, rule),
        *_unknown(who.groups, known.groups, ProblemCode.UNKNOWN_GROUP, rule),
    ]


def _unknown(
    named: Iterable[int], known: frozenset[int] | Mapping[int, int], code: ProblemCode, rule: str
) -> list[Problem]:
    return [Problem(code, rule, each) for each in named if each not in known]


def _meets_somewhere(where: Where, known: Known) -> bool:
    """Whether one site has all of: being named, a named outlet, a named period."""
    sites = set(where.sites or known.sites)
    if where.outlets:
        sites &= {known.outlet_sites[outlet] for outlet in where.outlets}
    if where.periods:
        sites &= {known.period_sites[period] for period in where.periods}
    return bool(sites)


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
