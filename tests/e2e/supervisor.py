"""The supervisor's menu at a device, and who stands before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.e2e.watching import TIMEOUT_S

TIMEOUT_MS = TIMEOUT_S * 1000


@dataclass(frozen=True, slots=True)
class Menu:
    """The menu on a device's page; `pins` by name."""

    page: Page
    pins: Mapping[str, str]

    def enter(self, name: str) -> None:
        """Type one's PIN on the pad."""
        self.page.click("#supervisor")
        self.page.select_option("#pin-who", label=name)
        for digit in self.pins[name]:
            self.page.click(f"#pin-pad [data-pin='{digit}']")
        self.page.click("#pin-pad .go")
        expect(self.page.locator("#menu-who")).to_have_text(name, timeout=TIMEOUT_MS)

    def extend(self, hours: int, *, second: str) -> None:
        """So many hours more without a line, as a second person confirms with a PIN of their own."""
        self.page.fill("#extend-hours", str(hours))
        self.page.select_option("#extend-who", label=second)
        self.page.fill("#extend-pin", self.pins[second])
        self.page.click("#extend-form button")
        self.says(f"Offline sales go on for {hours} h more")

    def says(self, words: str) -> None:
        """Its answer to what was pressed."""
        expect(self.page.locator("#menu-said")).to_have_text(words, timeout=TIMEOUT_MS)

    def leave(self) -> None:
        """Close it."""
        self.page.click("#menu-close")
        expect(self.page.locator("#menu")).to_be_hidden(timeout=TIMEOUT_MS)
