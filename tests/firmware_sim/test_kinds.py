"""The pages of the other kinds: each draws its part of the hardware, and its buttons reach it; and the menu."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from devices.core.card import name_of
from devices.core.messages import DeviceKind, Supervisor
from devices.core.pin import SALT_BYTES, hash_of
from devices.master.screen import Screen
from devices.supervisor.menu import Menu
from ecard.embedded import any_port
from firmware_sim.hardware import VirtualClock
from firmware_sim.parts.reader import Card
from firmware_sim.terminal.app import Host, terminal_app
from firmware_sim.terminal.build import KINDS, Built, build
from tests.devices import world
from tests.devices.conftest import Bench, make_bench

__all__ = ["make_bench"]

PHONE, SMALL, LARGE = (390, 844), (800, 480), (1280, 800)
START_TIMEOUT_S = 30.0
PIN = "135790"
UID = bytes.fromhex("04aabbccddeeff")
PER_KG_MINOR = 40_00
REMEMBER_CHECKS = """(box) => {
  const { get, set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "checked");
  window.drawn = [];
  Object.defineProperty(box, "checked", { get, set(on) { window.drawn.push(on); set.call(this, on); } });
}"""
SET_TO: dict[DeviceKind, dict[str, object]] = {
    "canteen": {"mode": "typed"},
    "weighing": {"device": "weighing", "per_kg_minor": PER_KG_MINOR},
    "gate": {"device": "gate", "mode": "pass"},
    "bus": {"device": "bus", "mode": "fixed", "fixed_minor": 2_00, "line": "7", "stops": ("North", "Lake", "South")},
    "cabinet": {"device": "cabinet", "mode": "products"},
}


@dataclass
class Shown:
    """A device of one kind with its page; the test is its clock."""

    bench: Bench
    built: Built
    url: str
    browser: Browser

    def open(self, *, language: str = "en", size: tuple[int, int] = LARGE) -> Page:
        page = self.browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.add_init_script(f"localStorage.setItem('language', '{language}')")
        page.goto(self.url)
        return page

    def lay(self, page: Page) -> None:
        page.click("#cards button")

    def fault(self, page: Page, name: str, *, on: bool = True) -> None:
        """Stays until the device has it: what is pressed next comes by another connection."""
        with page.expect_response(f"**/parts/{name.partition('.')[0]}"):
            page.locator(f"#faults input[name='{name}']").set_checked(on)


Make = Callable[[DeviceKind], Shown]


@pytest.fixture
def make(make_bench: Callable[..., Bench], browser: Browser) -> Iterator[Make]:
    ends: list[Callable[[], None]] = []

    def one(kind: DeviceKind) -> Shown:
        bench = make_bench()
        world.add_people(
            bench.server,
            msgspec.structs.replace(world.row(3, name="王*"), cards=(name_of(UID, card_key=world.CARD_KEY),)),
        )
        salt = secrets.token_bytes(SALT_BYTES)
        supervisor = Supervisor(4, "周敏", salt.hex(), hash_of(PIN, salt=salt).hex())
        bench.server.parameters = world.parameters(journal=2, supervisors=(supervisor,), **SET_TO[kind])
        bench.server.catalogue = world.catalogue()
        bench.server.number += 1
        bench.sync()
        clock = VirtualClock(bench.clock)
        cards = [Card("P3", "王五", UID.hex())]
        built = build(kind, bench.control, folder=bench.folder, clock=clock, cards=lambda: cards)
        built.start()
        menu = Menu(bench.control, printer=built.printer, software="test")
        host = Host(
            controls=bench.control,
            enrol=bench.terminal.enrol,
            clock=clock,
            kind=kind,
            loop=built.loop,
            menu=menu,
            parts=built.parts,
        )
        port = any_port()
        server = uvicorn.Server(
            uvicorn.Config(terminal_app(host), port=port, log_level="warning", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()

        def end() -> None:
            for context in browser.contexts:
                context.close()
            server.should_exit = True
            thread.join(START_TIMEOUT_S)
            built.stop()

        ends.append(end)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        return Shown(bench, built, f"http://127.0.0.1:{port}", browser)

    yield one
    for each in ends:
        each()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_no_page_runs_over_the_edge_and_its_answer_is_in_sight(
    make: Make, kind: DeviceKind, size: tuple[int, int]
) -> None:
    page = make(kind).open(size=size, language="zh")
    expect(page.locator("#words")).not_to_be_empty()
    expect(page.locator("#card option")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    box = page.locator("#result").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= size[1]


def test_dishes_are_put_on_the_scale_with_the_keyboard_and_their_price_follows(make: Make) -> None:
    shown = make("weighing")
    page = shown.open()
    expect(page.locator("#rate")).to_have_text("¥40.00 a kilogram")
    expect(page.locator("#sum")).to_be_hidden()
    page.locator("[data-dish=rice]").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#weight")).to_have_text("300 g")
    expect(page.locator("#at-rest")).to_have_text("Moving…")
    shown.bench.clock.pass_ms(1_000)
    expect(page.locator("#at-rest")).to_have_text("At rest")
    expect(page.locator("#sum")).to_have_text("¥12.00")
    shown.lay(page)
    expect(page.locator("#words")).to_have_text("Paid ¥12.00")
    shown.fault(page, "scale.plugged")
    expect(page.locator("#at-rest")).to_have_text("The scale does not answer")


def test_a_gate_opens_for_a_card_and_stays_shut_when_it_is_stuck(make: Make) -> None:
    shown = make("gate")
    page = shown.open()
    expect(page.locator("#gate-state")).to_have_text("Shut")
    shown.lay(page)
    expect(page.locator("#words")).to_have_text("Please go in")
    expect(page.locator("#gate-state")).to_have_text("Open. Please walk through")
    shown.bench.clock.pass_ms(30_000)
    expect(page.locator("#gate-state")).to_have_text("Shut")
    shown.fault(page, "arm.stuck")
    expect(page.locator("#gate-state")).to_contain_text("Stuck")
    page.click("[data-direction=out]")
    expect(page.locator("[data-direction=out]")).to_have_attribute("aria-pressed", "true")
    shown.lay(page)
    expect(page.locator("#words")).to_have_text("Goodbye")
    expect(page.locator("#passed")).to_have_text("Opened so far: 1")


def test_the_driver_goes_on_to_the_next_stop_and_after_the_last_to_the_first(make: Make) -> None:
    page = make("bus").open()
    expect(page.locator("#stops li")).to_have_text(["North", "Lake", "South"])
    for stop in ("North", "Lake", "South", "North"):
        expect(page.locator("#stop-now")).to_have_text(f"At {stop}")
        expect(page.locator("#stops [aria-current]")).to_have_text(stop)
        page.locator("#next-stop").press("Enter")


def test_a_cabinet_gives_out_what_was_paid_and_shows_what_is_left(make: Make) -> None:
    shown = make("cabinet")
    page = shown.open(language="zh")
    page.locator("[data-slot='1']").press("Enter")
    expect(page.locator("#order")).to_contain_text("请付款")
    expect(page.locator("#sum")).to_have_text("¥18.00")
    shown.lay(page)
    expect(page.locator("#order")).to_contain_text("正在出货")
    shown.bench.clock.pass_ms(5_000)
    expect(page.locator("#tray li")).to_have_text(["牛肉面"])
    expect(page.locator("[data-slot='1'] .left-in")).to_have_text("剩 5")
    page.click("#take-goods")
    expect(page.locator("#tray li")).to_have_count(0)


def test_a_card_on_an_unplugged_reader_is_not_read(make: Make) -> None:
    shown = make("bus")
    page = shown.open()
    shown.fault(page, "reader.plugged")
    shown.lay(page)
    expect(page.locator("#words")).to_have_text("Show your code or card as you board")
    shown.fault(page, "reader.plugged", on=False)
    shown.lay(page)
    expect(page.locator("#words")).to_have_text("Paid ¥2.00")


def test_a_fault_that_was_switched_is_never_drawn_as_it_was_before(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = make("bus")
    page, screen = shown.open(), shown.bench.control.screen
    box = page.locator("#faults input[name='reader.plugged']")
    expect(box).not_to_be_checked()
    asked, go_on = threading.Event(), threading.Event()

    def slowly() -> Screen:
        asked.set()
        go_on.wait(START_TIMEOUT_S)
        return screen()

    monkeypatch.setattr(shown.bench.control, "screen", slowly)
    assert asked.wait(START_TIMEOUT_S)  # what comes with this screen was read before the switch
    shown.fault(page, "reader.plugged")
    box.evaluate(REMEMBER_CHECKS)
    go_on.set()
    page.wait_for_function("window.drawn.length >= 3")
    assert False not in page.evaluate("window.drawn")


def enter_menu(page: Page, pin: str = PIN) -> None:
    page.click("#supervisor")
    for digit in pin:
        page.click(f"#pin-pad [data-pin='{digit}']")
    page.click("#pin-pad .go")


def test_a_shift_is_opened_a_sale_voided_and_the_report_hangs_out_of_the_printer(make: Make) -> None:
    shown = make("bus")
    page = shown.open()
    enter_menu(page)
    expect(page.locator("#menu-who")).to_have_text("周敏")
    page.click("#shift-open")
    expect(page.locator("#menu-said")).to_have_text("The shift is open")
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()
    shown.lay(page)
    expect(page.locator("#words")).to_have_text("Paid ¥2.00")
    enter_menu(page)
    expect(page.locator("#shift-sums")).to_contain_text("¥2.00")
    page.locator("#void-list button").click()
    expect(page.locator("#menu-said")).to_have_text("Voided ¥2.00")
    expect(page.locator("#void-list li")).to_contain_text("voided")
    expect(page.locator("#checks")).to_contain_text("Storage")
    page.click("#shift-close")
    expect(page.locator("#menu-said")).to_have_text("The report was printed")
    expect(page.locator("#report")).to_contain_text("Net: ¥0.00")
    page.click("#menu-close")
    expect(page.locator("#paper .slip")).to_contain_text("Shift report")
    page.click("#tear")
    expect(page.locator("#slips")).to_be_hidden()


@pytest.mark.parametrize("size", [PHONE, SMALL])
def test_every_key_of_the_pin_pad_is_in_sight_also_after_a_wrong_pin(make: Make, size: tuple[int, int]) -> None:
    page = make("canteen").open(size=size, language="zh")
    enter_menu(page, "111111")
    expect(page.locator("#menu-said")).to_have_text("PIN 不正确")
    menu = page.locator("#menu").bounding_box()
    assert menu is not None
    for key in page.locator("#pin, #pin-who, #pin-pad button").all():
        box = key.bounding_box()
        assert box is not None
        assert box["x"] >= menu["x"]
        assert box["x"] + box["width"] <= menu["x"] + menu["width"]
        assert box["y"] + box["height"] <= size[1]


def test_a_wrong_pin_opens_nothing_and_a_printer_without_paper_is_named(make: Make) -> None:
    shown = make("canteen")
    page = shown.open(size=SMALL)
    enter_menu(page, "111111")
    expect(page.locator("#menu-said")).to_have_text("The PIN is wrong")
    expect(page.locator("#menu-body")).to_be_hidden()
    page.keyboard.press("Escape")
    shown.fault(page, "printer.paper")
    enter_menu(page)
    page.click("#shift-open")
    page.click("#shift-close")
    expect(page.locator("#menu-said")).to_contain_text("not printed: out of paper: put in a new roll")
    expect(page.locator("#report")).to_contain_text("Shift report")
