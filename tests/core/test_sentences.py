"""Every reason has words in both languages, and every blank in them is filled by what is told beside it."""

from __future__ import annotations

import ast
import inspect
import string

import msgspec
import pytest

from devices.core import accept, evaluate, funds, sentences
from devices.core.declines import Decline, Why
from devices.core.policy import Text
from devices.core.quote import Quote, Reason
from devices.core.sentences import decline_sentence, quote_sentences, reason_sentence
from tests.core.people import POLICY, TAP, basket, limit, lot, person, policy, price

TOLD: dict[Why, dict[str, int | str]] = {
    Why.OTHER_INSTITUTION: {"institution": "ZZ"},
    Why.PHONE_SLOW: {"off_s": 40},
    Why.PHONE_FAST: {"off_s": 40},
    Why.ALREADY_USED: {"wait_s": 5},
    Why.TOO_MANY_SALES: {"max_count": 3},
    Why.OVER_SALE_LIMIT: {"limit_minor": 60_00, "amount_minor": 61_00},
    Why.OVER_DAY_LIMIT: {"limit_minor": 60_00, "used_minor": 30_00, "amount_minor": 40_00},
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


def test_every_reason_and_decline_that_the_rules_can_give_is_in_the_catalogue() -> None:
    given: set[str] = set()
    for module in (accept, evaluate, funds):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason":
                assert isinstance(node.args[0], ast.Constant)
                given.add(str(node.args[0].value))
    assert given == set(sentences._REASONS)
    assert set(Why) == set(sentences._DECLINES)


def whole_quotes() -> list[Quote]:
    """Evaluations that between them give every reason and every decline of the evaluator."""
    lots = (lot(1, 3_00), lot(2, 3_00, expires_s=TAP.at_s), lot(3, 3_00, programme=3), lot(4, 1, programme=2))
    rules = {"prices": (price(1, 9_000),)}
    limits = (limit(1, "day", max_minor=1), limit(2, "sale", max_minor=1), limit(3, "day", max_count=0))
    return [
        evaluate.evaluate(policy=policy(**rules), person=person(lots=lots), tap=TAP, basket=basket(10_00)),
        evaluate.evaluate(policy=POLICY, person=person(purse_minor=1), tap=TAP, basket=basket(10_00)),
        evaluate.evaluate(policy=POLICY, person=person(), tap=TAP, basket=basket(70_00)),
        *(
            evaluate.evaluate(policy=policy(limits=(each,)), person=person(), tap=TAP, basket=basket(10_00))
            for each in limits
        ),
    ]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_what_the_evaluator_tells_fills_every_sentence(language: str) -> None:
    given = set()
    for quote in whole_quotes():
        given |= {reason.code for reason in quote.reasons}
        for said in quote_sentences(quote, policy=policy(prices=(price(1, 9_000),)), language=language):
            assert "?" not in said
            assert "{" not in said
    assert given == set(sentences._REASONS)


def test_what_is_true_of_several_lots_is_said_once_and_what_each_paid_is_said_for_each() -> None:
    away, used = Reason("lot.not_here", {"programme": 1}), Reason("lot.used", {"programme": 1, "amount_minor": 5_00})
    quote = whole_quotes()[0]
    told = msgspec.structs.replace(quote, reasons=(away, used, away, used))
    said = quote_sentences(told, policy=POLICY, language="en")
    assert [each.count("cannot be spent here") for each in said] == [1, 0, 0]


def test_names_come_from_the_policy_and_money_is_written_as_money() -> None:
    used = Reason("lot.used", {"programme": 1, "lot": 31, "amount_minor": 5_00, "left_minor": 1_234_50})
    assert reason_sentence(used, policy=POLICY, language="en") == "“Meal subsidy” paid ¥5.00, ¥1,234.50 left in it"
    assert reason_sentence(used, policy=POLICY, language="zh-hans") == "“餐补”支付 ¥5.00，剩余 ¥1,234.50"
    assert reason_sentence(used, policy=None, language="en").startswith("“a benefit” paid")


def test_a_reason_of_a_later_release_is_shown_by_its_code() -> None:
    assert reason_sentence(Reason("voucher.used", {}), policy=POLICY, language="en") == "voucher.used"


def test_a_decline_told_without_its_numbers_still_makes_a_sentence() -> None:
    assert decline_sentence(Decline(Why.INSUFFICIENT), language="en") == "Not enough money: ? available, ? short"


def test_a_name_with_braces_is_shown_and_not_filled() -> None:
    named = policy(programmes=(type(POLICY.programmes[0])(1, Text("{amount_minor} {0.__class__}")),))
    used = Reason("lot.expired", {"programme": 1})
    assert "{amount_minor} {0.__class__}" in reason_sentence(used, policy=named, language="zh-hans")
