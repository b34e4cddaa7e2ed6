"""A cabinet that was written from the page alone, beside the terminal's side that sells."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from devices.cabinet.frames import frame
from tests.cabinet.line import MILK, PRICE_MINOR, Line, silence, whole
from tests.cabinet.paper import DISPENSED, FAILED, UNSURE, VOID, Entry, Lasting, PaperCabinet

LINES = [(each.slot, each.product, each.quantity) for each in MILK]


@dataclass
class Paper(Line):
    """The terminal of `Line` with the other cabinet at the far end."""

    memory_of_paper: Lasting = field(default_factory=Lasting)
    paper: PaperCabinet = field(init=False)

    def start_cabinet(self) -> None:
        super().start_cabinet()
        self.paper = PaperCabinet(self.memory_of_paper)

    def exchange(self) -> None:
        heard = b""
        for _ in range(4):
            sent = self.paper.exchange(self.to_cabinet(heard), at=self.now_ms / 1000) if self.cabinet_on else b""
            self.terminal.received(self.to_terminal(sent), now_ms=self.now_ms)
            self._host()
            heard = self.terminal.outgoing()

    def choose(self, order: str = "", *, amount_minor: int = PRICE_MINOR) -> None:
        self.paper.choose(amount_minor, LINES, at=self.now_ms / 1000)
        self.exchange()

    def entry(self) -> Entry:
        return list(self.memory_of_paper.orders.values())[-1]


@pytest.fixture
def line() -> Paper:
    return Paper()


def test_it_sells_twice(line: Paper) -> None:
    for number in (1, 2):
        line.choose()
        assert line.pay()
        line.run(5_000)
        assert line.entry() == Entry(DISPENSED, settled=True)
        assert line.paper.given_out == [f"P{each}" for each in range(1, number + 1)]
    assert (line.book.dispensed, line.book.given_back) == ([1, 2], [])


def test_goods_that_stick_are_paid_back(line: Paper) -> None:
    line.paper.jams = True
    line.choose()
    line.pay()
    line.run(5_000)
    assert (line.entry().goods, line.entry().settled) == (FAILED, True)
    assert line.book.given_back == [1]


def test_an_order_that_nobody_pays_is_void_and_the_next_one_sells(line: Paper) -> None:
    line.choose()
    line.run(61_000)
    assert line.entry().goods == VOID
    line.choose()
    assert line.pay()
    line.run(3_000)
    assert line.paper.given_out == ["P2"]


def test_a_line_that_loses_and_repeats_gives_out_once(line: Paper) -> None:
    line.choose()
    line.to_cabinet = line.to_terminal = silence
    line.pay()
    line.run(2_000)
    line.to_cabinet = line.to_terminal = lambda data: data * 3
    line.run(6_000)
    assert line.paper.given_out == ["P1"]
    assert line.book.dispensed == [1]


def test_its_power_cut_while_goods_move_gives_the_money_back(line: Paper) -> None:
    line.choose()
    line.pay()
    line.start_cabinet()
    line.run(6_000)
    assert (line.entry().goods, line.entry().fault) == (FAILED, UNSURE)
    assert line.book.given_back == [1]


def test_the_terminals_power_cut_charges_nobody_twice(line: Paper) -> None:
    line.choose()
    line.to_terminal = silence
    line.pay()
    line.start_terminal()
    line.to_terminal = whole
    line.run(6_000)
    assert line.book.dispensed + line.book.given_back == [1]


def test_it_and_the_terminal_fall_silent_where_one_speaks_another_version(line: Paper) -> None:
    """Each names the other's version once; an error is answered by nobody."""
    later = frame(0x7F, 1, b"\x01", version=2)
    assert line.paper.exchange(later, at=line.now_ms / 1000) == b""
    assert line.send(later) == []
