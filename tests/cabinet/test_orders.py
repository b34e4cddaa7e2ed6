"""Orders as transcripts: C is the cabinet, T the terminal."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from devices.cabinet.cabinet_side import CabinetSide
from devices.cabinet.frames import Frames, Received, encode
from devices.cabinet.messages import (
    Dispense,
    Error,
    Goods,
    Hello,
    Order,
    Payment,
    Refusal,
    Report,
    Slot,
    Status,
    Welcome,
    Wrong,
)
from devices.cabinet.values import Name, Phase
from tests.cabinet.line import MILK, PRICE_MINOR, Line, silence, whole


def test_milk_is_ordered_paid_for_and_given_out() -> None:
    line = Line()
    line.choose()
    assert line.pay()
    assert line.said == [
        "C Order A1",
        "T Status A1 WAITING",
        "T Status A1 APPROVED",
        "T Dispense A1",
        "C Report A1 DISPENSING",
        "C Report A1 DISPENSED",
        "T Settled A1 paid",
    ]
    line.run(5_000)
    assert (line.fallen, line.book.dispensed, line.book.given_back) == (["A1"], [1], [])


def test_nothing_is_given_out_before_it_is_paid() -> None:
    line = Line()
    line.choose()
    line.run(30_000)
    assert line.fallen == []
    assert not any("Dispense" in each for each in line.said)


def test_goods_that_stick_are_paid_back_at_once() -> None:
    line = Line(motor="sticks")
    line.choose()
    line.pay()
    assert line.book.given_back == [1]
    assert line.said[-3:] == ["C Report A1 FAILED", "T Status A1 REVERSED", "T Settled A1 not paid"]


def test_a_cabinet_that_falls_silent_is_asked_and_then_the_money_goes_back() -> None:
    line = Line(motor="hangs")
    line.choose()
    line.pay()
    line.to_terminal = silence
    line.run(9_000)
    assert line.book.given_back == []
    assert line.said.count("T Ask A1") >= 3
    line.run(2_000)
    assert line.book.given_back == [1]


def test_goods_that_come_after_the_money_went_back_are_told_to_finance_once() -> None:
    line = Line(motor="hangs")
    line.choose()
    line.pay()
    line.to_terminal = line.to_cabinet = silence
    line.run(15_000)
    line.motor = "falls"
    line.go_on("A1")
    line.to_terminal = line.to_cabinet = whole
    line.run(5_000)
    assert (line.book.given_back, line.book.dispensed, line.book.late) == ([1], [], [1])


def test_late_goods_reported_again_are_not_told_again_also_after_a_restart() -> None:
    line = Line(motor="sticks")
    line.choose()
    line.pay()
    late = encode(Report("A1", Goods.DISPENSED), sequence=1)
    line.send(late * 2)
    line.start_terminal()
    line.send(late)
    assert line.book.late == [1]


def test_goods_that_never_stop_moving_are_paid_back_in_the_end() -> None:
    line = Line(motor="hangs")
    line.choose()
    line.pay()
    line.run(59_000)
    assert line.book.given_back == []
    line.run(3_000)
    assert line.book.given_back == [1]


def test_an_order_that_nobody_pays_lapses() -> None:
    line = Line()
    line.choose()
    line.run(61_000)
    assert "T Status A1 CANCELLED" in line.said
    assert line.terminal.open is None
    assert line.cabinet.goods("A1") is Goods.VOID


def test_an_order_is_cancelled_at_the_cabinet() -> None:
    line = Line()
    line.choose()
    line.cabinet.cancel()
    line.exchange()
    assert line.said[-2:] == ["C Cancel A1", "T Status A1 CANCELLED"]
    assert not line.pay()


def test_a_tap_that_was_being_decided_while_the_order_was_cancelled_is_reversed() -> None:
    line = Line()
    line.choose()
    line.cabinet.cancel()
    line.exchange()
    assert not line.pay_for(Name("milk-1", "A1"))
    assert line.book.given_back == [1]
    assert line.fallen == []


def test_an_approval_of_an_order_that_is_gone_does_not_pay_for_the_next_one() -> None:
    line = Line()
    line.choose("A1")
    line.cabinet.cancel()
    line.exchange()
    line.choose("A2")
    assert not line.pay_for(Name("milk-1", "A1"))
    assert line.fallen == []
    assert line.pay()
    assert line.fallen == ["A2"]


def test_a_cancel_that_comes_after_the_approval_is_too_late_and_the_cabinets_word_on_the_goods_counts() -> None:
    line = Line()
    line.choose()
    line.cabinet.cancel()
    line.to_terminal = silence
    line.exchange()
    line.to_terminal = whole
    line.pay()
    line.run(2_000)
    assert line.fallen == []
    assert line.book.given_back == [1]


# Repeats


def test_a_repeated_dispense_gives_out_once() -> None:
    line = Line()
    line.choose()
    line.to_cabinet = lambda data: data * 3
    line.pay()
    line.cabinet.received(encode(Dispense("A1"), sequence=1))
    line.run(3_000)
    assert line.fallen == ["A1"]


def test_a_repeated_order_gets_the_same_answer_and_is_charged_once() -> None:
    line = Line()
    line.choose()
    line.pay()
    order = encode(Order("A1", PRICE_MINOR, MILK), sequence=9)
    assert line.send(order * 2) == [Status("A1", Payment.PAID, Refusal.NONE, PRICE_MINOR)] * 2
    assert line.terminal.open is None


def test_other_content_under_the_same_number_is_refused_open_or_over() -> None:
    line = Line()
    line.choose()
    dearer = encode(Order("A1", PRICE_MINOR + 1, MILK), sequence=9)
    other = encode(Order("A1", PRICE_MINOR, (Slot(8, 32, 1),)), sequence=9)
    refused = [Status("A1", Payment.REFUSED, Refusal.OTHER_CONTENT, PRICE_MINOR + 1)]
    assert line.send(dearer) == refused
    line.pay()
    assert line.send(dearer) == refused
    assert line.send(other)[0] == Status("A1", Payment.REFUSED, Refusal.OTHER_CONTENT, PRICE_MINOR)


def test_a_second_order_waits_until_the_first_is_over() -> None:
    line = Line(motor="hangs")
    line.choose()
    second = encode(Order("A2", PRICE_MINOR, MILK), sequence=9)
    assert line.send(second) == [Status("A2", Payment.REFUSED, Refusal.BUSY, PRICE_MINOR)]
    line.pay()
    assert line.send(second) == [Status("A2", Payment.REFUSED, Refusal.BUSY, PRICE_MINOR)]


def test_the_same_number_from_another_cabinet_is_another_order() -> None:
    line = Line()
    line.choose()
    line.pay()
    line.send(encode(Hello("milk-2"), sequence=1))
    line.send(encode(Order("A1", PRICE_MINOR, MILK), sequence=2))
    assert line.terminal.open is not None
    assert line.terminal.open.phase is Phase.WAITING


def test_a_cabinet_put_in_anothers_place_does_not_say_what_became_of_its_order() -> None:
    """Its own order of that number was given out long ago."""
    line = Line(motor="hangs")
    line.choose()
    line.pay()
    line.cabinet_on = False
    line.send(encode(Hello("milk-2"), sequence=1))
    line.send(encode(Report("A1", Goods.DISPENSED), sequence=2))
    assert line.book.dispensed == []
    line.run(11_000)
    assert line.book.given_back == [1]


def test_an_order_before_hello_is_told_to_say_hello() -> None:
    line = Line()
    line.start_terminal()
    line.terminal.outgoing()
    assert line.send(encode(Order("A1", PRICE_MINOR, MILK), sequence=2)) == [Error(Wrong.HELLO_FIRST)]
    line.choose("A2")
    line.run(1_500)
    assert line.terminal.open is not None


def test_two_orders_under_way_while_the_terminal_restarts_do_not_take_each_other_back() -> None:
    """Each is answered with "hello first"; the second Hello must not come behind the order it makes way for."""
    line = Line()
    line.start_terminal()
    line.cabinet.choose("A1", amount_minor=PRICE_MINOR, slots=MILK, now_ms=line.now_ms)
    line.cabinet.tick(now_ms=line.now_ms + 1_000)
    line.terminal.received(line.cabinet.outgoing(), now_ms=line.now_ms)
    for each in line.terminal.outgoing().split(b"\x7e")[1:]:
        line.cabinet.received(b"\x7e" + each)
        line.now_ms += 1_000
        line.cabinet.tick(now_ms=line.now_ms)
    line.run(3_000)
    assert line.terminal.open is not None
    assert line.pay()
    assert line.fallen == ["A1"]


def test_a_cabinet_sends_no_order_before_its_welcome_since_a_repeated_hello_would_take_it_back() -> None:
    cabinet = CabinetSide(cabinet="milk-1")
    cabinet.tick(now_ms=0)
    cabinet.choose("A1", amount_minor=PRICE_MINOR, slots=MILK, now_ms=1)
    cabinet.tick(now_ms=2_000)
    sent = [each.message for each in Frames().feed(cabinet.outgoing()) if isinstance(each, Received)]
    assert sent == [Hello("milk-1")] * 2
    cabinet.received(encode(Welcome(7, ready=True), sequence=1))
    cabinet.tick(now_ms=4_000)
    assert [each.message for each in Frames().feed(cabinet.outgoing()) if isinstance(each, Received)] == [cabinet.order]


def test_goods_reported_without_payment_end_the_order_and_are_charged_to_nobody() -> None:
    line = Line()
    line.choose()
    line.send(encode(Report("A1", Goods.DISPENSED), sequence=2))
    assert line.terminal.open is None
    assert line.book.sales == []


# Whatever happens

ACTIONS = st.sampled_from(
    ["choose", "pay", "cancel", "cut line", "mend line", "garble", "terminal dies", "cabinet dies", "wait", "wait long"]
)


@given(st.lists(ACTIONS, max_size=25), st.sampled_from(["falls", "sticks", "hangs"]), st.randoms(use_true_random=False))
def test_whatever_is_cut_nobody_pays_twice_and_goods_kept_by_nobody_are_paid_by_nobody(
    actions: list[str], motor: str, random: Random
) -> None:
    line = Line(motor=motor)

    def garble(data: bytes) -> bytes:
        kept = [byte for byte in data if random.random() > 0.02]
        return bytes(byte ^ 1 << random.randrange(8) if random.random() < 0.02 else byte for byte in kept)

    for number, action in enumerate(actions):
        _act(line, action, number, garble)
        for order in set(line.fallen):
            assert line.fallen.count(order) == 1
            assert order in {name.order for name in line.book.sales}, "given out without approval"
    line.to_cabinet = line.to_terminal = whole
    line.run(200_000)
    assert line.terminal.open is None
    for seq, name in enumerate(line.book.sales, start=1):
        kept = seq not in line.book.given_back
        assert line.book.given_back.count(seq) <= 1
        if kept:
            assert name.order in line.fallen, "paid for goods that never came"
        elif name.order in line.fallen and seq not in line.book.late:
            assert line.book.sales.count(name) > 1
    paid = [name for seq, name in enumerate(line.book.sales, start=1) if seq not in line.book.given_back]
    assert len(paid) == len(set(paid)), "charged twice"


def _act(line: Line, action: str, number: int, garble: Callable[[bytes], bytes]) -> None:
    match action:
        case "choose" if line.cabinet.order is None:
            line.choose(f"A{number}")
        case "pay":
            line.pay()
        case "cancel":
            line.cabinet.cancel()
        case "cut line":
            line.to_cabinet = line.to_terminal = silence
        case "mend line":
            line.to_cabinet = line.to_terminal = whole
        case "garble":
            line.to_cabinet = line.to_terminal = garble
        case "terminal dies":
            line.start_terminal()
        case "cabinet dies":
            line.start_cabinet()
        case "wait long":
            line.run(15_000)
    line.run(500)


def test_a_message_of_the_wrong_direction_is_an_error() -> None:
    line = Line()
    assert line.send(encode(Dispense("A1"), sequence=4)) == [Error(Wrong.TYPE)]
