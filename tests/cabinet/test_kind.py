"""The cabinet beside the real journal and master control: what is kept, what goes back, what a power cut leaves."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from devices.cabinet.frames import Frames, Received, encode
from devices.cabinet.messages import Goods, Hello, Message, Order, Payment, Refusal, Slot, Status
from devices.core.journal import SaleRecord
from devices.core.policy import Block, Text
from tests.cabinet.conftest import COLA, COLA_MINOR, Shop
from tests.devices import world

MakeShop = Callable[..., Shop]


def _answers(shop: Shop, *messages: Message) -> list[Message]:
    data = b"".join(encode(message, sequence=1) for message in messages)
    return [each.message for each in Frames().feed(shop.kind.pump(data)) if isinstance(each, Received)]


def _refusal(shop: Shop, order: Order) -> Refusal:
    statuses = [each for each in _answers(shop, order) if isinstance(each, Status)]
    assert statuses[-1].payment is Payment.REFUSED
    return statuses[-1].refusal


def test_a_drink_is_paid_and_given_out_and_both_are_in_the_journal(shop: Shop) -> None:
    shop.choose()
    assert shop.bench.control.screen().amount_minor == COLA_MINOR
    outcome = shop.tap()
    assert outcome is not None
    assert outcome.approved
    assert shop.fallen == ["A1"]
    assert shop.told() == ["sale 400 A1", "note dispensed 2"]
    sale = shop.records()[0]
    assert isinstance(sale, SaleRecord)
    assert sale.facts is not None
    assert (sale.facts.device, sale.facts.slot) == ("cabinet/milk-1", 7)
    assert [(line.product, line.category) for line in sale.basket] == [(world.COLA, world.DRINKS)]


def test_nothing_is_sold_without_an_order(shop: Shop) -> None:
    assert shop.tap() is None
    assert shop.told() == []


def test_whoever_cannot_pay_gets_nothing_and_the_next_person_may(shop: Shop) -> None:
    shop.choose()
    outcome = shop.tap(2)
    assert outcome is not None
    assert not outcome.approved
    assert shop.fallen == []
    assert shop.cabinet.status is not None
    assert shop.cabinet.status.payment is Payment.DECLINED
    assert "余额不足" in shop.cabinet.status.text
    shop.run(2_000)
    assert shop.tap(1) is not None
    assert shop.fallen == ["A1"]


def test_goods_that_stick_give_back_that_very_sale(shop: Shop) -> None:
    shop.motor = "sticks"
    shop.choose()
    shop.tap()
    assert shop.told() == ["sale 400 A1", "reversal 2 not_dispensed"]


def test_the_reversal_hits_the_orders_sale_even_where_another_was_made_since(shop: Shop) -> None:
    shop.motor = "hangs"
    shop.choose()
    shop.tap()
    shop.bench.control.set_mode("typed")
    shop.run(3_000)
    shop.bench.pay(2_00, world.Phone(1, number=5).show(shop.bench.clock.now_s))
    shop.connected = False
    shop.run(12_000)
    assert shop.told()[-1] == "reversal 2 not_dispensed"


def test_goods_that_come_late_are_noted_once_for_finance(shop: Shop) -> None:
    shop.motor = "hangs"
    shop.choose()
    shop.tap()
    shop.connected = False
    shop.run(12_000)
    shop.motor = "falls"
    shop.move("A1")
    shop.connected = True
    shop.run(5_000)
    shop.restart()
    shop.run(5_000)
    assert shop.told() == ["sale 400 A1", "reversal 2 not_dispensed", "note dispensed_late 2"]


def test_a_sale_that_a_cashier_reversed_while_the_goods_moved_is_noted_as_late(shop: Shop) -> None:
    shop.motor = "hangs"
    shop.choose()
    shop.tap()
    assert shop.bench.control.reverse_last().approved
    shop.motor = "falls"
    shop.move("A1")
    shop.run(2_000)
    assert shop.told() == ["sale 400 A1", "reversal 2 cashier", "note dispensed_late 2"]


def test_a_tap_decided_while_the_order_was_taken_back_is_reversed(shop: Shop) -> None:
    shop.choose()
    kind, control = shop.kind, shop.bench.control
    kind.prepare(control)
    facts = kind.facts()
    outcome = control.scan(world.Phone(1).show(shop.bench.clock.now_s), facts=facts)
    shop.cabinet.cancel()
    shop.exchange()
    kind.after(control, outcome)
    shop.run(1_000)
    assert shop.fallen == []
    assert shop.told() == ["sale 400 A1", "reversal 2 cancelled"]


# Orders that cannot be


def test_an_order_at_another_price_than_the_catalogues_is_refused(shop: Shop) -> None:
    assert _refusal(shop, Order("B1", COLA_MINOR + 1, COLA)) is Refusal.PRICE


def test_a_product_that_is_not_sold_here_is_refused(shop: Shop) -> None:
    assert _refusal(shop, Order("B1", COLA_MINOR, (Slot(7, 99, 1),))) is Refusal.NOT_SOLD


def test_goods_with_and_without_a_number_are_not_mixed(shop: Shop) -> None:
    assert _refusal(shop, Order("B1", COLA_MINOR, (*COLA, Slot(8, 0, 1)))) is Refusal.NOT_SOLD


def test_a_price_that_changed_while_the_order_waited_ends_it_before_anybody_pays(shop: Shop) -> None:
    rice = (Slot(3, world.RICE, 1),)
    shop.choose(slots=rice, amount_minor=1_00)
    shop.bench.server.catalogue = world.catalogue(rice_minor=1_50)
    shop.bench.server.number += 1
    shop.bench.sync()
    assert shop.tap() is None
    assert shop.told() == []
    assert shop.cabinet.goods("A1") is Goods.VOID


def test_a_terminal_that_cannot_sell_refuses(shop: Shop) -> None:
    shop.bench.clock.jump_ms(-86_400_000 * 3)
    assert _refusal(shop, Order("B1", COLA_MINOR, COLA)) is Refusal.NOT_READY


def test_an_amount_without_products_is_paid_as_typed(shop: Shop) -> None:
    shop.choose(slots=(Slot(2, 0, 1),), amount_minor=2_50)
    shop.tap()
    assert shop.told() == ["sale 250 A1", "note dispensed 2"]


def test_a_product_that_may_not_be_bought_stays_in_the_cabinet_since_the_order_names_it(shop: Shop) -> None:
    block = Block(1, Text("可乐", "Cola"), products=(world.COLA,))
    shop.bench.server.policies = (msgspec.structs.replace(world.policy(), blocks=(block,)),)
    shop.bench.server.number += 1
    shop.bench.sync()
    shop.choose()
    outcome = shop.tap()
    assert outcome is not None
    assert not outcome.approved
    assert shop.fallen == []


# Power


def test_a_repeated_order_is_not_charged_again_after_the_power_was_cut(shop: Shop) -> None:
    shop.choose()
    shop.tap()
    shop.restart()
    order = Order("A1", COLA_MINOR, COLA)
    answers = _answers(shop, Hello("milk-1"), order)
    assert answers[-1] == Status("A1", Payment.PAID, Refusal.NONE, COLA_MINOR)
    dearer = msgspec.structs.replace(order, amount_minor=5_00)
    assert _refusal(shop, dearer) is Refusal.OTHER_CONTENT
    assert shop.tap() is None


def test_a_power_cut_before_the_cabinet_was_told_gives_the_money_back(shop: Shop) -> None:
    shop.choose()
    shop.connected = False
    shop.tap()
    shop.connected = True
    shop.restart()
    shop.run(3_000)
    assert shop.fallen == []
    assert shop.told() == ["sale 400 A1", "reversal 2 not_dispensed"]


def test_a_power_cut_while_the_goods_moved_charges_once_and_keeps_the_sale(shop: Shop) -> None:
    shop.motor = "hangs"
    shop.choose()
    shop.tap()
    shop.connected = False
    shop.motor = "falls"
    shop.move("A1")
    shop.restart()
    shop.connected = True
    shop.run(3_000)
    assert shop.told() == ["sale 400 A1", "note dispensed 2"]


def test_a_noted_sale_is_not_asked_about_again_however_dead_the_cabinet_is(shop: Shop) -> None:
    shop.choose()
    shop.tap()
    shop.connected = False
    shop.restart()
    shop.run(200_000)
    assert shop.told() == ["sale 400 A1", "note dispensed 2"]


def test_a_sale_whose_goods_nobody_noted_is_undone_where_the_cabinet_never_answers(shop: Shop) -> None:
    shop.motor = "hangs"
    shop.choose()
    shop.tap()
    shop.connected = False
    shop.restart()
    shop.run(119_000)
    assert shop.told() == ["sale 400 A1"]
    shop.run(3_000)
    assert shop.told() == ["sale 400 A1", "reversal 2 not_dispensed"]


def test_a_server_that_reads_no_orders_lets_a_cabinet_sell_nothing(make_shop: MakeShop) -> None:
    shop = make_shop(notes=False)
    assert _refusal(shop, Order("B1", COLA_MINOR, COLA)) is Refusal.NOT_READY
