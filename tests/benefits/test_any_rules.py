"""Judging and telling rules never fails, whatever the rows say."""

from __future__ import annotations

import string
from typing import Any

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from devices.core.policy import (
    AgeStep,
    Block,
    DayKind,
    Entitlement,
    Limit,
    Policy,
    PriceRule,
    Programme,
    Text,
    Where,
    Who,
)
from ecard.benefits.rules import Facts, Finding, Known, Problem, ProblemCode, findings, problems
from ecard.benefits.sentences import Names, difference, finding_sentence, policy_sentences, problem_sentence
from tests.benefits.known import FACTS, KNOWN, PERIODS

IDS = st.lists(st.sampled_from([1, 2, 3, 5, 6, 7, 10, 20, 40, 41, 60, 100, 200, 999]), max_size=3).map(tuple)
DATES = st.sampled_from(["", "2026-11-19", "2026-11-20", "2027-01-01"])
WHERES = st.builds(
    Where,
    sites=IDS,
    outlets=IDS,
    periods=IDS,
    weekdays=st.lists(st.integers(0, 32_767), max_size=3).map(tuple),
    categories=st.sampled_from([(), (40,), (41,), (40, 999)]),
    from_date=DATES,
    to_date=DATES,
)
WHOS = st.builds(Who, classes=IDS, groups=IDS, lists=IDS)
TEXTS = st.builds(Text, st.text(string.printable + "%规则“”{}", max_size=9), st.text(string.printable, max_size=9))
NUMBERS = st.integers(1, 4)
AMOUNTS = st.integers(0, 2**31 - 1)
WINDOWS: Any = st.sampled_from(["sale", "period", "day", "week", "month"])


def many(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=3, unique_by=lambda rule: rule.id).map(tuple)


POLICIES = st.builds(
    Policy,
    number=st.just(0),
    starts_at_s=st.just(0),
    prices=many(
        st.builds(
            PriceRule,
            id=NUMBERS,
            name=TEXTS,
            who=WHOS,
            where=WHERES,
            percent_bp=st.integers(0, 100_000),
            add_minor=st.integers(-10_000_000, 10_000_000),
            round_to_minor=st.sampled_from([1, 10, 50, 100]),
            rounding=st.sampled_from(["half_up", "up", "down"]),
        )
    ),
    programmes=many(
        st.builds(
            Programme,
            id=NUMBERS,
            name=TEXTS,
            where=WHERES,
            part_payment=st.booleans(),
            kind=st.sampled_from(["subsidy", "voucher"]),
            most_minor=AMOUNTS,
            threshold_minor=AMOUNTS,
            percent_bp=st.integers(0, 10_000),
            alone=st.booleans(),
            excludes=IDS,
        )
    ),
    limits=many(
        st.builds(
            Limit,
            id=NUMBERS,
            name=TEXTS,
            window=WINDOWS,
            on=st.sampled_from(["total", "purse"]),
            who=WHOS,
            where=WHERES,
            max_minor=st.none() | AMOUNTS,
            max_count=st.none() | AMOUNTS,
            min_gap_s=AMOUNTS,
        )
    ),
    entitlements=many(
        st.builds(
            Entitlement,
            id=NUMBERS,
            name=TEXTS,
            who=WHOS,
            where=WHERES,
            window=WINDOWS,
            count=st.integers(1, 32_767),
            agreed_minor=st.integers(1, 10_000_000),
            covers_minor=AMOUNTS,
        )
    ),
    blocks=many(
        st.builds(
            Block,
            id=NUMBERS,
            name=TEXTS,
            who=WHOS,
            where=WHERES,
            products=IDS,
            allergens=IDS,
            avoided_only=st.booleans(),
            action=st.sampled_from(["refuse", "warn"]),
        )
    ),
    days=st.lists(st.builds(DayKind, IDS.map(len), DATES, st.integers(0, 7)), max_size=2).map(tuple),
    ages=st.sampled_from([(), (AgeStep(900, 5, 5),)]),
    periods=st.just(PERIODS),
    funding_order=st.sampled_from([("entitlement", "voucher", "lots", "purse"), ("purse",), ("voucher", "lots")]),
)


@given(asked=POLICIES, other=POLICIES, language=st.sampled_from(["en", "zh-hans"]), empty=st.booleans())
def test_judging_and_telling_never_fail_whatever_the_rules_say(
    asked: Policy, other: Policy, language: str, empty: bool
) -> None:
    known = Known(frozenset(), {}, {}, frozenset(), frozenset()) if empty else KNOWN
    with override(language):
        said = [problem_sentence(each) for each in problems(asked, known=known)]
        found: tuple[Finding, ...] = findings(asked, known=known, facts=Facts() if empty else FACTS)
        said += [finding_sentence(each, Names()) for each in found]
        said += policy_sentences(asked, Names())
        assert all(said)
        told = difference(other, asked, Names())
        assert len(told.added) + len(told.changed) + told.kept >= len(policy_sentences(asked, Names()))
        assert difference(asked, asked, Names()).none


@pytest.mark.parametrize("code", list(ProblemCode))
def test_every_reason_against_publishing_is_said_in_a_sentence(code: ProblemCode) -> None:
    with override("en"):
        said = problem_sentence(Problem(code, "Lunch", 7))
    assert said.endswith(".")
    assert "%" not in said
