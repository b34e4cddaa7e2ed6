"""A phone's browser on the cardholder's pages: signing in, and what its code is worth."""

from __future__ import annotations

from django.utils import timezone
from playwright.sync_api import Page, expect

from devices.core.accept import Genuine, read
from devices.core.declines import Decline
from ecard.codes.queries import trust_at
from tests.portal.conftest import PASSWORD, Student

READY = "html[data-offline='ready']"
SHOWN = "#frame[data-state='shown']"
INSTALLED_MS = 120_000


def sign_in(page: Page, student: Student, *, then: str = "/", ready: str = READY) -> None:
    page.goto(f"/sign-in/?next={then}")
    page.fill("[name=number]", student.number)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.button[type=submit]")
    page.wait_for_selector(ready, timeout=INSTALLED_MS)


def page_now_s(page: Page) -> int:
    return int(page.evaluate("Date.now()")) // 1000


def accepted(text: str, *, now_s: int | None = None) -> Genuine | Decline:
    now = timezone.now()
    return read(text, trust=trust_at(now), now_s=int(now.timestamp()) if now_s is None else now_s)


def note(page: Page, name: str) -> str:
    shown = page.locator(f"[data-note={name}]")
    expect(shown).to_be_visible()
    return shown.inner_text()
