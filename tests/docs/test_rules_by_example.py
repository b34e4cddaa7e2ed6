"""The pages of rules by example do what they say, in both languages."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from devices.core.sentences import quote_sentences
from tests.core.cases import sale_of
from tests.docs.blocks import ROOT, blocks

PAGES = {"en": "ecard/benefits/RULES.md", "zh-hans": "ecard/benefits/RULES.zh.md"}
FIRST_PARAGRAPH = (
    "100 yuan a year that only the gym takes",
    "Breakfast is free",
    "Lunch is paid by oneself",
    "A late-shift voucher takes 15 off dinner from 20",
    "Pupils may not buy cola",
    "Staff pay 80 %",
    "Visitors pay 130 %",
)


def examples(page: str) -> list[tuple[str, dict[str, Any], list[str]]]:
    """Heading, what is given and the sentences told, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    given, told = blocks(page, "json")[1:], blocks(page, "text")
    return [
        (heading, json.loads(sale), said.splitlines())
        for heading, sale, said in zip(headings, given, told, strict=True)
    ]


EXAMPLES = [
    pytest.param(language, sale, told, id=f"{language}: {heading}")
    for language, page in PAGES.items()
    for heading, sale, told in examples(page)
]


@pytest.mark.parametrize(("language", "given", "told"), EXAMPLES)
def test_an_example_comes_out_in_the_words_beside_it(language: str, given: dict[str, Any], told: list[str]) -> None:
    common = json.loads(blocks(PAGES[language], "json")[0])
    sale = sale_of(given, common)
    said = quote_sentences(sale.quote(), policy=sale.policy, language=language, catalogue=sale.catalogue)
    assert said == told


def test_both_pages_show_the_same_examples() -> None:
    english, chinese = (
        [json.loads(block) for block in blocks(page, "json")] for page in (PAGES["en"], PAGES["zh-hans"])
    )
    assert english == chinese


def test_each_rule_that_every_place_asks_for_and_each_kind_of_rule_has_an_example() -> None:
    shown = examples(PAGES["en"])
    assert set(FIRST_PARAGRAPH) <= {heading for heading, _sale, _told in shown}
    policies = [sale.get("policy", {}) for _heading, sale, _told in shown]
    used = {name for policy in policies for name in policy}
    kinds = {"prices", "programmes", "limits", "entitlements", "blocks", "days", "funding_order", "low_balance_minor"}
    assert used == kinds
    assert {each.get("kind", "subsidy") for policy in policies for each in policy.get("programmes", [])} == {
        "subsidy",
        "voucher",
    }
    assert any("guards" in sale.get("person", {}) for _heading, sale, _told in shown)
