"""What the first evaluator decided: its policies and journals still read, and replay to the same legs and reasons.

The vectors are bytes that the first release wrote; they are never made anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devices.core.evaluate import evaluate
from devices.core.journal import SaleRecord, decode_record
from devices.core.policy import Policy, Source, decode_policy, encode_policy, least_evaluator

FOLDER = Path(__file__).resolve().parents[1] / "vectors"
WROTE: dict[str, Any] = json.loads((FOLDER / "policy_v1.json").read_text(encoding="utf-8"))
POLICIES = [decode_policy(each.encode()) for each in WROTE["policies"]]


def sale(line: str) -> SaleRecord:
    read = decode_record(line.encode())
    assert isinstance(read, SaleRecord)
    return read


@pytest.mark.parametrize("each", WROTE["records"], ids=lambda each: str(sale(each["line"]).seq))
def test_a_record_of_the_first_evaluator_replays_to_the_same_legs_and_reasons(each: dict[str, Any]) -> None:
    record = sale(each["line"])
    quote = evaluate(policy=POLICIES[each["policy"]], person=record.person, tap=record.tap, basket=record.basket)
    wrote = record.quote
    assert wrote.evaluator == 1
    assert (quote.legs, quote.reasons, quote.decline) == (wrote.legs, wrote.reasons, None)
    assert (quote.policy, quote.list_minor, quote.amount_minor) == (wrote.policy, wrote.list_minor, wrote.amount_minor)


def test_the_records_of_the_first_evaluator_tell_of_each_of_its_steps() -> None:
    told = {reason.code for each in WROTE["records"] for reason in sale(each["line"]).quote.reasons}
    assert told == {
        "price.list",
        "price.rule",
        "lot.used",
        "lot.expired",
        "lot.not_here",
        "lot.not_whole",
        "purse.used",
    }


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: str(policy.number))
def test_a_policy_of_the_first_evaluator_is_read_and_written_again(policy: Policy) -> None:
    assert policy.min_evaluator == 1
    assert decode_policy(encode_policy(policy)) == policy


def test_the_default_order_of_funds_is_left_out_so_that_the_first_evaluator_reads_the_policy() -> None:
    order: list[Source] = ["entitlement", "voucher", "lots", "purse"]
    assert b"funding_order" not in encode_policy(Policy(1, 0, funding_order=tuple(order)))


def test_only_what_the_first_evaluator_decides_alike_is_left_to_it() -> None:
    assert [least_evaluator(policy) for policy in POLICIES] == [1, 1, 2, 2]
