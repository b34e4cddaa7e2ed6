"""Power that is cut on either side of the line, and what each side does when it comes back."""

from __future__ import annotations

import pytest

from devices.cabinet.frames import encode
from devices.cabinet.messages import (
    Cancel,
    Fault,
    Goods,
    Hello,
    Order,
    Payment,
    Refusal,
    Status,
)
from devices.cabinet.values import Phase, Times
from tests.cabinet.line import MILK, PRICE_MINOR, Line, silence, whole


@pytest.mark.parametrize("motor", ["falls", "sticks", "hangs"])
def test_a_terminal_cut_off_between_approval_and_dispense_gives_the_money_back(motor: str) -> None:
    line = Line(motor=motor)
    line.choose()
    line.to_cabinet = silence
    line.pay()
    line.start_terminal()
    line.to_cabinet = whole
    line.run(3_000)
    assert (line.fallen, line.book.given_back, line.book.dispensed) == ([], [1], [])


def test_a_terminal_cut_off_while_goods_move_hears_that_they_came() -> None:
    line = Line(motor="hangs")
    line.choose()
    line.pay()
    line.start_terminal()
    line.run(1_000)
    line.motor = "falls"
    line.go_on("A1")
    line.run(3_000)
    assert (line.book.given_back, line.book.dispensed) == ([], [1])
    assert line.cabinet.order is None


def test_a_terminal_cut_off_before_it_noted_the_goods_asks_and_notes_them() -> None:
    line = Line()
    line.choose()
    line.pay()
    line.book.dispensed.clear()
    line.start_terminal()
    line.run(3_000)
    assert (line.book.given_back, line.book.dispensed, line.fallen) == ([], [1], ["A1"])


def test_a_terminal_that_starts_beside_a_dead_cabinet_gives_the_money_back_after_a_while() -> None:
    line = Line(motor="hangs")
    line.choose()
    line.pay()
    line.cabinet_on = False
    line.start_terminal()
    line.run(119_000)
    assert line.book.given_back == []
    line.run(3_000)
    assert line.book.given_back == [1]


def test_without_notes_a_terminal_asks_until_it_is_answered() -> None:
    line = Line(times=Times(recover_ms=None))
    line.choose()
    line.pay()
    line.book.dispensed.clear()
    line.cabinet_on = False
    line.start_terminal()
    line.run(600_000)
    assert line.book.given_back == []
    line.cabinet_on = True
    line.run(3_000)
    assert (line.book.given_back, line.book.dispensed) == ([], [1])


def test_a_repeated_order_is_not_charged_again_after_the_terminal_restarted() -> None:
    line = Line()
    line.choose()
    line.pay()
    line.start_terminal()
    line.send(encode(Hello("milk-1"), sequence=1))
    order = encode(Order("A1", PRICE_MINOR, MILK), sequence=9)
    assert line.send(order) == [Status("A1", Payment.PAID, Refusal.NONE, PRICE_MINOR)]
    assert line.terminal.open is None


def test_a_cabinet_cut_off_while_goods_moved_does_not_know_and_the_money_goes_back() -> None:
    line = Line(motor="hangs")
    line.choose()
    line.pay()
    line.start_cabinet()
    line.run(5_000)
    assert line.memory["A1"].fault is Fault.UNSURE
    assert line.book.given_back == [1]


def test_a_cabinet_cut_off_with_an_order_that_waits_forgets_it_on_both_sides() -> None:
    line = Line()
    line.choose()
    line.start_cabinet()
    line.run(1_000)
    assert line.terminal.open is None
    assert line.cabinet.goods("A1") is Goods.VOID


def test_a_hello_takes_back_an_order_that_waits_and_none_that_is_paid() -> None:
    line = Line(motor="hangs")
    hello = encode(Hello("milk-1"), sequence=1)
    line.choose()
    line.send(hello)
    assert line.terminal.open is None
    line.cabinet.cancel()
    line.choose("A2")
    line.pay()
    line.send(hello)
    assert line.terminal.open is not None
    assert line.terminal.open.phase is Phase.DISPENSING


def test_a_reversal_that_storage_refuses_is_tried_until_it_is_durable() -> None:
    line = Line(motor="sticks", storage=False)
    line.choose()
    line.pay()
    line.run(5_000)
    assert line.book.given_back == []
    assert line.send(encode(Cancel("A1"), sequence=3))[0].payment is Payment.APPROVED  # type: ignore[union-attr]
    line.storage = True
    line.run(2_000)
    assert line.book.given_back == [1]
