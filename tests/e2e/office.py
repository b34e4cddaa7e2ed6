"""The card office: an administrator in Django admin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import Page, ViewportSize, expect

VIEWPORT: ViewportSize = {"width": 1440, "height": 900}


@dataclass(frozen=True, slots=True)
class Office:
    """One administrator's browser."""

    page: Page

    def sign_in(self, name: str, password: str) -> None:
        """Sign in at the admin's own door."""
        self.page.goto("/admin/")
        self.page.fill("[name=username]", name)
        self.page.fill("[name=password]", password)
        self.page.click("[type=submit]")
        self.page.wait_for_url(lambda url: urlsplit(url).path == "/admin/")  # the sign-in page names it as the next

    def open_sale(self, sale_id: int) -> None:
        """The page of one posted sale."""
        self.page.goto(f"/admin/settlement/sale/{sale_id}/change/")
        expect(self.page.locator("main, #content").first).to_be_visible()

    def top_up(self, number: str, amount: str) -> None:
        """Take cash at the desk: find the person, count, confirm, and stay at the receipt."""
        self.page.goto(f"/admin/cardholders/cardholder/?q={number}")
        self.page.click(f"#result_list a:has-text('{number}'), #result_list tbody th a")
        self.page.click("a[href*='top-up']")
        self.page.fill("[name=amount_minor]", amount)
        self.page.click("main button[type=submit], #content button[type=submit]")
        self.page.click("[name=confirmed]")
        expect(self.page).to_have_url(re.compile("/receipt"))
