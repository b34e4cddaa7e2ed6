"""Money is read and written in one place, and never passes through a float."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.money import MAX_AMOUNT_MINOR, AmountError, format_minor, parse_amount, scale_bp


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("12", 12_00),
        ("12.5", 12_50),
        ("12.05", 12_05),
        ("0.01", 1),
        ("0", 0),
        ("¥12.50", 12_50),
        ("￥8", 8_00),
        (" 12.50 ", 12_50),
        ("100000.00", MAX_AMOUNT_MINOR),
        ("000012", 12_00),
    ],
)
def test_typed_amounts_are_read_as_minor_units(typed: str, minor: int) -> None:
    assert parse_amount(typed) == minor


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", ".", ".5", "12.", "12.505", "-1", "+1", "1e3", "1,000", "12 50", "¥", "¥¥1", "NaN", "inf", "0x10",
        "１２", "١٢", "12.5元", "100000.01", "999999999999", "1" * 5000, "12\n13",
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_says_what_is_accepted(typed: str) -> None:
    with pytest.raises(AmountError, match="an amount"):
        parse_amount(typed)


@pytest.mark.parametrize(
    ("minor", "shown"),
    [(0, "¥0.00"), (5, "¥0.05"), (12_50, "¥12.50"), (1_234_567_89, "¥1,234,567.89"), (-5, "-¥0.05"), (-99, "-¥0.99")],
)
def test_amounts_are_written_with_two_decimals_and_the_sign_first(minor: int, shown: str) -> None:
    assert format_minor(minor) == shown


@given(st.integers(0, MAX_AMOUNT_MINOR))
def test_what_is_written_is_read_again(minor: int) -> None:
    assert parse_amount(format_minor(minor).replace(",", "")) == minor


@pytest.mark.parametrize(
    ("minor", "percent_bp", "scaled"),
    [
        (10_00, 10_000, 10_00),
        (10_00, 5_000, 5_00),
        (1, 5_000, 1),
        (1, 4_999, 0),
        (3, 5_000, 2),
        (10_01, 9_000, 9_01),
        (7, 0, 0),
    ],
)
def test_a_share_rounds_halves_up(minor: int, percent_bp: int, scaled: int) -> None:
    assert scale_bp(minor, percent_bp) == scaled


@given(st.integers(0, MAX_AMOUNT_MINOR), st.integers(0, 10_000))
def test_a_share_is_within_half_a_minor_unit_and_never_over_the_whole(minor: int, percent_bp: int) -> None:
    scaled = scale_bp(minor, percent_bp)
    assert 0 <= scaled <= minor
    assert abs(2 * (scaled * 10_000 - minor * percent_bp)) <= 10_000
