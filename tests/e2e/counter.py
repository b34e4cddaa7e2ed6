"""A canteen's counter: a terminal's page for the cashier, and beside it the one that customers see."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Literal

from playwright.sync_api import Page, ViewportSize, expect

from tests.e2e.watching import TIMEOUT_S, until

TIMEOUT_MS = TIMEOUT_S * 1000
CASHIER_VIEWPORT: ViewportSize = {"width": 1366, "height": 860}
CUSTOMER_VIEWPORT: ViewportSize = {"width": 1024, "height": 768}

ENGLISH = "localStorage.setItem('language', 'en')"
# An answer stays on the screen for seconds only: every state that was shown is remembered, in order.
REMEMBER = """
window.shown = [];
addEventListener("DOMContentLoaded", () => {
  const text = (id) => document.getElementById(id)?.textContent ?? "";
  new MutationObserver(() => {
    const seen = {
      phase: document.body.dataset.phase, sum: text("sum"), words: text("words"), who: text("who"),
      left: text("left"), wait: document.getElementById("wait")?.hidden ? "" : text("wait"), why: text("sentences"),
      warnings: text("warnings"), asked: text("asked"),
    };
    if (JSON.stringify(seen) !== JSON.stringify(window.shown.at(-1))) window.shown.push(seen);
  }).observe(document.body, { attributes: true, childList: true, characterData: true, subtree: true });
});
"""
FIND_SHOWN = """([after, phase, words]) =>
  window.shown.slice(after).find((each) => each.phase === phase && each.words.includes(words))"""
LAST_ASKED = "(after) => window.shown.slice(after).findLast((each) => each.asked)?.asked ?? ''"
PASTE = """async (base64) => {
  const bytes = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], "code.png", { type: "image/png" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carried, bubbles: true }));
}"""

Phase = Literal["approved", "declined", "ready"]
Line = Literal["pass", "drop", "delay", "half_close"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One state of the page, as text."""

    sum: str
    words: str
    who: str
    left: str
    wait: str
    why: str
    warnings: str
    asked: str


class View:
    """Either page of a terminal; `mark` first, then act, then ask what was shown since."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._after = 0

    def mark(self) -> None:
        """What was shown up to here is not asked about any more."""
        self._after = self.page.evaluate("window.shown.length")

    def shows(self, phase: Phase, words: str = "") -> Shown:
        """Wait until the page shows, or find that it has shown, this phase with these words."""
        given = [self._after, phase, words]
        try:
            handle = self.page.wait_for_function(FIND_SHOWN, arg=given, timeout=TIMEOUT_MS)
        except Exception as error:
            seen = self.page.evaluate("(after) => window.shown.slice(after)", self._after)
            raise AssertionError(f"never {phase} {words!r} in {json.dumps(seen, ensure_ascii=False)}") from error
        found = handle.json_value()
        return Shown(**{name: found[name] for name in Shown.__slots__})

    def last_asked(self) -> str:
        """What was said last of a question to the server; empty where none was asked."""
        return str(self.page.evaluate(LAST_ASKED, self._after))


@dataclass(frozen=True, slots=True)
class Counter:
    """Both views of one terminal, and the hands of a cashier."""

    cashier: View
    customer: View

    @property
    def page(self) -> Page:
        """The cashier's."""
        return self.cashier.page

    def type_amount(self, keys: str) -> None:
        """On a keyboard, in typed mode: a code that is to be shown twice does not live as long as many clicks take."""
        self.page.click("[data-mode=typed]")
        expect(self.page.locator("[data-mode=typed]")).to_have_attribute("aria-pressed", "true")
        # A last nought changes nothing that could be waited for, and would take the answer of a quick tap away.
        self.page.keyboard.type(keys.rstrip("0").rstrip("."))
        self.amount_is(f"¥{float(keys):.2f}")

    def amount_is(self, text: str) -> None:
        """The amount that the next tap shall pay."""
        expect(self.page.locator("#entered")).to_have_text(text, timeout=TIMEOUT_MS)

    def put_in_basket(self, category: str, product: str) -> None:
        """Press a product's button; in products mode."""
        self.page.locator("#categories").get_by_role("button", name=category, exact=True).click()
        self.page.locator("#products .product", has_text=product).click()
        expect(self.page.locator("#lines li", has_text=product)).to_be_visible(timeout=TIMEOUT_MS)

    def basket_is(self, *products: str) -> None:
        """What lies in the basket, on both sides of the counter."""
        for view in (self.cashier, self.customer):
            expect(view.page.locator("#lines li")).to_have_count(len(products), timeout=TIMEOUT_MS)
        for line, product in enumerate(products):
            expect(self.page.locator("#lines li").nth(line)).to_contain_text(product)

    def empty_basket(self) -> None:
        """What somebody before was not sold is put back."""
        self.page.click("#clear-basket")
        expect(self.page.locator("#lines li")).to_have_count(0, timeout=TIMEOUT_MS)

    def take_out_of_basket(self, product: str) -> None:
        """One less of it."""
        line = self.page.locator("#lines li", has_text=product)
        line.get_by_role("button").first.click()
        expect(line).to_have_count(0, timeout=TIMEOUT_MS)

    @property
    def terminal(self) -> int:
        """Its number at the server."""
        return int(self._state()["terminal"])

    def stands_at(self, outlet: str) -> None:
        """The terminal has learned where it is."""
        expect(self.page.locator("#outlet")).to_contain_text(outlet, timeout=TIMEOUT_MS)

    def clock_moves_on(self, seconds: int) -> None:
        """The wall clock jumps, and the cashier says that it is right: so a meal passes without waiting for it."""
        self._set_clock(seconds)
        self.page.click("#confirm-clock", timeout=TIMEOUT_MS)
        self.clock_is_believed()

    def clock_is_put_right(self) -> None:
        """Back where it was; until the server or the cashier says so, the terminal does not believe it."""
        self._set_clock(0)

    def clock_is_believed(self) -> None:
        """Nobody needs to look at it."""
        expect(self.page.locator("#confirm-clock")).to_be_hidden(timeout=TIMEOUT_MS)

    def _set_clock(self, offset_s: int) -> None:
        answer = self.page.request.post("/parts/clock", data={"offset_s": offset_s}, headers={"x-terminal": "test"})
        assert answer.ok, answer.text()

    def choose_picture(self, picture: bytes) -> None:
        """A picture from the file chooser before the scanner."""
        self._mark()
        self.page.set_input_files("#picture", {"name": "code.png", "mimeType": "image/png", "buffer": picture})

    def paste(self, picture: bytes) -> None:
        """A picture from the clipboard before the scanner."""
        self._mark()
        self.page.evaluate(PASTE, base64.b64encode(picture).decode())

    def reverse(self) -> None:
        """Undo the last sale."""
        self._mark()
        self.page.click("#reverse")

    def switch_line(self, mode: Line) -> None:
        """Cut or mend the terminal's line, and stay until that is done; the terminal is not told."""
        choice = self.page.locator(f"#line input[value={mode}]")
        expect(choice).to_be_enabled(timeout=TIMEOUT_MS)
        if choice.is_checked():
            return
        with self.page.expect_response(
            lambda each: each.request.method == "POST" and each.url.endswith("/line")
        ) as said:
            choice.check()
        assert said.value.ok, said.value.text()

    def pull_the_plug(self) -> None:
        """Kill the terminal's process, and stay until the page has noticed."""
        self.page.click("#power")
        expect(self.page.locator("#lost")).to_be_visible(timeout=TIMEOUT_MS)

    def is_back(self) -> None:
        """The terminal runs again and its page is alive."""
        expect(self.page.locator("#lost")).to_be_hidden(timeout=TIMEOUT_MS)

    def is_offline(self) -> None:
        """The terminal itself has noticed."""
        expect(self.page.locator("#network")).to_have_attribute("data-state", "warn", timeout=TIMEOUT_MS)

    def has_unsent(self, count: int) -> None:
        """So many records wait for the line."""
        expect(self.page.locator("#unsent")).to_have_text(f"{count} unsent", timeout=TIMEOUT_MS)

    def has_sent_all(self) -> None:
        """Nothing waits."""
        expect(self.page.locator("#unsent")).to_have_attribute("data-state", "yes", timeout=TIMEOUT_MS)

    def has_heard_the_news(self) -> None:
        """The terminal has fetched what the server knows by now: what is posted is no longer its own to subtract."""
        began_s = self._state()["at_ms"] // 1000
        until(lambda: self._data_made_s() > began_s, what="newer data at the terminal")

    def answer_has_gone(self) -> None:
        """The last answer has left the screen: whatever is presented now is a presentation of its own."""
        expect(self.page.locator("body")).to_have_attribute("data-phase", "ready", timeout=TIMEOUT_MS)
        expect(self.page.locator("#who")).to_be_empty(timeout=TIMEOUT_MS)

    def _data_made_s(self) -> int:
        state = self._state()
        return int(state["at_ms"] // 1000 - state["snapshot_age_s"])

    def _state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("fetch('/state').then((answer) => answer.json())")
        return found

    def _mark(self) -> None:
        self.cashier.mark()
        self.customer.mark()
