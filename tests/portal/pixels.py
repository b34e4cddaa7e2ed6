"""What a scanner sees: the code read from the pixels of a screenshot."""

from __future__ import annotations

from io import BytesIO

import numpy
import zxingcpp
from PIL import Image
from playwright.sync_api import Page

WAIT_MS = 200
TRIES = 300


def scan(page: Page) -> str | None:
    """The text of the QR on the screen now, or None where there is none to read."""
    picture = Image.open(BytesIO(page.screenshot())).convert("L")
    found = zxingcpp.read_barcodes(numpy.asarray(picture))
    return found[0].text if found else None


def scan_new(page: Page, *, unlike: str | None = None) -> str:
    """Wait until a code is on the screen, and other than `unlike`."""
    for _try in range(TRIES):
        text = scan(page)
        if text is not None and text != unlike:
            return text
        page.wait_for_timeout(WAIT_MS)
    raise AssertionError(f"no new code on {page.url}: {page.inner_text('body')}")
