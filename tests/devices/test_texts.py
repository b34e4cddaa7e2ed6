"""What the terminal says aloud, and the drivers that carry it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.declines import Decline, Why
from devices.core.money import MAX_AMOUNT_MINOR
from devices.drivers.display import LineDisplay
from devices.drivers.scanner import MAX_TEXT, LineScanner
from devices.master import texts
from devices.master.screen import Said
from tests.devices.conftest import Bench


@pytest.mark.parametrize(
    ("amount_minor", "said"),
    [
        (0, "零元"),
        (5, "五分"),
        (50, "五角"),
        (200, "两元"),
        (1_000, "十元"),
        (1_250, "十二元五角"),
        (1_005, "十元零五分"),
        (2_255, "二十二元五角五分"),
        (10_000, "一百元"),
        (10_100, "一百零一元"),
        (101_000, "一千零一十元"),
        (1_000_000, "一万元"),
        (1_001_000, "一万零一十元"),
        (2_000_000, "两万元"),
        (10_000_000, "十万元"),
        (MAX_AMOUNT_MINOR - 1, "九万九千九百九十九元九角九分"),
    ],
)
def test_an_amount_is_said_as_people_say_it(amount_minor: int, said: str) -> None:
    assert texts.chinese_amount(amount_minor) == said


def test_an_approval_is_said_in_both_languages() -> None:
    assert texts.spoken_approved(12_50) == Said("收款 十二元五角", "12.50 yuan paid")


def _heard(said: str) -> int:
    """Back to minor units, by another way."""
    digits = {each: value for value, each in enumerate("零一二三四五六七八九")} | {"两": 2}
    total = section = digit = 0
    for sign in said:
        if sign in digits:
            digit = digits[sign]
        elif sign in "十百千":
            section, digit = section + (digit or 1) * {"十": 10, "百": 100, "千": 1000}[sign], 0
        elif sign == "万":
            total, section, digit = (section + digit) * 10_000, 0, 0
        elif sign == "元":
            total, section, digit = (total + section + digit) * 100, 0, 0
        else:
            total, digit = total + digit * {"角": 10, "分": 1}[sign], 0
    return total


@given(amount_minor=st.integers(0, MAX_AMOUNT_MINOR))
def test_what_is_said_is_the_amount(amount_minor: int) -> None:
    assert _heard(texts.chinese_amount(amount_minor)) == amount_minor


@pytest.mark.parametrize("why", list(Why))
def test_every_reason_has_words_and_a_voice(why: Why) -> None:
    decline = Decline(why)
    assert texts.declined(decline).zh != texts.declined(decline).en
    assert texts.spoken_declined(decline).zh


def test_a_wedge_scanner_takes_away_the_line_break_and_nothing_else() -> None:
    scanner = LineScanner(io.StringIO("C1EC AB \r\n\r\n C1EC\n" + "X" * (MAX_TEXT + 10)))
    assert list(scanner.texts()) == ["C1EC AB ", " C1EC", "X" * MAX_TEXT, "X" * 10]


def test_a_pole_display_shows_the_amount_and_the_result(bench: Bench) -> None:
    out = io.StringIO()
    bench.control.subscribe(LineDisplay(out, language="en").show)
    bench.pay(12_50, bench.show(1))
    assert out.getvalue().splitlines()[-2:] == ["¥12.50", "Paid ¥12.50"]


@pytest.mark.parametrize(
    ("language", "idle", "asked", "stopped"),
    [
        ("en", "One moment, please", "Please show your code", "This terminal was withdrawn"),
        ("zh", "请稍候", "请出示付款码", "本机已被停用"),
    ],
)
def test_a_pole_display_speaks_to_people_also_before_and_after_a_tap(
    bench: Bench, language: str, idle: str, asked: str, stopped: str
) -> None:
    out = io.StringIO()
    display = LineDisplay(out, language=language)
    display.show(bench.control.screen())
    bench.control.set_amount(8_00)
    display.show(bench.control.screen())
    bench.control.withdrawn()
    display.show(bench.control.screen())
    lines = out.getvalue().splitlines()
    assert (lines[1], lines[3]) == (idle, asked)
    assert lines[5].startswith(stopped)
