"""What forbids publishing a policy: pure, table-driven."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from devices.core.policy import AgeStep, Limit, Policy, PriceRule, Programme, Text, Where, Who
from ecard.benefits.rules import Known, Problem, ProblemCode, problems, whole_second

KNOWN = Known(
    sites=frozenset({1, 2}),
    outlet_sites={10: 1, 20: 2},
    period_sites={100: 1, 200: 2},
    classes=frozenset({0, 1}),
    groups=frozenset({5}),
)
STEPS = (AgeStep(900, 200, 500), AgeStep(3600, 100, 200))
GOOD = Policy(number=1, starts_at_s=0, ages=STEPS)
NAME = Text("规则", "Rule")


def programme(where: Where) -> Policy:
    return msgspec.structs.replace(GOOD, programmes=(Programme(1, NAME, where=where),))


def price(who: Who) -> Policy:
    return msgspec.structs.replace(GOOD, prices=(PriceRule(1, NAME, who=who),))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (GOOD, ()),
        (programme(Where(sites=(1,), outlets=(10,), periods=(100,), weekdays=(0, 6))), ()),
        (programme(Where(sites=(3,))), (Problem(ProblemCode.UNKNOWN_SITE, "规则", 3),)),
        (programme(Where(outlets=(10, 99))), (Problem(ProblemCode.UNKNOWN_OUTLET, "规则", 99),)),
        (programme(Where(periods=(7,))), (Problem(ProblemCode.UNKNOWN_PERIOD, "规则", 7),)),
        (programme(Where(sites=(1,), outlets=(20,))), (Problem(ProblemCode.NEVER_APPLIES, "规则"),)),
        (programme(Where(outlets=(10,), periods=(200,))), (Problem(ProblemCode.NEVER_APPLIES, "规则"),)),
        (price(Who(classes=(0, 9))), (Problem(ProblemCode.UNKNOWN_CLASS, "规则", 9),)),
        (price(Who(groups=(6,))), (Problem(ProblemCode.UNKNOWN_GROUP, "规则", 6),)),
        (
            msgspec.structs.replace(GOOD, limits=(Limit(1, NAME, "day", who=Who(groups=(6,)), max_minor=1),)),
            (Problem(ProblemCode.UNKNOWN_GROUP, "规则", 6),),
        ),
        (msgspec.structs.replace(GOOD, ages=()), (Problem(ProblemCode.NO_STEPS),)),
        (
            msgspec.structs.replace(GOOD, ages=(AgeStep(900, 100, 100), AgeStep(3600, 101, 100))),
            (Problem(ProblemCode.STEPS_GROW, named=3600),),
        ),
        (
            msgspec.structs.replace(GOOD, ages=(AgeStep(900, 100, 100), AgeStep(900, 100, 100))),
            (Problem(ProblemCode.STEPS_GROW, named=900),),
        ),
        (
            msgspec.structs.replace(GOOD, prices=tuple(PriceRule(each, NAME) for each in range(1_001))),
            (Problem(ProblemCode.TOO_MANY_RULES),),
        ),
    ],
)
def test_a_policy_is_refused_for_exactly_what_is_wrong_with_it(policy: Policy, expected: tuple[Problem, ...]) -> None:
    assert problems(policy, known=KNOWN) == expected


def test_a_start_is_rounded_up_to_a_second_and_a_whole_one_stays() -> None:
    whole = datetime(2026, 1, 1, tzinfo=UTC)
    assert whole_second(whole) == whole
    assert whole_second(whole.replace(microsecond=1)) == whole.replace(second=1)
