"""A cardholder with a phone: signs in once, and from then on shows the code, network or not."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

INSTALLED_MS = 120_000
VIEWPORT: ViewportSize = {"width": 390, "height": 844}


@dataclass(frozen=True, slots=True)
class Phone:
    """`number` is the cardholder's; one page is open in `context`."""

    context: BrowserContext
    page: Page
    number: str
    password: str

    def sign_in(self, *, then: str = "/") -> None:
        """Sign in, and stay until the page can be opened with no network."""
        self.page.goto(f"/sign-in/?next={then}")
        self.page.fill("[name=number]", self.number)
        self.page.fill("[name=password]", self.password)
        self.page.click("main button.button[type=submit]")
        self.page.wait_for_selector("html[data-offline='ready']", timeout=INSTALLED_MS)

    def lose_the_network(self) -> None:
        """No network, and the page opened anew."""
        self.context.set_offline(True)
        self.page.reload()

    def find_the_network(self) -> None:
        """The page notices by itself."""
        self.context.set_offline(False)

    def clock_moves_on(self, seconds: int) -> None:
        """It is that much later for the page, opened anew."""
        self.page.clock.set_fixed_time(time.time() + seconds)
        self.page.reload()

    def open_sale(self, sale_id: int, *, language: str) -> Page:
        """The page of one sale, in a language: "en" or "zh-hans"."""
        host = urlsplit(self.page.url).hostname or ""
        self.context.add_cookies([{"name": "django_language", "value": language, "domain": host, "path": "/"}])
        self.page.goto(f"/sales/{sale_id}/")
        expect(self.page.locator("html")).to_have_attribute("lang", re.compile(f"^{language[:2]}"))
        return self.page

    def picture(self) -> bytes:
        """A screenshot of the code alone, as PNG."""
        code = self.page.locator("#code")
        expect(code).to_be_visible()
        expect(self.page.locator("[data-state=opening], [data-state=empty]")).to_have_count(0)
        return code.screenshot()
