"""Every reason has words in both languages, and every blank in them is filled by what is told beside it."""

from __future__ import annotations

import ast
import inspect
import re
import string

import msgspec
import pytest

from devices.core import entitled, evaluate, funding, limits, pricing, sentences
from devices.core.catalogue import Catalogue, Product
from devices.core.declines import Decline, Why
from devices.core.policy import Text, Where
from devices.core.quote import Line, Person, Quote, Reason, Tally
from devices.core.sentences import decline_sentence, quote_sentences, reason_sentence
from tests.core.people import (
    POLICY,
    TAP,
    block,
    entitlement,
    limit,
    lot,
    person,
    policy,
    price,
    subsidy,
    voucher,
)

TOLD: dict[Why, dict[str, int | str]] = {
    Why.OTHER_INSTITUTION: {"institution": "ZZ"},
    Why.PHONE_SLOW: {"off_s": 40},
    Why.PHONE_FAST: {"off_s": 40},
    Why.ALREADY_USED: {"wait_s": 5},
    Why.TOO_MANY_SALES: {"max_count": 3},
    Why.OVER_SALE_LIMIT: {"limit_minor": 60_00, "amount_minor": 61_00},
    Why.OVER_DAY_LIMIT: {"limit": 1, "limit_minor": 60_00, "used_minor": 30_00, "amount_minor": 40_00},
    Why.OVER_PERIOD_LIMIT: {"limit": 1, "limit_minor": 60_00, "used_minor": 30_00, "amount_minor": 40_00},
    Why.OVER_WEEK_LIMIT: {"limit": 1, "limit_minor": 60_00, "used_minor": 30_00, "amount_minor": 40_00},
    Why.OVER_MONTH_LIMIT: {"limit": 1, "limit_minor": 60_00, "used_minor": 30_00, "amount_minor": 40_00},
    Why.TOO_MANY_IN_WINDOW: {"limit": 1, "max_count": 3, "window": "week"},
    Why.TOO_SOON: {"limit": 1, "wait_s": 60},
    Why.OVER_GUARD: {"guard": 1, "limit_minor": 20_00, "window": "day"},
    Why.TOO_MANY_GUARD: {"guard": 1, "max_count": 2, "window": "period"},
    Why.GUARD_BLOCKS: {"guard": 1},
    Why.NOT_SOLD_HERE: {"block": 1, "product": 3},
    Why.OVER_AGED_LIMIT: {"limit_minor": 60_00},
    Why.INSUFFICIENT: {"have_minor": 3_00, "short_minor": 7_00},
}
"""What the code that declines gives beside each reason; a reason not here gives nothing a sentence needs."""


def blanks(text: str) -> set[str]:
    return {name for _literal, name, _format, _conversion in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("why", list(Why))
def test_every_decline_has_words_in_both_languages_and_no_blank_left(why: Why) -> None:
    template: Text = sentences._DECLINES[why]
    assert template.zh
    assert template.en
    assert template.zh != template.en
    assert not template.zh.isascii()
    assert blanks(template.zh) == blanks(template.en) <= set(TOLD.get(why, {}))
    for language in ("zh-hans", "en"):
        said = decline_sentence(Decline(why, TOLD.get(why, {})), language=language)
        assert "?" not in said
        assert "{" not in said


@pytest.mark.parametrize("code", sorted(sentences._REASONS))
def test_every_reason_has_words_in_both_languages(code: str) -> None:
    template = sentences._REASONS[code]
    assert template.zh
    assert template.en
    assert blanks(template.zh) == blanks(template.en)


STEP = re.compile(r"(price|lot|voucher|entitlement|warn|purse)\.[a-z_]+")


def test_every_reason_and_decline_that_the_rules_can_give_is_in_the_catalogue() -> None:
    given = {
        str(node.value)
        for module in (entitled, evaluate, funding, limits, pricing)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Constant) and STEP.fullmatch(str(node.value))
    }
    assert given == set(sentences._REASONS)
    assert set(Why) == set(sentences._DECLINES)


FULL = policy(
    prices=(price(1, 9_000),),
    programmes=(
        *POLICY.programmes,
        subsidy(4, where=Where(categories=(2,))),
        subsidy(5, most_minor=50),
        voucher(6, excludes=(1,)),
        voucher(7, threshold_minor=50_00),
        voucher(8, where=Where(outlets=(99,))),
    ),
    entitlements=(entitlement(1, covers_minor=1_00), entitlement(2)),
    limits=(limit(1, "week", max_minor=20_00),),
    blocks=(
        block(1, allergens=(9,), action="warn"),
        block(2, products=(3,), action="warn"),
        block(3, where=Where(categories=(7,))),
    ),
    allergens=((9, Text("麸质", "gluten")),),
    low_balance_minor=1_000_00,
)
SOLD = Catalogue(products=(Product(3, Text("面包", "Bread"), 10_00),))


def whole_quotes() -> list[Quote]:
    """Evaluations that between them give every reason of the evaluator and several declines."""
    lots = (lot(1, 3_00), lot(2, 3_00, expires_s=TAP.at_s), lot(3, 3_00, programme=3), lot(4, 1, programme=2))
    more = (
        *(lot(5 + at, 1_00, programme=5) for at in range(2)),
        lot(7, 5_00, programme=6),
        lot(8, 1_00, programme=7),
        lot(9, 1_00, programme=8),
        lot(10, 1_00, programme=6),
        lot(11, 1_00, programme=6, expires_s=TAP.at_s),
        lot(12, 1_00, programme=6),
        lot(13, 1_00, programme=4),
    )
    two_used = tuple(Tally("2026-11-20.1", -number, 0, 0, 1) for number in (1, 2))
    bread, cola = (Line(10_00, 1, 3, 1, (9,)),), (Line(3_00, 1, 4, 7),)
    cases: list[tuple[Person, tuple[Line, ...]]] = [
        (person(lots=lots, tallies=two_used), bread),
        (person(lots=(*lots[:2], *more), tallies=two_used), bread),
        (person(), bread),
        (person(tallies=two_used[1:]), bread),
        (person(), cola),
        (person(purse_minor=1, tallies=two_used), bread),
        (person(tallies=(*two_used, Tally("2026-W47", 0, 15_00, 0, 1))), bread),
    ]
    return [evaluate.evaluate(policy=FULL, person=who, tap=TAP, basket=what) for who, what in cases]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_what_the_evaluator_tells_fills_every_sentence(language: str) -> None:
    given = set()
    for quote in whole_quotes():
        given |= {reason.code for reason in quote.reasons}
        for said in quote_sentences(quote, policy=FULL, language=language, catalogue=SOLD):
            assert "?" not in said
            assert "{" not in said
            assert said.isascii() or language != "en" or set(said) - set(string.printable) <= set("“”¥")
    assert given == set(sentences._REASONS)
    assert {quote.decline.why for quote in whole_quotes() if quote.decline} == {
        Why.NOT_SOLD_HERE,
        Why.INSUFFICIENT,
        Why.OVER_WEEK_LIMIT,
    }


def test_what_is_true_of_several_lots_is_said_once_and_what_each_paid_is_said_for_each() -> None:
    away, used = Reason("lot.not_here", {"programme": 1}), Reason("lot.used", {"programme": 1, "amount_minor": 5_00})
    quote = whole_quotes()[0]
    told = msgspec.structs.replace(quote, reasons=(away, used, away, used))
    said = quote_sentences(told, policy=POLICY, language="en")
    assert [each.count("cannot be spent here") for each in said] == [1, 0, 0]


@pytest.mark.parametrize("code", sorted(sentences._UNDONE))
def test_a_step_of_a_declined_sale_says_nothing_more_than_the_step_itself(code: str) -> None:
    undone, done = sentences._UNDONE[code], sentences._REASONS[code]
    assert blanks(undone.zh) == blanks(undone.en) <= blanks(done.en)
    assert undone.zh != undone.en


def test_a_declined_sale_does_not_say_that_anything_was_paid() -> None:
    who = person(purse_minor=9_00, lots=(lot(1, 3_00),))
    rules = policy(limits=(limit(1, "day", max_minor=5_00),), low_balance_minor=10_00)
    quote = evaluate.evaluate(policy=rules, person=who, tap=TAP, basket=(Line(10_00),))
    assert quote_sentences(quote, policy=rules, language="en") == [
        "List price ¥10.00",
        "“Meal subsidy” would have paid ¥3.00",
        "The purse would have paid ¥7.00",
        "Over today's limit of ¥5.00 (limit 1); ¥0.00 already spent",
    ]
    assert quote_sentences(quote, policy=rules, language="zh-hans")[1:3] == [
        "“餐补”本可支付 ¥3.00",
        "钱包本应支付 ¥7.00",
    ]


def test_names_come_from_the_policy_and_money_is_written_as_money() -> None:
    used = Reason("lot.used", {"programme": 1, "lot": 31, "amount_minor": 5_00, "left_minor": 1_234_50})
    assert reason_sentence(used, policy=POLICY, language="en") == "“Meal subsidy” paid ¥5.00, ¥1,234.50 left in it"
    assert reason_sentence(used, policy=POLICY, language="zh-hans") == "“餐补”支付 ¥5.00，剩余 ¥1,234.50"
    assert reason_sentence(used, policy=None, language="en").startswith("“a benefit” paid")


def test_a_reason_of_a_later_release_is_shown_by_its_code() -> None:
    assert reason_sentence(Reason("loan.used", {}), policy=POLICY, language="en") == "loan.used"


def test_a_decline_told_without_its_numbers_still_makes_a_sentence() -> None:
    assert decline_sentence(Decline(Why.INSUFFICIENT), language="en") == "Not enough money: ? available, ? short"


def test_a_name_with_braces_is_shown_and_not_filled() -> None:
    named = policy(programmes=(type(POLICY.programmes[0])(1, Text("{amount_minor} {0.__class__}")),))
    used = Reason("lot.expired", {"programme": 1})
    assert "{amount_minor} {0.__class__}" in reason_sentence(used, policy=named, language="zh-hans")


@pytest.mark.parametrize(
    ("wait_s", "zh", "en"),
    [
        (1, "1 秒", "1 s"),
        (119, "119 秒", "119 s"),
        (121, "3 分钟", "3 min"),
        (7_201, "3 小时", "3 h"),
        (172_800, "2 天", "2 days"),
    ],
)
def test_whoever_has_to_wait_is_told_a_time_that_is_long_enough_and_no_heap_of_seconds(
    wait_s: int, zh: str, en: str
) -> None:
    soon = Decline(Why.TOO_SOON, {"limit": 1, "wait_s": wait_s})
    assert decline_sentence(soon, language="zh-hans").endswith(f"请 {zh}后再试")
    assert decline_sentence(soon, language="en").endswith(f"Try again in {en}")
