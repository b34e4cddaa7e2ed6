"""A register asks, a person taps, the register hears what came of it; each number is charged once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from devices.till.sales import (
    BadRequest,
    Busy,
    NoSuchOrder,
    NotApproved,
    NotReady,
    OtherAmount,
    RegisterSale,
    State,
)
from tests.devices import world
from tests.tillplugin.conftest import Shop

MakeShop = Callable[..., Shop]


def test_an_amount_is_collected_by_a_tap(shop: Shop) -> None:
    sale, began = shop.desk.ask("R-1", 12_50)
    assert (sale.state, began) == (State.WAITING, True)
    assert shop.bench.control.screen().amount_minor == 12_50
    outcome = shop.tap()
    assert outcome is not None
    assert outcome.approved
    found = shop.desk.find("R-1")
    assert (found.state, found.paid_minor, found.why) == (State.APPROVED, 12_50, "approved")
    assert (found.epoch, found.seq) == (outcome.epoch, outcome.seq)
    assert shop.told() == ["sale 1250 R-1"]


def test_the_same_number_again_is_the_same_sale_and_charged_once(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    shop.tap()
    sale, began = shop.desk.ask("R-1", 12_50)
    assert (sale.state, began) == (State.APPROVED, False)
    assert shop.tap() is None
    assert shop.told() == ["sale 1250 R-1"]


@pytest.mark.parametrize("paid", [True, False])
def test_another_amount_under_the_same_number_is_refused(shop: Shop, paid: bool) -> None:
    shop.desk.ask("R-1", 12_50)
    if paid:
        shop.tap()
    with pytest.raises(OtherAmount):
        shop.desk.ask("R-1", 12_51)
    assert shop.desk.find("R-1").amount_minor == 12_50


def test_a_second_sale_waits_until_the_first_is_over(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    with pytest.raises(Busy):
        shop.desk.ask("R-2", 1_00)
    shop.desk.cancel("R-1")
    shop.desk.ask("R-2", 1_00)
    shop.tap()
    assert shop.told() == ["sale 100 R-2"]


def test_whoever_cannot_pay_is_told_and_the_next_tap_may(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    shop.tap(2)
    declined = shop.desk.find("R-1")
    assert (declined.state, declined.why, declined.paid_minor) == (State.DECLINED, "insufficient", 0)
    shop.tap(1)
    assert shop.desk.find("R-1").state is State.APPROVED


def test_nothing_is_paid_without_a_register(shop: Shop) -> None:
    shop.bench.control.set_amount(5_00)
    assert shop.tap() is None
    assert shop.told() == []


def test_a_cancelled_sale_takes_no_tap(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    assert shop.desk.cancel("R-1").state is State.CANCELLED
    assert shop.desk.cancel("R-1").state is State.CANCELLED
    assert shop.tap() is None
    assert shop.desk.ask("R-1", 12_50)[0].state is State.CANCELLED


def test_cancelling_after_the_approval_is_too_late_and_says_so(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    shop.tap()
    assert shop.desk.cancel("R-1").state is State.APPROVED


def test_a_tap_decided_while_the_register_cancelled_is_reversed(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    control = shop.bench.control
    shop.desk.prepare(control)
    outcome = control.scan(world.Phone(1).show(shop.bench.clock.now_s), facts=shop.desk.facts())
    shop.desk.cancel("R-1")
    shop.desk.after(control, outcome)
    assert shop.desk.find("R-1").state is State.CANCELLED
    assert shop.told() == ["sale 1250 R-1", "reversal 2 cancelled"]


def test_the_reversal_hits_that_sale_and_not_the_newest(shop: Shop) -> None:
    for number in (1, 2):
        shop.desk.ask(f"R-{number}", number * 1_00)
        shop.tap()
    reversed_sale = shop.desk.reverse("R-1")
    assert (reversed_sale.state, reversed_sale.paid_minor) == (State.REVERSED, 0)
    assert shop.desk.reverse("R-1").state is State.REVERSED
    assert shop.told() == ["sale 100 R-1", "sale 200 R-2", "reversal 2 register"]


def test_only_what_was_approved_is_reversed(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    with pytest.raises(NotApproved):
        shop.desk.reverse("R-1")
    with pytest.raises(NoSuchOrder):
        shop.desk.reverse("R-9")


def test_a_sale_that_nobody_asks_about_lapses(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    shop.bench.clock.pass_ms(179_000)
    assert shop.desk.find("R-1").state is State.WAITING
    shop.bench.clock.pass_ms(181_000)
    assert shop.tap() is None
    assert shop.desk.find("R-1").state is State.CANCELLED


@pytest.mark.parametrize("order", ["", "A B", "x" * 41, "A/B", "订单", "A|B", "A*B"])
def test_numbers_that_would_not_go_through_are_refused(shop: Shop, order: str) -> None:
    with pytest.raises(BadRequest):
        shop.desk.ask(order, 1_00)


@pytest.mark.parametrize("amount_minor", [0, -1, 10_000_001])
def test_amounts_that_are_none_are_refused(shop: Shop, amount_minor: int) -> None:
    with pytest.raises(BadRequest):
        shop.desk.ask("R-1", amount_minor)


def test_a_terminal_that_cannot_sell_says_so(shop: Shop) -> None:
    shop.bench.clock.jump_ms(-3 * 86_400_000)
    with pytest.raises(NotReady):
        shop.desk.ask("R-1", 1_00)


def test_a_server_that_reads_no_orders_lets_a_register_sell_nothing(make_shop: MakeShop) -> None:
    with pytest.raises(NotReady):
        make_shop(journal=1).desk.ask("R-1", 1_00)


# Power


def test_an_approved_sale_is_found_again_after_the_power_was_cut(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    shop.tap()
    before = shop.desk.find("R-1")
    shop.restart()
    after = shop.desk.find("R-1")
    assert (after.state, after.amount_minor, after.paid_minor) == (State.APPROVED, 12_50, 12_50)
    assert (after.epoch, after.seq) == (before.epoch, before.seq)
    assert shop.desk.ask("R-1", 12_50)[0].state is State.APPROVED
    with pytest.raises(OtherAmount):
        shop.desk.ask("R-1", 12_51)
    assert shop.desk.reverse("R-1").state is State.REVERSED
    shop.restart()
    assert shop.desk.find("R-1").state is State.REVERSED
    assert shop.told() == ["sale 1250 R-1", f"reversal {before.seq} register"]


def test_a_power_cut_after_the_sale_and_before_the_register_heard_of_it_charges_once(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    shop.desk.prepare(shop.bench.control)
    shop.bench.control.scan(world.Phone(1).show(shop.bench.clock.now_s), facts=shop.desk.facts())
    shop.restart()
    assert shop.desk.ask("R-1", 12_50)[0].state is State.APPROVED
    assert shop.told() == ["sale 1250 R-1"]


def test_a_sale_that_waited_when_the_power_was_cut_is_asked_for_anew(shop: Shop) -> None:
    shop.desk.ask("R-1", 12_50)
    shop.restart()
    with pytest.raises(NoSuchOrder):
        shop.desk.find("R-1")
    assert shop.desk.ask("R-1", 12_50) == (shop.desk.find("R-1"), True)


def test_whoever_waits_hears_of_the_change_at_once(shop: Shop) -> None:
    first, _ = shop.desk.ask("R-1", 12_50)
    heard: list[RegisterSale] = []
    thread = threading.Thread(target=lambda: heard.append(shop.desk.wait("R-1", version=first.version, timeout_s=50)))
    thread.start()
    shop.tap()
    thread.join(60)
    assert heard[0].state is State.APPROVED
