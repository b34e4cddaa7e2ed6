"""The pages for who sees badly or has thick fingers: large text, large amounts, long names, and what is pressed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.portal.conftest import World
from tests.portal.phone import SHOWN, sign_in

SMALL: ViewportSize = {"width": 360, "height": 640}
TURNED: ViewportSize = {"width": 640, "height": 360}
PRESSED_LEAST_PX = 44
AT_THEIR_LARGEST = """(rootPx) => {
  document.documentElement.style.fontSize = `${rootPx}px`;
  const put = (which, said) => document.querySelectorAll(which).forEach((place) => (place.textContent = said));
  put(".balance, li .money, dd.money", "-¥99,999.99");
  put(".where, .benefits li > :first-child, dt, #holder", "Internationalizationallowance Featherstonehaugh");
  put("#group", "Visiting researchers and short-term guests");
}"""
RUNS_OFF = """() => [...document.querySelectorAll("main *")]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => `${each.tagName} ${each.className} ${each.textContent.trim().slice(0, 40)}`)"""


def test_text_twice_as_large_with_the_longest_names_and_amounts_stays_on_a_small_screen(
    page: Page, live_world: World
) -> None:
    live_world.buy(9_00, with_subsidy=True)
    page.set_viewport_size(SMALL)
    sign_in(page, live_world.student)
    page.goto("/sales/")
    sale = page.locator("a.row").get_attribute("href")
    assert sale is not None
    for path in ("/", "/sales/", sale, "/benefits/", "/received/", "/settings/", "/settings/lost-phone/", "/help/"):
        page.goto(path)
        if path == "/":
            expect(page.locator("#sales summary")).to_be_visible()
        for root_px in (16, 32):
            page.evaluate(AT_THEIR_LARGEST, root_px)
            assert page.evaluate(RUNS_OFF) == [], f"{path} at {root_px} px"
            assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"], f"{path} at {root_px} px"


def test_the_way_back_is_large_enough_for_a_thumb(page: Page, live_world: World) -> None:
    page.set_viewport_size(SMALL)
    sign_in(page, live_world.student)
    for path in ("/benefits/", "/received/", "/settings/lost-phone/"):
        page.goto(path)
        way = page.locator("main > p:first-child a")
        box = way.bounding_box()
        assert box is not None
        assert box["height"] >= PRESSED_LEAST_PX, path


@pytest.mark.parametrize(("size", "root_px"), [(TURNED, 16), (SMALL, 32)], ids=["a turned phone", "large text"])
def test_lit_for_scanners_the_whole_code_is_on_the_screen(
    size: ViewportSize, root_px: int, page: Page, live_world: World
) -> None:
    page.set_viewport_size(size)
    sign_in(page, live_world.student)
    expect(page.locator(SHOWN)).to_be_visible()
    page.evaluate(AT_THEIR_LARGEST, root_px)
    page.locator("#light").press("Enter")
    box = page.locator("#code").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= size["height"]
