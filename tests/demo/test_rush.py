"""The rush without its terminals: who comes, what they show, and how an answer is counted."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest
import zxingcpp
from PIL import Image

from devices.core.catalogue import Catalogue, Product
from devices.core.code import DEVICE_BOUND, Grant, issuer_signed, moment_signed, parse, sign_credential
from devices.core.messages import Mode
from devices.core.policy import Text
from devices.master.screen import Network, Outcome, Phase, Result, Said, Screen
from ecard.demo import server
from ecard.demo.device import Device, ScanAnswer, choose
from ecard.demo.phone import DayCode, Phone, draw, new_key
from ecard.demo.rush import OTHER_CAMPUS, POSTER, Count, Tap, plan, play

ISSUER = new_key()
DAY_S = 86_400


def phone(*, days: int = 1) -> Phone:
    codes = []
    for day in range(days):
        key = new_key()
        credential = sign_credential(
            institution="EC",
            key_id=1,
            not_before_s=day * DAY_S,
            valid_min=1_440,
            code_id=b"12345678",
            grant=Grant(1, 1, 100, 100, 1, 1),
            phone_public=key.public,
            issuer=ISSUER,
            sealing_key=b"s" * 32,
        )
        codes.append(DayCode(credential, day * DAY_S, key))
    return Phone("EC", tuple(codes))


def read(picture: bytes) -> str:
    return zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))[0].text


def test_a_phones_picture_is_read_back_as_a_genuine_code_of_that_second() -> None:
    code = parse(read(phone().picture(at_s=1_000)), institution="EC")
    assert (code.kind, code.shown_at_s) == (DEVICE_BOUND, 1_000)
    assert issuer_signed(code, issuer_public=ISSUER.public)
    assert moment_signed(code)


def test_a_phone_uses_the_code_of_the_day() -> None:
    two_days = phone(days=2)
    assert parse(read(two_days.picture(at_s=DAY_S - 1)), institution="EC").not_before_s == 0
    after_midnight = parse(read(two_days.picture(at_s=DAY_S)), institution="EC")
    assert after_midnight.not_before_s == DAY_S
    assert moment_signed(after_midnight)


@pytest.mark.parametrize("text", [POSTER, OTHER_CAMPUS])
def test_what_is_no_code_of_ours_can_be_drawn_and_read(text: str) -> None:
    assert read(draw(text)) == text


@pytest.mark.parametrize("taps", [1, 7, 40, 500])
@pytest.mark.parametrize("terminals", [1, 2, 3])
def test_every_tap_is_planned_once_over_all_stages_and_terminals(taps: int, terminals: int) -> None:
    phones = [phone()] * 3
    stages = plan(phones, taps=taps, terminals=terminals, draw_from=Random(1))
    assert [stage.name for stage in stages] == ["online", "cut", "dark", "back"]
    assert {len(stage.taps) for stage in stages} == {terminals}
    assert sum(len(queue) for stage in stages for queue in stage.taps) == taps


def test_a_rush_has_replays_posters_and_other_campuses_in_it() -> None:
    stages = plan([phone()], taps=500, terminals=2, draw_from=Random(1))
    kinds = Counter(tap.kind for stage in stages for queue in stage.taps for tap in queue)
    assert kinds == {"pay": 488, "replay": 4, "poster": 4, "other_campus": 4}


SAID = Said("", "")


@dataclass
class FakeDevice:
    """Answers as told; takes a power cut and a cut line as a real one does."""

    answers: list[ScanAnswer]
    url: str = "fake"
    line: str = "pass"
    plugs: int = 0
    up: bool = True
    typed: list[int] = field(default_factory=list)
    mode: Mode = "typed"
    filled: list[int] = field(default_factory=list)
    waiting_minor: int = 0
    phase: Phase = Phase.READY
    codes: list[str] = field(default_factory=list)

    def screen(self) -> Screen | None:
        if not self.up:
            self.up = True
            return None
        network = Network(self.line == "pass", 0)
        return Screen(self.phase, 0, self.mode, 0, SAID, None, None, network, 0, 0, None, True, terminal=5)

    def is_up(self) -> bool:
        return self.screen() is not None

    is_ready = is_up

    def is_up_to_date(self) -> bool:
        return self.phase is Phase.READY

    def enrol(self, code: str) -> None:
        self.codes.append(code)
        self.phase = Phase.READY

    def set_line(self, mode: str) -> None:
        self.line = mode

    def pull_the_plug(self) -> None:
        self.plugs += 1
        self.up = False

    def type_amount(self, amount_minor: int) -> None:
        self.typed.append(amount_minor)
        self.waiting_minor = amount_minor

    def fill_basket(self, up_to_minor: int) -> None:
        self.filled.append(up_to_minor)
        self.waiting_minor = up_to_minor

    def clear(self) -> None:
        self.waiting_minor = 0

    def scan(self, picture: bytes) -> ScanAnswer:
        return self.answers.pop(0)


def answer(seq: int, *, approved: bool = True, same_tap: bool = False, why: str = "approved") -> ScanAnswer:
    result = Result(
        number=1,
        why=why,
        sound="approved",
        at_ms=0,
        ready_ms=0,
        until_ms=0,
        sentence=SAID,
        spoken=SAID,
        amount_minor=5_00,
    )
    return ScanAnswer(True, Outcome(approved, result, same_tap, 9, seq))


def serve(device: FakeDevice, taps: int) -> Count:
    count = Count()
    stages = plan([phone()], taps=taps, terminals=1, draw_from=Random(1))
    play(
        stages,
        devices=[cast(Device, device)],
        count=count,
        now_s=lambda: 100,
        watch=lambda: None,
    )
    return count


def test_only_new_approvals_count_as_shown() -> None:
    device = FakeDevice(
        [
            answer(1),
            answer(1, same_tap=True),
            answer(2, approved=False, why="insufficient"),
            ScanAnswer(False),
            answer(3),
        ]
    )
    count = serve(device, 4)
    assert [(each.terminal, each.epoch, each.seq, each.amount_minor) for each in count.shown] == [
        (5, 9, 1, 5_00),
        (5, 9, 3, 5_00),
    ]
    assert count.declined == {"same_tap": 1, "insufficient": 1}
    assert (count.taps, count.unread, len(device.typed)) == (4, 0, 4)


def test_a_picture_never_read_is_told_and_not_counted_as_anything_else() -> None:
    count = serve(FakeDevice([ScanAnswer(False)] * 3), 1)
    assert (count.taps, count.unread, count.shown, dict(count.declined)) == (1, 1, [], {})


def test_the_line_is_cut_in_the_middle_and_mended() -> None:
    device = FakeDevice([answer(number) for number in range(8)])
    count = serve(device, 8)
    assert count.offline == 4
    assert device.line == "pass"


def test_the_second_terminals_plug_is_pulled_once_and_it_goes_on() -> None:
    devices = [FakeDevice([answer(number) for number in range(8)]) for _ in range(2)]
    count = Count()
    play(
        plan([phone()], taps=16, terminals=2, draw_from=Random(1)),
        devices=[cast(Device, device) for device in devices],
        count=count,
        now_s=lambda: 100,
        watch=lambda: None,
    )
    assert [device.plugs for device in devices] == [0, 1]
    assert len(count.shown) == 16


def test_a_terminals_refusal_to_answer_ends_the_rush() -> None:
    device = FakeDevice([])
    with pytest.raises(IndexError):
        serve(device, 1)


def test_a_terminal_that_takes_long_to_answer_is_not_taken_for_one_that_is_off() -> None:
    assert len(serve(FakeDevice([answer(1)], up=False), 1).shown) == 1


def test_a_terminal_that_takes_long_to_answer_is_enrolled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecard.demo.campus.terminals", lambda: ["a terminal"])
    monkeypatch.setattr(server, "invite", lambda **_given: SimpleNamespace(code="a code"))
    device = FakeDevice([], up=False, phase=Phase.UNENROLLED)
    server.enrol([cast(Device, device)], timeout_s=20)
    assert device.codes == ["a code"]


def test_a_tap_is_worth_what_the_menu_says() -> None:
    stages = plan([phone()], taps=20, terminals=1, draw_from=Random(1))
    taps: list[Tap] = [tap for stage in stages for tap in stage.taps[0]]
    assert all(tap.amount_minor > 0 for tap in taps)


@pytest.mark.parametrize(
    ("up_to_minor", "chosen"), [(26_00, [1, 2, 3]), (20_00, [1, 3]), (6_00, [2]), (3_00, [3]), (1_00, [3])]
)
def test_a_basket_costs_about_what_a_tap_would_pay(up_to_minor: int, chosen: list[int]) -> None:
    priced = {2: 6_00, 3: 2_50, 1: 15_00}
    products = tuple(Product(number, Text(str(number)), price_minor) for number, price_minor in priced.items())
    assert choose(Catalogue(products=products), up_to_minor=up_to_minor) == chosen


def test_nothing_is_chosen_where_nothing_is_sold() -> None:
    assert choose(Catalogue(), up_to_minor=10_00) == []


def test_a_terminal_that_sells_products_gets_a_basket_and_no_typed_amount() -> None:
    device = FakeDevice([answer(number) for number in range(4)], mode="products")
    assert len(serve(device, 4).shown) == 4
    assert (len(device.filled), device.typed) == (4, [])


@pytest.mark.parametrize("mode", ["typed", "products"])
def test_what_the_last_one_was_refused_does_not_wait_for_whoever_opens_the_page(mode: Mode) -> None:
    device = FakeDevice([answer(0, approved=False, why="insufficient")], mode=mode)
    serve(device, 1)
    assert device.typed + device.filled
    assert not device.waiting_minor
