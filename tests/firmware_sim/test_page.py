"""The terminal's pages in a browser: products by keyboard, the basket, warnings, meals by identity, the explanation."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Route, expect

from devices.core.policy import Block, Entitlement, Text, Who, encode_policy
from ecard.embedded import any_port
from firmware_sim.hardware import VirtualClock
from firmware_sim.terminal.app import Host, terminal_app
from tests.devices import world
from tests.devices.conftest import Bench, make_bench

__all__ = ["make_bench"]

PUPILS = 7
SMALL, LARGE = (800, 480), (1280, 800)
THUMB_PX = 44
START_TIMEOUT_S = 30.0


class Till:
    """A terminal in products mode and its pages; taps come from the test."""

    def __init__(self, bench: Bench, browser: Browser, url: str) -> None:
        self.bench, self.url, self._browser = bench, url, browser

    def open(self, path: str = "/", *, language: str = "en", size: tuple[int, int] = LARGE) -> Page:
        page = self.blank(language=language, size=size)
        page.goto(self.url + path)
        return page

    def blank(self, *, language: str = "en", size: tuple[int, int] = LARGE) -> Page:
        page = self._browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.add_init_script(f"localStorage.setItem('language', '{language}')")
        return page

    def tap(self, account_ref: int) -> str:
        return self.bench.control.scan(self.bench.show(account_ref)).result.why


@pytest.fixture
def till(make_bench: Callable[..., Bench], browser: Browser) -> Iterator[Till]:
    bench = make_bench()
    names = world.catalogue()
    bench.server.policies = (
        msgspec.structs.replace(
            world.policy(),
            min_evaluator=2,
            blocks=(
                Block(3, Text("学生不售可乐", "No cola for pupils"), Who(groups=(PUPILS,)), products=(world.COLA,)),
                Block(4, Text("过敏提醒", "Allergy"), allergens=(world.GLUTEN,), avoided_only=True, action="warn"),
            ),
            entitlements=(Entitlement(9, Text("免费午餐", "Free lunch"), Who(groups=(PUPILS,)), agreed_minor=12_00),),
            allergens=names.allergens,
        ),
    )
    pupil = msgspec.structs.replace(world.row(3, name="王*"), groups=(PUPILS,))
    world.add_people(bench.server, pupil, msgspec.structs.replace(world.row(4, name="赵*"), avoid=(world.GLUTEN,)))
    bench.server.catalogue, bench.server.parameters = names, world.parameters(mode="products")
    bench.server.number += 1
    bench.sync()
    port = any_port()
    app = terminal_app(Host(controls=bench.control, enrol=bench.terminal.enrol, clock=VirtualClock(bench.clock)))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield Till(bench, browser, f"http://127.0.0.1:{port}")
    for context in browser.contexts:
        context.close()
    server.should_exit = True
    thread.join(START_TIMEOUT_S)


def _basket(page: Page) -> list[str]:
    return [re.sub(r"[−+]", "", line) for line in page.locator("#lines li").all_text_contents()]


def test_products_are_chosen_and_taken_back_with_the_keyboard_alone(till: Till) -> None:
    page = till.open()
    page.locator(".product").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#sum")).to_have_text("¥20.00")
    assert _basket(page) == ["Noodles1¥18.00", "Rice2¥2.00"]
    page.get_by_role("button", name="One fewer Noodles").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#sum")).to_have_text("¥2.00")
    page.locator("#categories button", has_text="Drinks").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#categories [aria-pressed=true]")).to_be_focused()
    expect(page.locator(".product .called")).to_have_text(["Cola"])


def test_an_amount_beside_the_products_is_typed_and_the_whole_is_emptied_at_once(till: Till) -> None:
    page = till.open(language="zh")
    page.click(f"[data-product='{world.RICE}']")
    page.click("#categories button:has-text('其他金额')")
    for key in "2.5":
        page.click(f"#keypad [data-key='{key}']")
    expect(page.locator("#sum")).to_have_text("¥3.50")
    assert _basket(page) == ["米饭1¥1.00", "其他金额¥2.50"]
    page.click("#clear-basket")
    expect(page.locator("#sum")).to_have_text("¥0.00")
    expect(page.locator("#basket")).to_be_hidden()


def test_after_a_decline_both_sides_see_why_and_the_basket_is_still_there(till: Till) -> None:
    cashier, customer = till.open(), till.open("/customer", language="zh")
    till.bench.control.add(world.COLA)
    till.bench.control.add(world.RICE, quantity=2)
    assert till.tap(3) == "not_sold_here"
    expect(cashier.locator("#words")).to_have_text("“No cola for pupils”: Cola cannot be sold to you")
    expect(customer.locator("#words")).to_have_text("“学生不售可乐”：可乐不能卖给您")
    expect(cashier.locator("body")).to_have_attribute("data-shows", "declined")
    assert _basket(cashier) == ["Cola1¥4.00", "Rice2¥2.00"]
    assert _basket(customer) == ["可乐× 1¥4.00", "米饭× 2¥2.00"]


def test_a_warning_stands_beside_the_approval_on_both_sides(till: Till) -> None:
    cashier, customer = till.open(), till.open("/customer", language="zh")
    till.bench.control.add(world.NOODLES)
    assert till.tap(4) == "approved"
    for page, said in ((cashier, "Mind: Noodles contains gluten"), (customer, "注意：牛肉面含麸质")):
        expect(page.locator("#warnings")).to_be_visible()
        expect(page.locator("#warnings li")).to_have_text([said])
        expect(page.locator("body")).to_have_attribute("data-shows", "warned")
        assert page.locator("#warnings").evaluate("each => parseFloat(getComputedStyle(each).fontSize)") >= 20
    expect(cashier.locator("#basket")).to_be_hidden()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_the_explanation_is_opened_read_and_closed_after_the_result_is_gone(till: Till, size: tuple[int, int]) -> None:
    page = till.open(size=size)
    expect(page.locator("#explain")).to_be_disabled()
    till.bench.control.add(world.NOODLES)
    assert till.tap(1) == "approved"
    expect(page.locator("#explain")).to_be_enabled()
    till.bench.clock.pass_ms(30_000)
    expect(page.locator("#words")).to_have_text("Choose products")
    page.click("#explain")
    expect(page.locator("#steps li")).to_have_text(["List price ¥18.00", "The purse paid ¥18.00"])
    assert page.locator("#steps li").first.evaluate("each => parseFloat(getComputedStyle(each).fontSize)") >= 20
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()
    expect(page.locator("#explain")).to_be_focused()


def test_a_page_opened_later_can_still_explain_the_newest_sale(till: Till) -> None:
    till.bench.control.add(world.NOODLES)
    till.tap(1)
    till.bench.clock.pass_ms(30_000)
    page = till.open()
    page.click("#explain")
    expect(page.locator("#details-words")).to_have_text("Paid ¥18.00")


def test_a_meal_by_identity_shows_no_amount(till: Till) -> None:
    page = till.open()
    page.click("[data-mode=identity]")
    expect(page.locator("#words")).to_have_text("Please show your code to be let in")
    assert till.tap(3) == "approved"
    expect(page.locator("#words")).to_have_text("Welcome. Nothing to pay")
    expect(page.locator("#sum")).to_be_hidden()
    expect(page.locator("#reverse")).to_have_text("Undo the last meal")


def test_a_press_while_the_page_is_still_loading_waits_and_is_not_lost(till: Till) -> None:
    page = till.blank()
    page.add_init_script(
        "const real = fetch;"
        "window.fetch = (...all) => new Promise((go) => setTimeout(go, 800)).then(() => real(...all))"
    )
    page.goto(till.url)
    page.click("[data-mode=identity]")
    expect(page.locator("#words")).to_have_text("Please show your code to be let in")


def test_a_switch_of_the_line_stays_where_it_was_put_whatever_was_asked_before(till: Till) -> None:
    asked_to: list[Route] = []
    mode = "pass"

    def relay(route: Route) -> None:
        if route.request.method == "POST":
            asked_to.append(route)
        else:
            route.fulfill(json={"mode": mode})

    page = till.blank()
    page.route("**/line", relay)
    page.clock.install()
    page.goto(till.url)
    line, drop = page.locator("#line"), page.locator("#line [value=drop]")
    expect(line.locator("[value=pass]")).to_be_checked()
    drop.check()
    for _look in range(2):  # by the second the page has drawn the first
        with page.expect_response("**/line"):
            page.clock.fast_forward(5_000)
    assert drop.is_checked()
    mode = "drop"
    with page.expect_response(lambda answer: answer.request.method == "GET" and answer.url.endswith("/line")):
        asked_to[0].fulfill(json={"mode": mode})
    expect(drop).to_be_checked()


def test_rules_for_a_later_release_alarm_the_cashier_beside_each_answer_and_not_the_cardholder(till: Till) -> None:
    later = msgspec.structs.replace(world.policy(number=2), min_evaluator=99)
    till.bench.server.later_policies = (encode_policy(later),)
    till.bench.sync()
    cashier, customer = till.open(language="zh"), till.open("/customer", language="zh")
    till.bench.control.add(world.RICE)
    for words in ("标价合计，请出示付款码", "付款成功 ¥1.00"):
        expect(cashier.locator("#notice")).to_have_text("新规则 2 号需要更新本机软件；更新前仍按 1 号规则收款")
        expect(cashier.locator("#words")).to_have_text(words)
        expect(customer.locator("#words")).to_have_text(words)
        till.tap(1)


def test_a_withdrawn_terminal_says_so_to_both_sides(till: Till) -> None:
    till.bench.server.revoked = True
    till.bench.sync()
    cashier, customer = till.open(), till.open("/customer")
    for page in (cashier, customer):
        expect(page.locator("#words")).to_have_text("This terminal was withdrawn. Please call the administrator")
    assert till.tap(1) == "withdrawn"
    for page in (cashier, customer):
        expect(page.locator("#words")).to_have_text("This terminal was withdrawn. Please use another one")
        expect(page.locator("body")).to_have_attribute("data-shows", "stopped")


def test_a_sale_stays_a_sale_on_the_screen_when_the_terminal_is_withdrawn_right_after_it(till: Till) -> None:
    cashier, customer = till.open(), till.open("/customer")
    till.bench.control.add(world.RICE)
    assert till.tap(1) == "approved"
    till.bench.control.withdrawn()
    for page in (cashier, customer):
        expect(page.locator("body")).to_have_attribute("data-phase", "stopped")
        expect(page.locator("#words")).to_have_text("Paid ¥1.00")
        expect(page.locator("body")).to_have_attribute("data-shows", "approved")
    till.bench.clock.pass_ms(10_000)
    for page in (cashier, customer):
        expect(page.locator("#words")).to_contain_text("This terminal was withdrawn. Records not taken yet: ")


def test_a_new_catalogue_changes_the_buttons_and_says_what_left_the_basket(till: Till) -> None:
    page = till.open()
    page.click(f"[data-product='{world.NOODLES}']")
    expect(page.locator("#sum")).to_have_text("¥18.00")
    till.bench.server.catalogue = world.catalogue(without=world.NOODLES)
    till.bench.server.number += 1
    till.bench.sync()
    expect(page.locator("#gone")).to_have_text("No longer sold here and taken off the basket: Noodles. The rest stays")
    expect(page.locator(".product .called")).to_have_text(["Rice"])


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_what_a_finger_meets_is_as_large_as_a_thumb_and_nothing_runs_over_the_edge(
    till: Till, size: tuple[int, int]
) -> None:
    page = till.open(size=size)
    for product in (world.NOODLES, world.RICE, world.COLA):
        till.bench.control.add(product)
    expect(page.locator("#lines li")).to_have_count(3)
    expect(page.locator(".product")).to_have_count(2)
    for button in page.locator(".product, .step, #categories button, .modes button, .actions button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= THUMB_PX, button.text_content()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    result = page.locator("#result").bounding_box()
    assert result is not None
    assert result["y"] + result["height"] <= size[1]
