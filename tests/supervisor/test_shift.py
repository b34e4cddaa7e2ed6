"""Shifts, their report, and sales voided within them."""

from __future__ import annotations

import pytest

from devices.core.journal import NoteRecord, ReversalRecord
from devices.core.notes import SHIFT_CLOSED, VOIDED
from devices.drivers.printer import OUT_OF_PAPER
from devices.journal.journal import Journal
from devices.journal.values import DAY_MS, JournalFull
from devices.supervisor import words
from devices.supervisor.menu import Menu
from devices.supervisor.values import Closed, Done, SaleShown, Session, Shift, Totals
from tests.devices.conftest import Bench
from tests.supervisor.conftest import LI, WANG, FakePrinter, entered, refused


def sell(bench: Bench, account_ref: int, amount_minor: int) -> None:
    bench.clock.pass_ms(20_000)
    assert bench.pay(amount_minor, bench.show(account_ref)).approved


def opened(menu: Menu) -> Session:
    session = entered(menu)
    assert isinstance(menu.open_shift(session), Done)
    return session


def close(menu: Menu, session: Session, *, language: str = "zh") -> Closed:
    closed = menu.close_shift(session, language=language)
    assert isinstance(closed, Closed)
    return closed


def shown(menu: Menu, session: Session) -> tuple[SaleShown, ...]:
    sales = menu.sales(session)
    assert isinstance(sales, tuple)
    return sales


def last_note(bench: Bench, what: str) -> NoteRecord:
    found = [each.record for each in bench.terminal._journal.written(NoteRecord, since_ms=0)]
    return next(note for note in reversed(found) if isinstance(note, NoteRecord) and note.what == what)


def test_a_shift_counts_what_was_sold_in_it_and_prints_it(bench: Bench, menu: Menu, printer: FakePrinter) -> None:
    sell(bench, 1, 9_00)
    session = opened(menu)
    sell(bench, 1, 12_00)
    sell(bench, 2, 8_50)
    bench.control.reverse_last()
    closed = close(menu, session)
    assert closed.totals == Totals(sales=2, sales_minor=20_50, purse_minor=20_50, reversals=1, reversed_minor=8_50)
    assert closed.totals.net_minor == 12_00
    assert [receipt.lines for receipt in printer.printed] == [closed.lines]
    text = "\n".join(closed.lines)
    for said in ("班次报表", "一食堂 面档", "王主管", "笔数: 2", "收款: ¥20.50", "撤销金额: ¥8.50", "净额: ¥12.00"):
        assert said in text
    assert last_note(bench, SHIFT_CLOSED).params["sales_minor"] == 20_50


def test_the_report_is_there_in_english_too(bench: Bench, menu: Menu) -> None:
    session = opened(menu)
    sell(bench, 1, 12_00)
    text = "\n".join(close(menu, session, language="en").lines)
    assert "Shift report" in text
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in text.replace("王主管", ""))


def test_a_sale_of_a_shift_that_is_open_for_ten_days_without_a_line_is_voided(bench: Bench, menu: Menu) -> None:
    opened(menu)
    sell(bench, 1, 12_00)
    bench.clock.pass_ms(10 * DAY_MS)
    bench.restart()
    again = Menu(bench.control)
    session = entered(again, LI)
    assert refused(again.open_shift(session)).said == words.OPEN_ALREADY
    (sale,) = shown(again, session)
    assert isinstance(again.void(session, epoch=sale.epoch, seq=sale.seq), Done)
    assert close(again, session).totals.net_minor == 0


def test_a_shift_goes_on_over_a_power_cut(bench: Bench, menu: Menu) -> None:
    opened(menu)
    sell(bench, 1, 12_00)
    bench.restart()
    again = Menu(bench.control)
    sell(bench, 2, 8_00)
    session = entered(again, LI)
    shift = again.shift(session)
    assert isinstance(shift, Shift)
    assert (shift.opened_by, shift.totals.sales_minor) == ("王主管", 20_00)


def test_the_reversal_of_a_sale_from_before_the_shift_takes_its_amount_off(bench: Bench, menu: Menu) -> None:
    sell(bench, 1, 9_00)
    session = opened(menu)
    bench.control.reverse_last()
    assert close(menu, session).totals == Totals(reversals=1, reversed_minor=9_00)


def test_one_shift_at_a_time(menu: Menu) -> None:
    session = opened(menu)
    assert refused(menu.open_shift(session)).said == words.OPEN_ALREADY
    close(menu, session)
    assert refused(menu.close_shift(session)).said == words.NO_SHIFT
    assert isinstance(menu.open_shift(session), Done)


def test_a_printer_without_paper_changes_nothing_of_the_shift(bench: Bench, menu: Menu, printer: FakePrinter) -> None:
    session = opened(menu)
    printer.trouble = OUT_OF_PAPER
    closed = close(menu, session)
    assert (closed.printed, closed.trouble) == (False, OUT_OF_PAPER)
    assert menu.shift(session) is None
    printer.trouble = None
    assert menu.print_again(closed).printed


def test_a_shift_that_cannot_be_written_stays_open(
    menu: Menu, printer: FakePrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(menu)

    def full(*_given: object) -> None:
        raise JournalFull("no room")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append_note", full)
        assert refused(menu.close_shift(session)).said == words.NOT_WRITTEN
    assert printer.printed == []
    assert isinstance(menu.shift(session), Shift)


def test_a_sale_that_is_not_the_newest_is_voided_whole(bench: Bench, menu: Menu) -> None:
    session = opened(menu)
    for account_ref, amount_minor in ((1, 12_00), (2, 8_00), (1, 3_00)):
        sell(bench, account_ref, amount_minor)
    bench.clock.pass_ms(3600_000)
    session = entered(menu)
    middle = shown(menu, session)[1]
    assert (middle.amount_minor, middle.name) == (8_00, "李*")
    assert isinstance(menu.void(session, epoch=middle.epoch, seq=middle.seq), Done)
    assert [sale.reversed for sale in shown(menu, session)] == [False, True, False]
    reversal = bench.terminal._journal.written(ReversalRecord, since_ms=0)[-1].record
    assert isinstance(reversal, ReversalRecord)
    assert (reversal.of_seq, reversal.reason, reversal.cashier) == (middle.seq, "void", str(WANG))
    note = last_note(bench, VOIDED)
    assert (note.by, note.params["amount_minor"]) == (("3",), 8_00)
    assert bench.terminal._journal.pending(2).sales == 0


def test_nothing_is_voided_twice_nor_outside_its_shift(bench: Bench, menu: Menu) -> None:
    sell(bench, 1, 9_00)
    session = opened(menu)
    sell(bench, 2, 8_00)
    (sale,) = shown(menu, session)
    assert isinstance(menu.void(session, epoch=sale.epoch, seq=sale.seq), Done)
    assert refused(menu.void(session, epoch=sale.epoch, seq=sale.seq)).said == words.NOT_OF_SHIFT
    before = sale.seq - 2
    assert refused(menu.void(session, epoch=sale.epoch, seq=before)).said == words.NOT_OF_SHIFT
    close(menu, session)
    assert refused(menu.sales(session)).said == words.NO_SHIFT


def test_a_sale_older_than_the_list_that_is_shown_can_still_be_voided(
    bench: Bench, menu: Menu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.supervisor.menu.SALES_SHOWN", 1)
    session = opened(menu)
    sell(bench, 1, 12_00)
    (oldest,) = shown(menu, session)
    sell(bench, 2, 8_00)
    assert [sale.amount_minor for sale in shown(menu, session)] == [8_00]
    assert isinstance(menu.void(session, epoch=oldest.epoch, seq=oldest.seq), Done)
    assert refused(menu.void(session, epoch=oldest.epoch, seq=oldest.seq)).said == words.NOT_OF_SHIFT


def test_the_code_of_a_voided_sale_may_pay_again(bench: Bench, menu: Menu) -> None:
    session = opened(menu)
    text = bench.show(1)
    assert bench.pay(8_00, text).approved
    (sale,) = shown(menu, session)
    menu.void(session, epoch=sale.epoch, seq=sale.seq)
    bench.clock.pass_ms(2_000)
    assert bench.pay(8_00, text).approved
