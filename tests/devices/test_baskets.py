"""Products and meals by identity at a terminal that has no line: the basket, what is refused, what is warned of."""

from __future__ import annotations

import msgspec
import pytest

from devices.core.catalogue import MAX_BASKET_LINES, MAX_QUANTITY, Catalogue, Product
from devices.core.declines import Why
from devices.core.journal import MAX_LINE_BYTES, SaleRecord, decode_record, encode_record
from devices.core.money import MAX_AMOUNT_MINOR, AmountError
from devices.core.policy import Block, Entitlement, Limit, Policy, PriceRule, Text, Where, Who
from devices.core.quote import Line, Lot
from devices.master.screen import Phase, Said
from devices.master.till import BasketError
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import CAKE, COLA, DAY_S, GLUTEN, NOODLES, NOON_S, PEANUTS, RICE

PUPILS = 7
COLA_BLOCK = Block(3, Text("学生不售可乐", "No cola for pupils"), Who(groups=(PUPILS,)), products=(COLA,))
ALLERGY = Block(4, Text("过敏提醒", "Allergy"), allergens=(GLUTEN, PEANUTS), avoided_only=True, action="warn")
LUNCH = Entitlement(9, Text("免费午餐", "Free lunch"), Who(groups=(PUPILS,)), window="period", agreed_minor=12_00)


def _rules(**more: object) -> Policy:
    base = world.policy()
    names = world.catalogue()
    return msgspec.structs.replace(
        base,
        min_evaluator=2,
        blocks=(COLA_BLOCK, ALLERGY),
        categories=names.categories,
        allergens=names.allergens,
        **more,
    )


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """Products mode, cut off after everything came: person 3 is a pupil, person 4 avoids gluten and peanuts."""
    _serve(bench, _rules())
    return bench


@pytest.fixture
def door(bench: Bench) -> Bench:
    """Identity mode with a free lunch for pupils, cut off after everything came."""
    bench.server.parameters = world.parameters(mode="identity")
    _serve(bench, _rules(entitlements=(LUNCH,)))
    return bench


def _serve(bench: Bench, policy: Policy, *, catalogue: Catalogue | None = None) -> None:
    server = bench.server
    server.down = False
    server.policies, server.catalogue = (policy,), catalogue or world.catalogue()
    if server.parameters.mode == "typed":
        server.parameters = world.parameters(mode="products")
    pupil = msgspec.structs.replace(world.row(3, name="王*"), groups=(PUPILS,))
    allergic = msgspec.structs.replace(world.row(4, name="赵*"), avoid=(GLUTEN, PEANUTS))
    world.add_people(server, pupil, allergic)
    server.number += 1
    bench.sync()
    server.down = True


def _lines(bench: Bench) -> list[tuple[int, int]]:
    return [(line.product, line.quantity) for line in bench.control.screen().basket.lines]


def _sold(bench: Bench) -> SaleRecord:
    newest = bench.terminal._journal.newest_sale
    assert newest is not None
    return newest.record


def test_a_basket_is_sold_with_the_categories_and_allergens_of_its_products(shop: Bench) -> None:
    shop.control.add(NOODLES)
    shop.control.add(RICE, quantity=2)
    shop.control.add(RICE)
    shop.control.set_amount("2.50")
    screen = shop.control.screen()
    assert (screen.amount_minor, screen.basket.other_minor) == (23_50, 2_50)
    assert [line.name.en for line in screen.basket.lines] == ["Noodles", "Rice"]
    assert shop.control.scan(shop.show(1)).approved
    assert _sold(shop).basket == (
        Line(18_00, 1, NOODLES, world.STAPLES, (GLUTEN,)),
        Line(1_00, 3, RICE, world.STAPLES),
        Line(2_50),
    )


def test_the_basket_survives_a_decline_and_is_empty_after_the_approval(shop: Bench) -> None:
    shop.control.add(NOODLES)
    shop.control.add(COLA)
    refused = shop.control.scan(shop.show(3)).result
    assert (refused.why, refused.sentence.en) == (
        Why.NOT_SOLD_HERE,
        "“No cola for pupils”: Cola cannot be sold to you",
    )
    assert refused.sentence.zh == "“学生不售可乐”：可乐不能卖给您"
    assert _lines(shop) == [(NOODLES, 1), (COLA, 1)]
    shop.control.set_quantity(COLA, 0)
    shop.clock.pass_ms(6_000)
    assert shop.control.scan(shop.show(3)).result.amount_minor == 18_00
    assert (_lines(shop), shop.control.screen().amount_minor) == ([], 0)


def test_a_person_who_is_no_pupil_buys_the_cola(shop: Bench) -> None:
    shop.control.add(COLA)
    assert shop.control.scan(shop.show(1)).approved


def test_a_warning_stands_large_beside_the_approval_and_sounds_otherwise(shop: Bench) -> None:
    shop.control.add(NOODLES)
    shop.control.add(CAKE)
    result = shop.control.scan(shop.show(4)).result
    assert (result.why, result.sound) == ("approved", "warned")
    assert [said.en for said in result.warnings] == [
        "Mind: Noodles contains gluten",
        "Mind: Peanut cake contains gluten",
        "Mind: Peanut cake contains peanuts",
    ]
    assert "注意：牛肉面含麸质" in result.spoken.zh
    assert result.spoken.en.startswith("24.00 yuan paid. Mind: Noodles")
    assert shop.control.screen().phase is Phase.APPROVED
    shop.clock.pass_ms(8_000)
    assert shop.control.screen().result == result


def test_who_avoids_nothing_is_warned_of_nothing(shop: Bench) -> None:
    shop.control.add(CAKE)
    result = shop.control.scan(shop.show(1)).result
    assert (result.sound, result.warnings) == ("approved", ())


def test_a_product_that_left_the_catalogue_is_told_before_anybody_pays_for_the_rest(shop: Bench) -> None:
    shop.control.add(NOODLES)
    shop.control.add(CAKE)
    _serve(shop, _rules(), catalogue=world.catalogue(without=CAKE))
    screen = shop.control.screen()
    assert ([said.zh for said in screen.basket.gone], _lines(shop)) == (["花生糕"], [(NOODLES, 1)])
    text = shop.show(1)
    refused = shop.control.scan(text).result
    assert refused.sentence == Said(
        "花生糕已不在此处销售，已从购物篮移除", "No longer sold here and taken off the basket: Peanut cake"
    )
    assert shop.control.screen().basket.gone == ()
    sold = shop.control.scan(text)
    assert (sold.approved, sold.result.amount_minor) == (True, 18_00)


def test_a_cashier_who_goes_on_after_the_message_has_seen_it(shop: Bench) -> None:
    shop.control.add(NOODLES)
    shop.control.add(CAKE)
    _serve(shop, _rules(), catalogue=world.catalogue(without=CAKE))
    shop.control.add(RICE)
    assert shop.control.scan(shop.show(1)).result.amount_minor == 19_00


def test_a_new_price_counts_for_what_lies_in_the_basket(shop: Bench) -> None:
    shop.control.add(RICE)
    _serve(shop, _rules(), catalogue=world.catalogue(rice_minor=1_50))
    assert shop.control.screen().amount_minor == 1_50
    assert shop.control.scan(shop.show(1)).result.amount_minor == 1_50


def test_an_empty_basket_sells_nothing_even_to_who_has_a_free_meal(bench: Bench) -> None:
    _serve(bench, _rules(entitlements=(LUNCH,)))
    refused = bench.control.scan(bench.show(3)).result
    assert (refused.why, refused.sentence.en) == (Why.NO_AMOUNT, "Choose a product first")
    assert bench.control.screen().unsent == 0


def test_an_amount_that_was_not_typed_uses_up_no_free_meal(bench: Bench) -> None:
    _serve(bench, _rules(entitlements=(LUNCH,)))
    bench.control.set_mode("typed")
    assert bench.control.scan(bench.show(3)).result.why == Why.NO_AMOUNT


@pytest.mark.parametrize(
    ("product", "quantity"), [(99, 1), (NOODLES, -1), (NOODLES, MAX_QUANTITY + 1), (NOODLES, 10**30)]
)
def test_what_no_basket_takes_is_refused_in_words_and_changes_nothing(shop: Bench, product: int, quantity: int) -> None:
    shop.control.add(RICE)
    with pytest.raises(BasketError) as refused:
        shop.control.set_quantity(product, quantity)
    assert refused.value.said.zh != refused.value.said.en
    assert _lines(shop) == [(RICE, 1)]


def test_a_basket_takes_so_many_lines_and_so_much_money_and_no_more(bench: Bench) -> None:
    many = tuple(Product(each, Text(f"菜{each}"), 5_00) for each in range(1, MAX_BASKET_LINES + 2))
    dear = Product(400, Text("宴席"), MAX_AMOUNT_MINOR)
    _serve(bench, _rules(), catalogue=Catalogue(products=(*many, dear)))
    for product in many[:-1]:
        bench.control.add(product.id)
    with pytest.raises(BasketError):
        bench.control.add(many[-1].id)
    bench.control.clear_basket()
    bench.control.add(dear.id)
    with pytest.raises(BasketError):
        bench.control.add(dear.id)
    with pytest.raises(AmountError):
        bench.control.set_amount(1)
    assert bench.control.screen().amount_minor == MAX_AMOUNT_MINOR


def test_products_are_chosen_in_products_mode_only(shop: Bench) -> None:
    shop.control.set_mode("typed")
    with pytest.raises(BasketError):
        shop.control.add(NOODLES)


def test_pressing_products_again_keeps_the_basket_and_another_mode_empties_it(shop: Bench) -> None:
    shop.control.add(NOODLES)
    shop.control.set_mode("products")
    assert _lines(shop) == [(NOODLES, 1)]
    shop.control.set_mode("typed")
    shop.control.set_mode("products")
    assert _lines(shop) == []


def test_the_fullest_basket_of_a_person_with_everything_is_a_record_the_journal_takes(bench: Bench) -> None:
    """Thirty-two lots, fifty lines with allergens, forty limits with a count of their own."""
    allergens = tuple(range(1, 15))
    many = tuple(Product(10_000 + each, Text("菜"), 2_00, world.STAPLES, allergens) for each in range(MAX_BASKET_LINES))
    limits = tuple(
        Limit(1_000 + each, Text("限"), "month", where=Where(outlets=(world.OUTLET,)), max_minor=MAX_AMOUNT_MINOR)
        for each in range(40)
    )
    lots = tuple(Lot(10**15 + each, 5, 1, NOON_S + DAY_S + each) for each in range(80))
    world.add_people(bench.server, world.row(1, lots=lots, purse_minor=300_00))
    _serve(bench, _rules(limits=limits), catalogue=Catalogue(products=many))
    for _ in range(2):
        for product in many:
            bench.control.add(product.id)
        outcome = bench.control.scan(bench.show(1))
        bench.clock.pass_ms(6_000)
    assert outcome.approved
    assert MAX_LINE_BYTES / 2 < len(encode_record(_sold(bench))) <= MAX_LINE_BYTES


def test_a_record_larger_than_the_journal_takes_declines_in_words(shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.core.journal.MAX_LINE_BYTES", 500)
    shop.control.add(NOODLES)
    refused = shop.control.scan(shop.show(1)).result
    assert refused.sentence.en == "Too much for one sale. Take it in two"
    assert _lines(shop) == [(NOODLES, 1)]


# Meals by identity


def test_who_may_eat_is_let_in_once_and_pays_nothing(door: Bench) -> None:
    outcome = door.control.scan(door.show(3))
    result = outcome.result
    assert (result.amount_minor, result.left_minor, result.sentence.en) == (0, None, "Welcome. Nothing to pay")
    assert [(leg.source, leg.amount_minor) for leg in result.legs] == [("entitlement", 12_00)]
    assert _sold(door).basket == ()
    door.clock.pass_ms(6_000)
    again = door.control.scan(door.show(3)).result
    assert again.why == Why.NOT_ENTITLED
    assert [said.en for said in again.reasons] == ["“Free lunch” is used up (1 of 1)"]


def test_the_meal_is_remembered_over_a_power_cut(door: Bench) -> None:
    door.control.scan(door.show(3))
    door.restart()
    door.clock.pass_ms(6_000)
    assert door.control.scan(door.show(3)).result.why == Why.NOT_ENTITLED


def test_a_meal_that_was_undone_can_be_had_again(door: Bench) -> None:
    door.control.scan(door.show(3))
    last = door.control.screen().last_sale
    assert last is not None
    assert last.amount_minor == 0
    assert door.control.reverse_last().result.sentence.en == "Reversed. The meal does not count"
    door.clock.pass_ms(6_000)
    assert door.control.scan(door.show(3)).approved


def test_who_has_no_meal_is_not_let_in_and_not_charged(door: Bench) -> None:
    assert door.control.scan(door.show(1)).result.why == Why.NOT_ENTITLED
    assert door.control.scan(door.show(99)).result.why == Why.NOT_ENTITLED
    assert door.control.screen().unsent == 0


def test_a_phone_left_before_the_door_does_not_eat_twice_after_an_undo(door: Bench) -> None:
    text = door.show(3)
    door.control.scan(text)
    door.control.reverse_last()
    door.clock.pass_ms(100)
    assert door.control.scan(text).result.why == Why.BUSY


def test_what_is_above_the_free_meal_is_paid(bench: Bench) -> None:
    cheap = msgspec.structs.replace(LUNCH, covers_minor=10_00)
    _serve(bench, _rules(entitlements=(cheap,)))
    bench.control.add(NOODLES)
    result = bench.control.scan(bench.show(3)).result
    assert (result.amount_minor, result.sentence.en) == (8_00, "Paid ¥8.00")
    record = decode_record(encode_record(_sold(bench)))
    assert isinstance(record, SaleRecord)
    assert (record.shown_minor, sum(leg.amount_minor for leg in record.quote.legs)) == (20_00, 20_00)


# The explanation


def test_the_explanation_of_an_approval_and_of_a_decline_stays_until_the_next(shop: Bench) -> None:
    assert shop.control.explained() is None
    _serve(shop, _rules(prices=(PriceRule(1, Text("职工八折", "Staff pay 80 %"), percent_bp=8_000),)))
    shop.control.add(NOODLES)
    shop.control.scan(shop.show(1))
    shop.clock.pass_ms(60_000)
    assert shop.control.screen().result is None
    told = shop.control.explained()
    assert told is not None
    assert [said.en for said in told.reasons] == [
        "List price ¥18.00",
        "Priced at ¥14.40 by “Staff pay 80 %”",
        "The purse paid ¥14.40",
    ]
    assert [said.zh for said in told.reasons][1] == "按“职工八折”计价 ¥14.40"
    limit = Limit(8, Text("零花", "Pocket money"), "week", max_minor=15_00)
    _serve(shop, _rules(limits=(limit,)))
    shop.control.add(RICE)
    shop.control.scan(shop.show(1))
    shop.clock.pass_ms(60_000)
    refused = shop.control.explained()
    assert refused is not None
    assert refused.sentence.en == "Over this week's limit of ¥15.00 (Pocket money); ¥14.40 already spent"
    assert refused.reasons[0].en == "List price ¥1.00"


def test_a_low_balance_is_marked(bench: Bench) -> None:
    _serve(bench, _rules(low_balance_minor=85_00))
    bench.control.add(NOODLES)
    result = bench.control.scan(bench.show(1)).result
    assert (result.low, result.sound) == (True, "approved")
