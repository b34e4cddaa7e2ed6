"""A simulated device that nobody serves: a scale, a gate, a bus, a cabinet; or a till seen as one."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.e2e.counter import PASTE, Shown, View
from tests.e2e.watching import TIMEOUT_S

TIMEOUT_MS = TIMEOUT_S * 1000


@dataclass(frozen=True, slots=True)
class Unit:
    """The page of one device, and the hands of whoever stands before it."""

    view: View

    @property
    def page(self) -> Page:
        return self.view.page

    def show_code(self, picture: bytes) -> None:
        """A picture before its scanner."""
        self.view.mark()
        self.page.evaluate(PASTE, base64.b64encode(picture).decode())

    def lay_card(self, number: str) -> None:
        """The plastic card of this cardholder on its reader."""
        self.view.mark()
        self.page.select_option("#card", number, timeout=TIMEOUT_MS)
        self.page.locator("#cards button").click()

    def approves(self, words: str = "") -> Shown:
        """What it showed since."""
        return self.view.shows("approved", words)

    def declines(self, words: str = "") -> Shown:
        """What it showed since."""
        return self.view.shows("declined", words)

    def asks(self, words: str) -> None:
        """It waits for the next person with these words."""
        expect(self.page.locator("#words")).to_have_text(words, timeout=TIMEOUT_MS)

    def is_free(self) -> None:
        """The last answer has left the screen."""
        expect(self.page.locator("body")).to_have_attribute("data-phase", "ready", timeout=TIMEOUT_MS)
        expect(self.page.locator("#who")).to_be_empty(timeout=TIMEOUT_MS)

    def fault(self, name: str, *, on: bool = True) -> None:
        """A switch among its faults, like "cabinet.jams"; stays until the device has it."""
        box = self.page.locator(f"#faults input[name='{name}']")
        with self.page.expect_response(lambda answer: "/parts/" in answer.url):
            box.set_checked(on)
        expect(box).to_be_checked(checked=on)

    def reads(self, part: str) -> Locator:
        """A part of the page by its id."""
        return self.page.locator(f"#{part}")

    def has(self, part: str, text: str) -> None:
        """Wait until that part reads so."""
        expect(self.reads(part)).to_contain_text(text, timeout=TIMEOUT_MS)

    def has_sent_all(self) -> None:
        """Nothing waits for the line."""
        expect(self.reads("unsent")).to_have_attribute("data-state", "yes", timeout=TIMEOUT_MS)
