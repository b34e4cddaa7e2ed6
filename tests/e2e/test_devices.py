"""One program on every device: milk from a cabinet, a bus and a gate, a meal by weight, neighbours, a power cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.books import Books
from tests.e2e.counter import ENGLISH, Counter
from tests.e2e.device import TIMEOUT_MS, Unit
from tests.e2e.journeys import posted_once
from tests.e2e.phone import Phone
from tests.e2e.watching import keep, until
from tests.support.stack import Stack

DeviceOf = Callable[[str], Unit]
WHOLE_MILK, LOW_FAT = 1, 2
LAYING = ("202600002", "202600003", "T00002", "T00003", "V00002")
"""Who comes to the rush with a card."""


@pytest.fixture
def gallery(stack: Stack, browser: Browser) -> Iterator[Page]:
    """The page of all devices, in English."""
    with browser.new_context(base_url=stack.addresses.gallery, locale="en") as context:
        page = context.new_page()
        page.add_init_script(ENGLISH)
        page.goto("/")
        yield page


def test_milk_is_bought_with_a_card_the_subsidy_pays_and_what_jams_is_paid_back(
    device_of: DeviceOf, stack: Stack, books: Books
) -> None:
    cabinet, pupil = device_of("cabinet"), stack.addresses.logins["pupil"]
    before, purse_minor = books.sales_of(pupil), books.purse_minor(pupil)
    cabinet.asks("Choose a product on the cabinet")
    cabinet.page.click(f"[data-slot='{WHOLE_MILK}']")
    cabinet.has("order", "Whole milk: please pay")
    keep(cabinet.page, "cabinet-order")
    cabinet.lay_card(pupil)
    shown = cabinet.approves("Paid ¥3.50")
    assert "Nutrition subsidy” paid ¥3.50" in shown.why
    cabinet.has("tray", "Whole milk")
    cabinet.has("order", "is in the tray")
    keep(cabinet.page, "cabinet-tray")
    first = posted_once(books, pupil, before=before, amounts_minor=(3_50,))
    assert (first.grant_minor, first.purse_minor) == (3_50, 0)

    cabinet.page.click("#take-goods")
    cabinet.fault("cabinet.jams")
    cabinet.is_free()
    cabinet.page.click(f"[data-slot='{LOW_FAT}']")
    cabinet.has("order", "Low-fat milk: please pay")
    cabinet.lay_card(pupil)
    cabinet.approves("Paid ¥3.50")
    cabinet.has("order", "did not come")
    keep(cabinet.page, "cabinet-jam")
    cabinet.fault("cabinet.jams", on=False)
    cabinet.has_sent_all()
    expect(cabinet.reads("tray")).to_be_empty()
    jammed = posted_once(books, pupil, before=before, amounts_minor=(3_50, 3_50))
    until(lambda: books.sales_of(pupil)[-1].reversed, what="the jammed milk is paid back")
    assert not jammed.purse_minor
    assert books.purse_minor(pupil) == purse_minor


def test_the_same_code_rides_the_bus_and_passes_the_gate_and_each_of_them_once(
    student: Phone, device_of: DeviceOf, books: Books
) -> None:
    before = books.sales_of(student.number)
    bus, gate = device_of("bus"), device_of("gate")
    student.sign_in()
    bus.page.click("#next-stop")
    bus.has("stop-now", "图书馆")
    picture = student.picture()
    bus.show_code(picture)
    bus.approves("Paid ¥2.00")
    keep(bus.page, "bus-paid")
    gate.show_code(picture)
    gate.approves("Please go in")
    gate.has("gate-state", "Open")
    keep(gate.page, "gate-open")
    for unit in (bus, gate):
        unit.is_free()
        unit.show_code(picture)
        unit.declines("already used")
    keep(gate.page, "gate-used")
    student.page.reload()
    gate.is_free()
    gate.show_code(student.picture())
    gate.declines("inside already")
    gate.page.click("[data-direction=out]")
    expect(gate.page.locator("[data-direction=out]")).to_have_attribute("aria-pressed", "true", timeout=TIMEOUT_MS)
    student.page.reload()
    gate.is_free()
    gate.show_code(student.picture())
    gate.approves("Goodbye")
    for unit in (bus, gate):
        unit.has_sent_all()
    posted_once(books, student.number, before=before, amounts_minor=(2_00,))


def test_a_meal_is_priced_by_its_weight_once_the_scale_is_at_rest(
    staff: Phone, device_of: DeviceOf, books: Books
) -> None:
    before = books.sales_of(staff.number)
    scale = device_of("weighing")
    staff.sign_in()
    scale.asks("Put your plate on the scale")
    scale.page.drag_and_drop("[data-dish=rice]", "#pan")
    scale.has("weight", "150 g")
    scale.page.locator("[data-dish=meat]").press("Enter")
    scale.has("weight", "270 g")
    scale.has("at-rest", "At rest")
    scale.has("sum", "¥10.69")
    keep(scale.page, "scale-priced")
    scale.fault("scale.restless")
    scale.has("at-rest", "Moving")
    scale.show_code(staff.picture())
    scale.has("words", "steady")
    scale.fault("scale.restless", on=False)
    scale.has("sum", "¥10.69")
    staff.page.reload()
    scale.show_code(staff.picture())
    scale.approves("Paid ¥8.55")
    keep(scale.page, "scale-paid")
    scale.page.click("#take-off")
    scale.has("weight", "0 g")
    scale.has_sent_all()
    posted_once(books, staff.number, before=before, amounts_minor=(8_55,))


def test_neighbours_without_a_campus_line_refuse_a_code_that_one_of_them_took(
    student: Phone, north: Counter, south: Counter, books: Books
) -> None:
    before = books.sales_of(student.number)
    student.sign_in()
    for counter in (north, south):
        counter.switch_line("drop")
    for counter in (north, south):
        counter.type_amount("7.50")
        counter.answer_has_gone()
    picture = student.picture()
    north.paste(picture)
    north.cashier.shows("approved", "Paid ¥7.50")
    north.customer.shows("approved", "¥7.50")
    keep(north.page, "neighbour-approves")  # and meanwhile the other hears of it
    south.paste(picture)
    south.customer.shows("declined", "已经用过")
    south.cashier.shows("declined", "already used")
    keep(south.page, "neighbour-refuses")
    for counter in (north, south):
        counter.switch_line("pass")
    for counter in (north, south):
        counter.has_sent_all()
    posted_once(books, student.number, before=before, amounts_minor=(7_50,))


def test_neighbours_that_cannot_hear_each_other_both_take_a_code_and_finance_is_told_once(
    student: Phone, north: Counter, south: Counter, gallery: Page, books: Books
) -> None:
    before = books.sales_of(student.number)
    till = Unit(south.cashier)
    student.sign_in()
    for counter in (north, south):
        counter.switch_line("drop")
    till.fault("lan.plugged")
    seen = gallery.locator(".device", has_text="South canteen · typed amounts")
    expect(seen).to_contain_text("LAN cable out", timeout=TIMEOUT_MS)
    keep(gallery, "gallery-lan-cable-out")
    for counter in (north, south):
        counter.type_amount("6.50")
        counter.answer_has_gone()
    picture = student.picture()
    for counter in (north, south):
        counter.paste(picture)
        counter.cashier.shows("approved", "Paid ¥6.50")
    keep(south.page, "neighbour-unheard")

    till.fault("lan.plugged", on=False)
    for counter in (north, south):
        counter.switch_line("pass")
    for counter in (north, south):
        counter.has_sent_all()
    posted_once(books, student.number, before=before, amounts_minor=(6_50, 6_50), exceptions=1)
    borne = [(sale.purse_minor + sale.grant_minor, sale.others_minor) for sale in books.sales_of(student.number)[-2:]]
    assert sorted(borne) == [(0, 6_50), (6_50, 0)]
    expect(seen).not_to_contain_text("LAN cable out", timeout=TIMEOUT_MS)


def test_the_power_goes_in_the_middle_of_a_rush_and_nothing_is_lost(north: Counter, books: Books) -> None:
    till = Unit(north.cashier)
    before = {number: len(books.sales_of(number)) for number in LAYING}
    north.switch_line("drop")
    for place, number in enumerate(LAYING):
        north.type_amount("5.00")
        till.lay_card(number)
        till.approves("Paid ¥")
        if place == len(LAYING) // 2:
            north.pull_the_plug()
            keep(north.page, "rush-dark")
            north.is_back()
    keep(north.page, "rush-back")
    # Every sale, and the record by which the journal went on after the cut.
    north.has_unsent(len(LAYING) + 1)
    north.switch_line("pass")
    north.has_sent_all()
    for number in LAYING:
        posted = until(lambda each=number: books.sales_of(each)[before[each] :], what=f"the sale of {number}")  # type: ignore[misc]
        assert [sale.moved_minor for sale in posted] == [sale.amount_minor for sale in posted]
        assert len(posted) == 1
    assert books.balance()


def test_the_gallery_shows_every_device_and_one_without_power(stack: Stack, gallery: Page, device_of: DeviceOf) -> None:
    kinds = [each.kind for each in stack.addresses.terminals]
    expect(gallery.locator(".device")).to_have_count(len(kinds), timeout=TIMEOUT_MS)
    assert [each.get_attribute("data-kind") for each in gallery.locator(".device").all()] == kinds
    bus = gallery.locator(".device[data-kind=bus]")
    expect(bus.locator(".screen")).to_contain_text("¥2.00", timeout=TIMEOUT_MS)
    keep(gallery, "gallery")
    device_of("bus").page.click("#power")
    expect(bus.locator(".screen")).to_contain_text("No power", timeout=TIMEOUT_MS)
    keep(gallery, "gallery-one-dark")
    expect(bus.locator(".screen")).to_contain_text("¥2.00", timeout=TIMEOUT_MS)
    gallery.set_viewport_size({"width": 800, "height": 480})
    assert gallery.evaluate("document.documentElement.scrollWidth") <= 800
