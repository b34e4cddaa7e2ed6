"""Each kind of rule against amounts worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devices.core.quote import Quote
from tests.core.cases import Case, sale_of

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[1] / "vectors" / "policy.json").read_text(encoding="utf-8")
)
CASES = [
    pytest.param(group, case, id=case["name"].replace(" ", "_"))
    for group in VECTORS["groups"]
    for case in group["cases"]
]


def decided(group: Case, case: Case) -> Quote:
    return sale_of({**case, "policy": group.get("policy", {}) | case.get("policy", {})}, VECTORS["common"]).quote()


@pytest.mark.parametrize(("group", "case"), CASES)
def test_a_sale_is_decided_as_worked_out_by_hand(group: Case, case: Case) -> None:
    quote = decided(group, case)
    legs = {f"{leg.source} {leg.ref}".removesuffix(" 0"): leg.amount_minor for leg in quote.legs}
    assert (quote.decline.why.value if quote.decline else None, legs) == (case.get("decline"), case.get("legs", {}))
    if "amount_minor" in case or quote.approved:
        assert quote.amount_minor == case.get("amount_minor", sum(case["legs"].values()))
    if "steps" in case:
        assert [reason.code for reason in quote.reasons if reason.code != "price.list"] == case["steps"]
    if "counted" in case:
        assert [[each.scope, each.total_minor, each.purse_minor] for each in quote.counted] == case["counted"]


def test_every_vector_has_a_name_of_its_own() -> None:
    names = [case["name"] for group in VECTORS["groups"] for case in group["cases"]]
    assert len(names) == len(set(names)) > 90
