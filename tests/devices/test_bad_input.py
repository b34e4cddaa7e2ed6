"""Every bad presentation declines with a reason of its own, leaves the amount standing, and keeps no record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core import base45
from devices.core.accept import FOREVER_S, Denial
from devices.core.code import PREFIX_LENGTH
from devices.core.declines import Decline, Why
from devices.core.policy import Limit, Text
from devices.core.sentences import decline_sentence
from devices.master.screen import Phase
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import DAY_S, NOON_S, Phone

Case = Callable[[Bench], str]


def _deny(bench: Bench, before_s: int) -> str:
    bench.server.denials = (Denial(1, before_s),)
    bench.sync()
    return bench.show(1)


def _revoke_key(bench: Bench) -> str:
    bench.server.keys = world.key_list(number=2, revoked=True)
    bench.sync()
    bench.sync()
    return bench.show(1)


def _limited(bench: Bench, limit: Limit) -> str:
    bench.server.policies = (world.policy(number=2, limits=(limit,)),)
    bench.sync()
    return bench.show(1)


def _jumped(bench: Bench) -> str:
    bench.clock.jump_ms(3_600_000)
    return bench.show(1)


def _old_snapshot(bench: Bench, age_s: int) -> str:
    bench.clock.pass_ms(age_s * 1000)
    grant = world.grant(1, issued_at_s=NOON_S - 7200)
    return Phone(1, grant, day_s=bench.clock.now_s - 3600).show(bench.clock.now_s)


def _altered(text: str) -> str:
    """One bit of the sealed part."""
    data = bytearray(base45.decode(text[PREFIX_LENGTH:]))
    data[20] ^= 1
    return text[:PREFIX_LENGTH] + base45.encode(bytes(data))


def _too_soon(bench: Bench) -> str:
    text = _limited(bench, Limit(1, Text("间隔"), "sale", min_gap_s=60))
    assert bench.pay(1_00, text).approved
    bench.clock.pass_ms(30_000)
    return bench.show(1)


def _taken(bench: Bench, later_s: int) -> str:
    """Pay once with the present moment, then show another."""
    first = bench.show(1)
    assert bench.pay(10_00, first).approved
    bench.clock.pass_ms(6_000)
    return first if later_s == 0 else Phone(1).show(NOON_S + later_s)


CASES: dict[str, tuple[Why, Case]] = {
    "a poster": (Why.NOT_A_CODE, lambda _: "https://example.org/menu"),
    "nothing": (Why.NOT_A_CODE, lambda _: ""),
    "a novel": (Why.NOT_A_CODE, lambda _: "it was the best of times " * 10_000),
    "another script": (Why.NOT_A_CODE, lambda _: "付款码\x00\ud800"),
    "another campus": (Why.OTHER_INSTITUTION, lambda b: Phone(1, institution="ZZ").show(b.clock.now_s)),
    "half a code": (Why.DAMAGED, lambda b: b.show(1)[:100]),
    "a code with a tail": (Why.DAMAGED, lambda b: b.show(1) + "000"),
    "a code whose spaces were trimmed": (Why.DAMAGED, lambda b: b.show(1)[:-1]),
    "a key not known": (Why.UNKNOWN_KEY, lambda b: Phone(1, key_id=9).show(b.clock.now_s)),
    "a key withdrawn": (Why.KEY_REVOKED, _revoke_key),
    "altered": (Why.ALTERED, lambda b: _altered(b.show(1))),
    "tomorrow's": (Why.TOO_EARLY, lambda b: Phone(1, day_s=NOON_S + DAY_S).show(NOON_S + DAY_S)),
    "yesterday's": (Why.EXPIRED, lambda b: Phone(1, day_s=NOON_S - 2 * DAY_S).show(NOON_S - DAY_S - 1)),
    "a slot long gone": (Why.EXPIRED, lambda _: world.pre_signed(1, slot_s=NOON_S - 600)),
    "a slot to come": (Why.TOO_EARLY, lambda _: world.pre_signed(1, slot_s=NOON_S + 600)),
    "a screenshot of a minute ago": (Why.PHONE_SLOW, lambda b: Phone(1).show(b.clock.now_s - 60)),
    "a phone that is ahead": (Why.PHONE_FAST, lambda b: Phone(1).show(b.clock.now_s + 60)),
    "the same moment again": (Why.ALREADY_USED, lambda b: _taken(b, 0)),
    "an older moment": (Why.OLDER_MOMENT, lambda b: _taken(b, -5)),
    "a lost phone": (Why.DENIED, lambda b: _deny(b, NOON_S)),
    "a stopped account": (Why.STOPPED, lambda b: _deny(b, FOREVER_S)),
    "over a limit of one sale": (
        Why.OVER_SALE_LIMIT,
        lambda b: _limited(b, Limit(1, Text("单笔"), "sale", max_minor=5_00)),
    ),
    "over a limit of a day": (Why.OVER_DAY_LIMIT, lambda b: _limited(b, Limit(1, Text("日"), "day", max_minor=5_00))),
    "over a limit of a meal": (
        Why.OVER_PERIOD_LIMIT,
        lambda b: _limited(b, Limit(1, Text("餐"), "period", max_minor=5_00)),
    ),
    "over a limit of a week": (
        Why.OVER_WEEK_LIMIT,
        lambda b: _limited(b, Limit(1, Text("周"), "week", max_minor=5_00)),
    ),
    "over a limit of a month": (
        Why.OVER_MONTH_LIMIT,
        lambda b: _limited(b, Limit(1, Text("月"), "month", max_minor=5_00)),
    ),
    "too many sales a day": (Why.TOO_MANY_IN_WINDOW, lambda b: _limited(b, Limit(1, Text("次"), "day", max_count=0))),
    "too soon after the last sale": (Why.TOO_SOON, _too_soon),
    "a clock that was set": (Why.CLOCK_SUSPECT, _jumped),
    "a snapshot too old": (Why.SNAPSHOT_TOO_OLD, lambda b: _old_snapshot(b, 8 * DAY_S)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_presentation_declines_with_its_own_reason(bench: Bench, name: str) -> None:
    why, case = CASES[name]
    text = case(bench)
    held = bench.terminal.control.screen().unsent
    outcome = bench.pay(10_00, text)
    assert not outcome.approved
    assert outcome.result.why == why
    assert outcome.result.sentence.zh
    assert outcome.result.sentence.en
    screen = bench.control.screen()
    assert screen.amount_minor == 10_00
    assert screen.unsent == held
    assert screen.phase in (Phase.DECLINED, Phase.STOPPED)


def test_no_two_reasons_of_the_table_read_alike() -> None:
    """Else a cashier is left guessing."""
    said = {decline_sentence(Decline(why), language="en") for why, _ in CASES.values()}
    assert len(said) == len({why for why, _ in CASES.values()})


def test_more_than_there_is_says_how_much_is_short(bench: Bench) -> None:
    outcome = bench.pay(120_00, bench.show(1))
    assert outcome.result.why == Why.INSUFFICIENT
    assert "¥20.00" in outcome.result.sentence.en


def test_an_amount_over_what_an_old_snapshot_allows_says_that_it_is_the_age(bench: Bench) -> None:
    outcome = bench.pay(60_00, _old_snapshot(bench, 5 * 3600))
    assert outcome.result.why == Why.OVER_AGED_LIMIT


def test_without_an_amount_nothing_is_sold(bench: Bench) -> None:
    assert bench.control.scan(bench.show(1)).result.why == Why.NO_AMOUNT


def test_before_enrolment_nothing_is_sold(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(enrolled=False)
    assert bench.pay(10_00, bench.show(1)).result.why == Why.NOT_READY
    assert bench.control.screen().phase is Phase.UNENROLLED


@given(position=st.integers(0, 203 * 8 + 7))
def test_a_code_altered_in_any_bit_never_pays(altered_bench: Bench, position: int) -> None:
    text = Phone(1).show(altered_bench.clock.now_s)
    data = bytearray(base45.decode(text[PREFIX_LENGTH:]))
    data[position // 8] ^= 1 << position % 8
    assert not altered_bench.pay(1_00, text[:PREFIX_LENGTH] + base45.encode(bytes(data))).approved


@given(text=st.text(max_size=400) | st.text(alphabet="C1E 0123456789ABCXYZ $%*+-./:", max_size=400).map("C1EC".__add__))
def test_whatever_is_scanned_the_terminal_answers(altered_bench: Bench, text: str) -> None:
    assert altered_bench.pay(1_00, text).result.sentence.zh


@pytest.fixture(scope="module")
def altered_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    clock = world.FakeClock()
    server = world.FakeServer(clock)
    world.add_people(server, world.row(1))
    bench = Bench(tmp_path_factory.mktemp("altered"), clock, server)
    bench.open()
    bench.enrol()
    return bench
