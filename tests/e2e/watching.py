"""Waiting on conditions, and keeping what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from playwright.sync_api import Page

from ecard.demo.options import PROJECT

ALBUM = PROJECT / "build" / "screenshots"
TIMEOUT_S = 120.0
"""A terminal long in the dark looks again after half a minute; then it sends, and the server books."""
POLL_S = 0.1

T = TypeVar("T")


def until(look: Callable[[], T], *, what: str, timeout_s: float = TIMEOUT_S) -> T:
    """Look until there is something to see, and give it."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(POLL_S)
    return seen


def keep(page: Page, name: str, *, whole: bool = False) -> Path:
    """A picture of the page for people to look at; `whole` also of what lies below the fold."""
    ALBUM.mkdir(parents=True, exist_ok=True)
    path = ALBUM / f"{name}.png"
    page.screenshot(path=path, full_page=whole)
    return path
