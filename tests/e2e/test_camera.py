"""The scanner's camera: a code is read from the frames of a video, as it is at a counter."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.e2e.books import Books
from tests.e2e.counter import CASHIER_VIEWPORT, ENGLISH, REMEMBER, Counter, View
from tests.e2e.journeys import posted_once
from tests.e2e.phone import Phone
from tests.e2e.watching import keep
from tests.support import chromium
from tests.support.stack import Stack

FRAME = (1280, 720)
SIDE = 420
FRAMES = 10
COUNTER_TOP = (96, 90, 84)


def film(picture: bytes, path: Path) -> None:
    """Write what a camera sees of a phone that is held before it: the code on a dark screen, turned a little."""
    with Image.open(io.BytesIO(picture)) as code:
        screen = Image.new("RGB", (SIDE + 80, SIDE + 80), (12, 24, 20))
        screen.paste(code.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS), (40, 40))
    with path.open("wb") as video:
        for number in range(FRAMES):
            frame = Image.new("RGB", FRAME, COUNTER_TOP)
            turned = screen.rotate(
                4 + number / 5, expand=True, fillcolor=COUNTER_TOP, resample=Image.Resampling.BICUBIC
            )
            frame.paste(turned, (360 + number, 90))
            frame.save(video, "JPEG", quality=88)


@contextmanager
def before_a_camera(browser: Browser, video: Path, *, base_url: str) -> Iterator[Page]:
    """A page in a Chromium whose camera shows the film: it takes a browser of its own for each."""
    flags = [
        *chromium.SAFE_FLAGS,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={video}",
    ]
    executable = str(chromium.find_or_install())
    with browser.browser_type.launch(executable_path=executable, args=flags, headless=True) as own:
        context = own.new_context(base_url=base_url, viewport=CASHIER_VIEWPORT, permissions=["camera"])
        yield context.new_page()
        context.close()


def test_a_code_before_the_camera_pays(
    staff: Phone, stack: Stack, browser: Browser, books: Books, tmp_path: Path
) -> None:
    before = books.sales_of(staff.number)
    staff.sign_in()
    with before_a_camera(browser, tmp_path / "counter.mjpeg", base_url=stack.addresses.terminals[0].url) as page:
        page.add_init_script(REMEMBER)
        page.add_init_script(ENGLISH)
        page.goto("/")
        counter = Counter(View(page), View(page))
        counter.type_amount("15.00")
        page.click("[data-mode=fixed]")
        # The camera looks for its film when it is switched on, and a code does not live as long as a browser starts.
        film(staff.picture(), tmp_path / "counter.mjpeg")
        page.click("#camera")
        shown = counter.cashier.shows("approved")
        keep(page, "camera-cashier-approved")
        counter.amount_is("¥15.00")
    assert shown.sum == "¥12.00"
    posted_once(books, staff.number, before=before, amounts_minor=(12_00,))
