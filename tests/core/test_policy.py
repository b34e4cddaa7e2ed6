"""Policies: which one governs, and that what was published reads back as it was."""

from __future__ import annotations

import msgspec
import pytest

from devices.core.policy import EVALUATOR_VERSION, Text, decode_policy, encode_policy, in_force
from tests.core.people import POLICY, limit, policy, price


def test_a_policy_reads_back_as_it_was_published() -> None:
    full = policy(prices=(price(1, 9_000),), limits=(limit(2, "day", max_minor=5),))
    assert decode_policy(encode_policy(full)) == full


@pytest.mark.parametrize(("at_s", "number"), [(99, None), (100, 1), (199, 1), (200, 3), (10**9, 3)])
def test_the_highest_number_already_started_governs(at_s: int, number: int | None) -> None:
    held = (policy(number=3, starts_at_s=200), policy(number=1, starts_at_s=100), policy(number=2, starts_at_s=150))
    found = in_force(held[:2], at_s=at_s)
    assert (found.number if found else None) == number


def test_an_older_evaluator_keeps_the_previous_policy() -> None:
    newer = policy(number=8, min_evaluator=EVALUATOR_VERSION + 1)
    assert in_force((POLICY, newer), at_s=0) == POLICY
    assert in_force((newer,), at_s=0) is None


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"number":1,"starts_at_s":0,"funding_order":["lots","lots"]}',
        b'{"number":1,"starts_at_s":0,"funding_order":["credit"]}',
        b'{"number":1,"starts_at_s":0,"limits":[{"id":1,"name":["a"],"window":"year"}]}',
        b'{"number":1,"starts_at_s":0,"limits":[{"id":1,"name":["a"],"window":"day","max_minor":-1}]}',
    ],
)
def test_what_is_no_policy_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_policy(body)


@pytest.mark.parametrize(
    ("language", "shown"), [("zh-hans", "餐补"), ("zh", "餐补"), ("en", "Meal subsidy"), ("fr", "Meal subsidy")]
)
def test_a_name_is_shown_in_the_readers_language(language: str, shown: str) -> None:
    assert Text("餐补", "Meal subsidy").in_language(language) == shown
    assert Text("餐补").in_language(language) == "餐补"
