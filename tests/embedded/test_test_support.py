"""The site and browser fixtures, on which every browser test stands."""

from __future__ import annotations

from playwright.sync_api import Browser


def test_a_page_of_the_site_opens_in_the_browser(site: str, browser: Browser) -> None:
    page = browser.new_page()
    answer = page.goto(f"{site}/admin/login/")
    assert answer is not None
    assert answer.status == 200
    assert page.locator("input[name=username]").is_visible()
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page.close()
